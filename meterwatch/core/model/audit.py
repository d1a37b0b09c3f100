"""The audit and its seal: rows that are only ever added, and the chain of keyed digests over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from meterwatch.core.model.phrase import Phrase

SHORT = 16  # of a digest's 64 characters: nobody finds another chain that shares them


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One thing that was done: when in business time, by whom, to what."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Digest:
    """A link of the chain: the audit rows after the previous link up to ``last_id``, and the digest over both.

    ``hour`` is the start of the hour its first row belongs to; ``key`` names the key it was made with.
    """

    number: int
    hour: datetime
    first_id: int
    last_id: int
    rows: int
    previous: str
    key: str
    digest: str

    @property
    def short(self) -> str:
        """The form that is printed on sheets and reports: ``NUMBER-`` and the digest's first 16 characters."""
        return f"{self.number}-{self.digest[:SHORT]}"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link as it is remembered outside the ledger; number 0 = nothing is remembered, -1 = it can't be read."""

    number: int
    digest: str = ""


class Fault(StrEnum):
    """What can be wrong with the sealed audit."""

    CHANGED = "changed row"
    MISSING = "missing row"
    ADDED = "added row"
    CUT = "cut tail"
    BROKEN = "broken chain"
    KEY = "wrong key"
    HEAD = "head lost"


FAULT_TEXT: dict[Fault, Phrase] = {
    Fault.CHANGED: Phrase("a row, or the digest itself, was changed", "记录或摘要本身被改动"),
    Fault.MISSING: Phrase("rows are missing", "缺少记录"),
    Fault.ADDED: Phrase("rows were put in between", "被插入记录"),
    Fault.CUT: Phrase("the tail was cut off", "尾部被截断"),
    Fault.BROKEN: Phrase(
        "the digests do not follow each other: the chain was broken or rewritten", "摘要不连续：链被破坏或重写"
    ),
    Fault.KEY: Phrase("it was sealed with another key", "使用了其他密钥封存"),
    Fault.HEAD: Phrase(
        "what was remembered beside the key is gone, out of date or can't be read: a cut tail would not show",
        "密钥旁的末端记录丢失、过期或无法读取：无法排除尾部被截断",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing wrong: with which link, and in which rows."""

    fault: Fault
    number: int
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk over the whole chain found: links, rows below them, rows not sealed yet, and the first thing wrong."""

    digests: int
    sealed: int
    unsealed: int
    newest: Digest | None
    finding: Finding | None
