"""Cells of the registry's CSV files: how one is read, and what a clerk is told may stand in it.

Codes and names are kept as written. Numbers, dates and words from a list are read after NFKC normalisation, so that
full-width digits and letters count as what they mean.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from unicodedata import normalize
from zoneinfo import available_timezones

from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import IMPORTANT, LARGE, Category, CustomerClass, Grade, Role

CODE_LENGTH = 64
CODE_MARKS = "-_.:#+@()（）"  # no / and no comma, which part codes in subjects, keys and lists, nothing a tag would escape
_EARLIEST_YEAR = 1900
_LATEST = datetime(9999, 12, 31)  # noqa: DTZ001  a local time: later ones have no UTC moment in every zone

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})日)", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_FOREIGN = re.compile(rf"[^\w{re.escape(CODE_MARKS)}]")
_HASH = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_PHONE = re.compile(r"\+?\d{3,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a cell may hold: ``what`` completes "... is not ...", ``read`` returns the value or None if it is not that.

    ``foreign`` returns the first character that can't stand in such a text, empty if there is none or any may.
    ``plain`` returns whether cells, all of them, are values just as they stand in the file; it may not know.
    """

    what: Phrase
    read: Callable[[str], Any]
    foreign: Callable[[str], str] = lambda _: ""
    plain: Callable[[Sequence[str]], bool] = lambda _: False


def _plain(text: str) -> str:
    return text if text.isascii() else normalize("NFKC", text).strip()


def read_code(text: str) -> str | None:
    """Return the code as written; None if it is too long or holds a character that can't stand in one."""
    return text if len(text) <= CODE_LENGTH and not foreign_to_code(text) else None


def foreign_to_code(text: str) -> str:
    """Return the first character that can't stand in a code, empty if there is none."""
    found = _FOREIGN.search(text)
    return found[0] if found else ""


def are_codes(texts: Sequence[str]) -> bool:
    """Return whether all are codes, none empty: one search in all of them takes a fifth of one search in each."""
    return all(texts) and max(map(len, texts)) <= CODE_LENGTH and not foreign_to_code("".join(texts))


def read_number(text: str) -> float | None:
    """Return a finite number written with a decimal point and without thousands separators."""
    plain = _plain(text)
    value = float(plain) if _NUMBER.fullmatch(plain) else math.inf
    return value if math.isfinite(value) else None


_MOST = 1e12


def read_positive(text: str) -> float | None:
    """Return a number above 0, and not so large that sums could run over."""
    value = read_number(text)
    return value if value is not None and 0 < value <= _MOST else None


def read_not_negative(text: str) -> float | None:
    """Return a number of 0 or more."""
    value = read_number(text)
    return value if value is not None and value >= 0 else None


def read_year(text: str) -> int | None:
    """Return a calendar year, 1900..9999."""
    plain = _plain(text)
    return int(plain) if _YEAR.fullmatch(plain) and int(plain) >= _EARLIEST_YEAR else None


def read_months(text: str) -> int | None:
    """Return how many months of a year, 0..12."""
    plain = _plain(text)
    return int(plain) if plain.isdecimal() and len(plain) <= 2 and int(plain) <= 12 else None


def read_digits(text: str) -> int | None:
    """Return how many digits a register has before the point, 1..12."""
    plain = _plain(text)
    return int(plain) if plain.isdecimal() and len(plain) <= 2 and 1 <= int(plain) <= 12 else None


def read_day(text: str) -> date | None:
    """Return a date written as 2023-01-31, 2023/1/31 or 2023年1月31日, not before 1900."""
    found = _DATE.fullmatch(_plain(text))
    if not found:
        return None
    year, month, day = (int(part) for part in found.groups() if part)
    try:
        return date(year, month, day) if year >= _EARLIEST_YEAR else None
    except ValueError:
        return None


def read_moment(text: str) -> datetime | None:
    """Return a date with or without a time of day; naive where no zone is written, that is, local to the usage point."""
    date_part, _, time_part = _plain(text).replace("T", " ").partition(" ")
    day, hour = read_day(date_part), _time(time_part.replace(" ", ""))
    if day is None or hour is None:
        return None
    moment = datetime.combine(day, hour)
    return moment if moment.replace(tzinfo=None) <= _LATEST else None


def _time(text: str) -> time | None:
    if not text:
        return time.min
    try:
        return time.fromisoformat("0" + text if text[1:2] == ":" else text)
    except ValueError:
        return None


def read_phone(text: str) -> str | None:
    """Return the number without spaces and hyphens; a + may lead."""
    digits = "".join(_plain(text).split()).replace("-", "")
    return digits if _PHONE.fullmatch(digits) else None


def read_topic_filter(text: str) -> str | None:
    """Return an MQTT topic filter: ``+`` and ``#`` stand alone in a level, ``#`` in the last one only."""
    *front, last = text.split("/")
    alone = all(level == "+" or not _wild(level) for level in front) and (last in ("+", "#") or not _wild(last))
    return text if alone and len(text.encode()) <= 65535 else None


def _wild(level: str) -> bool:
    return "+" in level or "#" in level


def read_zone(text: str) -> str | None:
    """Return the name of an IANA time zone."""
    return text if text in _zones() else None


@lru_cache(maxsize=1)
def _zones() -> set[str]:
    return available_timezones()


