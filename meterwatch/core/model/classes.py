"""The yearly classification by use: a row for each customer and commodity, as computed and as decided."""

from dataclasses import dataclass
from datetime import datetime

DUTY = "who-january"
"""The duty rule that the approved sheet of the year before meets, in each unit."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A customer's use in a year and what follows from it (RULES who-large).

    ``monthly_mean`` in kWh or m3, None = not known, over ``months`` months. ``proposed``: he reaches the threshold;
    ``provisional``: service or readings do not cover the year, so that the office decides. ``old_large``: he is large by
    the newest year decided before; ``large``: what the office decided, None = nothing yet.
    """

    customer: str
    commodity: str
    customer_class: str
    monthly_mean: float | None
    months: int
    provisional: bool
    old_large: bool
    proposed: bool
    large: bool | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What names the row within its year."""
        return self.customer, self.commodity


@dataclass(frozen=True, slots=True)
class ClassSheet:
    """A year's rows as an office decided them, waiting for the approval of somebody else."""

    id: int
    year: int
    rows: tuple[ClassRow, ...]
    decided_by: str
    decided_at: datetime
    account: str
