"""A value made of NumPy columns of one length."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Columns:
    """Base of frozen dataclasses whose fields are columns; a subclass names their dtypes in ``DTYPES``, in field order."""

    __slots__ = ()
    DTYPES: ClassVar[tuple[type[np.generic], ...]]

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Return the columns in field order."""
        return tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.columns()[0])

    def take(self, index: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """Return the rows chosen by a boolean mask or an index array, in that order."""
        return type(self)(*(column[index] for column in self.columns()))

    @classmethod
    def of(cls, *columns: ArrayLike) -> Self:
        """Return a value from anything array-like, cast to ``DTYPES``; raises ValueError if the lengths differ."""
        cast = [np.asarray(column, dtype) for column, dtype in zip(columns, cls.DTYPES, strict=True)]
        if len({len(column) for column in cast}) > 1:
            raise ValueError(f"{cls.__name__}: columns of different lengths {[len(column) for column in cast]}")
        return cls(*cast)

    @classmethod
    def empty(cls) -> Self:
        """Return a value of no rows."""
        return cls.of(*([] for _ in cls.DTYPES))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return all rows of ``parts`` in order."""
        if not parts:
            return cls.empty()
        return cls(*(np.concatenate(columns) for columns in zip(*(part.columns() for part in parts), strict=True)))