def one_of(words: Mapping[str, Any], shown: Phrase) -> Kind:
    """Return the kind that reads one of ``words`` (in lower case), written in any case."""
    return Kind(shown, lambda text: words.get(_plain(text).lower()))


def _same(*names: str) -> tuple[dict[str, str], Phrase]:
    shown = ", ".join(names)
    return {name.lower(): name for name in names}, Phrase(f"one of {shown}", f"下列之一：{shown}")


def read_hash(text: str) -> str | None:
    """Return a SHA-256 in 64 hexadecimal digits, in lower case."""
    return text.lower() if _HASH.fullmatch(text) else None


_MARKS = " ".join(CODE_MARKS)
CODE = Kind(
    Phrase(
        f"a code of at most {CODE_LENGTH} letters, digits and {_MARKS}",
        f"最多 {CODE_LENGTH} 个字符的编号，只含字母、汉字、数字和 {_MARKS}",
    ),
    read_code,
    foreign_to_code,
    are_codes,
)
TEXT = Kind(Phrase("text", "文字"), str)
POSITIVE = Kind(Phrase("a number above 0", "大于 0 的数"), read_positive)
NOT_NEGATIVE = Kind(Phrase("a number of 0 or more", "不小于 0 的数"), read_not_negative)
NUMBER = Kind(Phrase("a number", "数字"), read_number)
YEAR = Kind(Phrase("a year such as 2023", "年份（如 2023）"), read_year)
MONTHS = Kind(Phrase("a whole number from 0 to 12", "0 到 12 的整数"), read_months)
DIGITS = Kind(Phrase("a whole number from 1 to 12", "1 到 12 的整数"), read_digits)
DAY = Kind(
    Phrase("a date such as 2023-01-31, 2023/1/31 or 2023年1月31日", "日期（如 2023-01-31、2023/1/31 或 2023年1月31日）"),
    read_day,
)
MOMENT = Kind(
    Phrase(
        "a date with or without a time, such as 2023-01-31, 2023-01-31 08:00 or 2023-01-31T08:00:00+08:00",
        "日期或日期时间（如 2023-01-31、2023-01-31 08:00 或 2023-01-31T08:00:00+08:00）",
    ),
    read_moment,
)
PHONE = Kind(Phrase("a phone number (digits, spaces, + and - only)", "电话号码（只能用数字、空格、+ 和 -）"), read_phone)
TOPIC_FILTER = Kind(
    Phrase("an MQTT topic filter (+ for one level, # for all that follow)", "MQTT 主题过滤器（+ 代表一级，# 代表其后各级）"),
    read_topic_filter,
)
ZONE = Kind(Phrase("an IANA time zone such as Asia/Shanghai", "IANA 时区名（如 Asia/Shanghai）"), read_zone)
CUSTOMER_CLASS = one_of(*_same(*CustomerClass))
ROLE = one_of(*_same(*Role))
LANG = one_of(*_same("zh-CN", "en"))
YES_NO = one_of(
    {"yes": True, "no": False, "是": True, "否": False, "true": True, "false": False, "1": True, "0": False},
    Phrase("yes or no", "“是”或“否”（yes 或 no）"),
)
COMMODITY = one_of(
    {
        **{name: name for name in ("electricity", "gas", "water", "heat")},
        "电": "electricity",
        "气": "gas",
        "燃气": "gas",
        "水": "water",
        "热": "heat",
    },
    Phrase("one of electricity, gas, water, heat", "下列之一：电、燃气、水、热（electricity、gas、water、heat）"),
)
HASH = Kind(Phrase("a SHA-256 in 64 hexadecimal digits", "64 位十六进制的 SHA-256"), read_hash)
CONTACT_ROLE = one_of(
    {"main": "main", "outage": "outage", "主": "main", "停电": "outage"},
    Phrase("one of main, outage", "下列之一：main、outage（主、停电）"),
)
SUPPLY = one_of(
    {"primary": "primary", "backup": "backup", "主供": "primary", "备供": "backup"},
    Phrase("one of primary, backup", "下列之一：primary、backup（主供、备供）"),
)
CATEGORY = one_of(
    {
        **{name: name for name in Category},
        "基础设施": Category.INFRASTRUCTURE,
        "政府": Category.GOVERNMENT,
        "公共服务": Category.PUBLIC_SERVICE,
        "其他": Category.OTHER,
    },
    Phrase(
        "one of infrastructure, government, public service, other",
        "下列之一：基础设施、政府、公共服务、其他（infrastructure、government、public service、other）",
    ),
)
_GRADES = {
    **{name.value: name for name in Grade},
    "特级": Grade.SPECIAL,
    "一级": Grade.FIRST,
    "二级": Grade.SECOND,
    "临时": Grade.TEMPORARY,
}
IMPORTANCE = one_of(
    {**_GRADES, LARGE: LARGE, IMPORTANT: IMPORTANT, "大客户": LARGE, "重要": IMPORTANT, "重要客户": IMPORTANT},
    Phrase(
        "one of large, important, special, 1, 2, temporary",
        "下列之一：大客户、重要、特级、一级、二级、临时（large、important、special、1、2、temporary）",
    ),
)
GRADE = one_of(
    _GRADES,
    Phrase("one of special, 1, 2, temporary", "下列之一：特级、一级、二级、临时（special、1、2、temporary）"),
)
