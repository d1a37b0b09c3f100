"""Short names, for the telling and for the table at the end."""

from collections import Counter
from collections.abc import Iterable

from meterwatch.core.model.packets import REASON_TEXT, Reason
from meterwatch.core.model.phrase import Phrase

NONE = Phrase("none", "无")
REASON: dict[Reason, Phrase] = {
    **REASON_TEXT,
    Reason.EMPTY: Phrase("empty", "空报文"),
    Reason.TOO_LARGE: Phrase("too large", "超长"),
    Reason.NOT_JSON: Phrase("not JSON", "JSON 错误"),
    Reason.NO_RECORDS: Phrase("no records", "无记录"),
    Reason.UNKNOWN_METER: Phrase("unknown meter", "未知表号"),
    Reason.TOO_OLD: Phrase("too old", "时间过早"),
    Reason.IN_FUTURE: Phrase("in the future", "时间超前"),
    Reason.WRONG_UNIT: Phrase("wrong unit", "单位不符"),
}


def listed(items: Iterable[str]) -> Phrase:
    """Return names that need no translation, one after the other, or that there are none."""
    text = ", ".join(items)
    return Phrase(text, text) if text else NONE


def tally(names: Iterable[Phrase]) -> Phrase:
    """Return how often each name occurs, the most frequent first; equal for equal names in any order."""
    counted = sorted(Counter(names).items(), key=lambda entry: (-entry[1], entry[0]))
    if not counted:
        return NONE
    return Phrase(", ".join(f"{n} {name.en}" for name, n in counted), "、".join(f"{name.zh}×{n}" for name, n in counted))
