"""The registry's CSV files: which there are, their columns, and what is said about a place in one.

``FILES`` is the contract: reading, error texts and documentation all follow it. Nothing here knows a database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.registry_cells import (
    CODE,
    COMMODITY,
    CUSTOMER_CLASS,
    DAY,
    DIGITS,
    LANG,
    MOMENT,
    NOT_NEGATIVE,
    PHONE,
    POSITIVE,
    ROLE,
    TEXT,
    TOPIC_FILTER,
    YES_NO,
    ZONE,
    Kind,
)

LATER_FILES = ("contacts", "zones", "point_zones", "designations")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what its cells hold, and what an empty one means. ``key`` columns together name a row of the file.

    ``references`` names the file whose key the cell must be. ``stored`` is the name in the database, if another.
    """

    name: str
    kind: Kind
    about: str
    required: bool = False
    key: bool = False
    references: str = ""
    empty: Any = None
    stored: str = ""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file of the registry. ``span`` names its columns of first and last time, the last one exclusive or empty."""

    name: str
    columns: tuple[Column, ...]
    span: tuple[str, str] | None = None

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}.csv"

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return tuple(column.name for column in self.columns if column.key)

    def markdown(self) -> str:
        """Return the columns as a Markdown table for the documentation."""
        lines = [f"| `{c.name}`{'*' if c.required else ''} | {c.kind.what.en} | {c.about} |" for c in self.columns]
        return "\n".join(["| column (* = required) | holds | meaning |", "|---|---|---|", *lines])


def _from_to(first: str, last: str) -> tuple[Column, Column]:
    return (
        Column("from", DAY, first, stored="first_day"),
        Column("to", DAY, last, stored="last_day"),
    )


CUSTOMERS = FileSpec(
    "customers",
    (
        Column("customer", CODE, "code of the customer", required=True, key=True),
        Column("name", TEXT, "name; shown only to those who may see it", required=True),
        Column("class", CUSTOMER_CLASS, "A1 industrial, A2 commercial, A3 other, B1, B2 residential", required=True),
        Column("wheeling", YES_NO, "the gas is only carried for him; empty = no", empty=False),
        Column("unit", CODE, "unit he belongs to"),
        Column("area", CODE, "area he lies in"),
    ),
)
USAGE_POINTS = FileSpec(
    "usage_points",
    (
        Column("usage_point", CODE, "code of the usage point", required=True, key=True),
        Column("commodity", COMMODITY, "what is delivered", required=True),
        Column("time_zone", ZONE, "empty = the site's zone"),
        Column("capacity", POSITIVE, "contract or transformer capacity in kW; gas and water m3/h"),
        Column("qmin", NOT_NEGATIVE, "smallest flow the meter measures, m3/h"),
        Column("qmax", POSITIVE, "largest flow the meter measures, m3/h"),
    ),
)
AGREEMENTS = FileSpec(
    "agreements",
    (
        Column("agreement", CODE, "code of the agreement", required=True, key=True),
        Column("customer", CODE, "who is supplied", required=True, references="customers"),
        Column("usage_point", CODE, "where", required=True, references="usage_points"),
        Column("from", DAY, "first day", required=True, stored="first_day"),
        Column("to", DAY, "first day after it; empty = open", stored="last_day"),
    ),
    span=("from", "to"),
)
METERS = FileSpec(
    "meters",
    (
        Column("meter", CODE, "code of the meter; several rows if it was moved", required=True, key=True),
        Column("usage_point", CODE, "where it stands", required=True, references="usage_points"),
        Column("digits", DIGITS, "digits of the register before the point; empty = not known"),
        Column("multiplier", POSITIVE, "use = difference of the register x this; empty = 1", empty=1.0),
        Column("gateway", CODE, "gateway that reports it"),
        Column("topic_filter", TOPIC_FILTER, "topics it reports on"),
        Column("valid_from", MOMENT, "installed; local to the usage point if no zone is written", required=True, key=True),
        Column("valid_to", MOMENT, "removed; empty = still in use"),
        Column("initial_index", NOT_NEGATIVE, "register when installed"),
        Column("final_index", NOT_NEGATIVE, "register when removed"),
    ),
    span=("valid_from", "valid_to"),
)
PEOPLE = FileSpec(
    "people",
    (
        Column("person", CODE, "code of the person", required=True, key=True),
        Column("name", TEXT, "name; shown only to those who may see it", required=True),
        Column("role", ROLE, "role", required=True),
        Column("phone", PHONE, "phone that notices go to"),
        Column("email", TEXT, "e-mail"),
        Column("unit", CODE, "unit the person works for"),
        Column("lang", LANG, "language of notices; empty = zh-CN", empty="zh-CN"),
        *_from_to("first day in office; empty = always", "first day no longer in office; empty = open"),
    ),
    span=("from", "to"),
)
ASSIGNMENTS = FileSpec(
    "assignments",
    (
        Column("person", CODE, "who is responsible", required=True, key=True, references="people"),
        Column("role", ROLE, "as what", required=True, key=True),
        Column("customer", CODE, "for this customer; empty = for all", key=True, references="customers"),
        Column("class", CUSTOMER_CLASS, "for this class; empty = for all", key=True),
        Column("area", CODE, "for this area; empty = for all", key=True),
        Column("from", DAY, "first day; empty = as long as the person is in office", key=True, stored="first_day"),
        Column("to", DAY, "first day no longer; empty = open", stored="last_day"),
    ),
    span=("from", "to"),
)
FILES = (CUSTOMERS, USAGE_POINTS, AGREEMENTS, METERS, PEOPLE, ASSIGNMENTS)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to say about a place in a file; line 0 means the whole file, an empty column the whole line.

    A figure that is a Phrase itself is said in the language of the sentence.
    """

    file: str
    line: int
    column: str
    text: Phrase
    figures: Mapping[str, object] = field(default_factory=dict)

    def say(self, lang: Lang) -> str:
        """Return the place and the reason, e.g. ``meters.csv:7 digits: "x" is not a whole number from 1 to 12``."""
        figures = {name: f.say(lang) if isinstance(f, Phrase) else f for name, f in self.figures.items()}
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}{' ' if self.column else ''}{self.column}: {self.text.say(lang, **figures)}"
