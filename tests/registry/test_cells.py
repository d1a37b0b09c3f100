"""Cells of the registry's files: what is read from which text."""

from datetime import UTC, date, datetime

import pytest

from meterwatch.stores.registry_cells import (
    COMMODITY,
    CUSTOMER_CLASS,
    YES_NO,
    Kind,
    foreign_to_code,
    read_code,
    read_day,
    read_digits,
    read_moment,
    read_number,
    read_phone,
    read_topic_filter,
    read_zone,
)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2023-01-31", date(2023, 1, 31)),
        ("2023/1/31", date(2023, 1, 31)),
        ("2023年1月31日", date(2023, 1, 31)),
        ("２０２３－０１－３１", date(2023, 1, 31)),
        ("2024-02-29", date(2024, 2, 29)),
        ("9999-12-31", date(9999, 12, 31)),
        ("2023-02-29", None),
        ("2023-1/31", None),
        ("31.1.2023", None),
        ("20230131", None),
        ("1899-12-31", None),
        ("0000-00-00", None),
        ("2023-01-31 00:00", None),
    ],
)
def test_a_date(text: str, day: date | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-01-31", datetime(2023, 1, 31)),  # noqa: DTZ001  naive means local to the usage point
        ("2023/1/31 8:05", datetime(2023, 1, 31, 8, 5)),  # noqa: DTZ001
        ("2023-01-31T08:05:07", datetime(2023, 1, 31, 8, 5, 7)),  # noqa: DTZ001
        ("2023年1月31日　０８：０５", datetime(2023, 1, 31, 8, 5)),  # noqa: DTZ001
        ("2023-01-31T08:05:07.250Z", datetime(2023, 1, 31, 8, 5, 7, 250_000, UTC)),
        ("2023-01-31 08:05 +08:00", datetime(2023, 1, 31, 0, 5, tzinfo=UTC)),
        ("2023-01-31T25:00", None),
        ("2023-01-31T08:00+99:00", None),
        ("2023-02-30T08:00", None),
        ("08:00", None),
        ("9999-12-31 23:59", None),
    ],
)
def test_a_moment(text: str, moment: datetime | None) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    ("text", "value"),
    [("12.5", 12.5), ("-3", -3.0), ("1e3", 1000.0), ("１２．５", 12.5), ("+.5", 0.5), ("7.", 7.0)]
    + [(text, None) for text in ("1,000", "1_000", "nan", "inf", "1e999", "0x10", "12kW", "--1", ".")],
)
def test_a_number(text: str, value: float | None) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize(
    ("text", "digits"),
    [("1", 1), ("12", 12), ("８", 8), ("0", None), ("13", None), ("6.0", None), ("x", None), ("-1", None)],
)
def test_digits(text: str, digits: int | None) -> None:
    assert read_digits(text) == digits


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("138 0013-8000", "13800138000"),
        ("+86 138-0013 8000", "+8613800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("010-110", "010110"),
        ("138x0013", None),
        ("86+138", None),
        ("12", None),
        ("138/139", None),
    ],
)
def test_a_phone(text: str, phone: str | None) -> None:
    assert read_phone(text) == phone


@pytest.mark.parametrize("text", ["a/b", "+", "#", "a/+/b", "a/#", "+/+/#", "/a", "电/表"])
def test_a_topic_filter(text: str) -> None:
    assert read_topic_filter(text) == text


@pytest.mark.parametrize("text", ["a/#/b", "a#", "a+/b", "a/b+", "#/a", "a" * 65536])
def test_not_a_topic_filter(text: str) -> None:
    assert read_topic_filter(text) is None


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        (YES_NO, ("yes", "YES", "是", "true", "1", "１"), True),
        (YES_NO, ("no", "否", "False", "0"), False),
        (YES_NO, ("maybe", "2"), None),
        (COMMODITY, ("gas", "Gas", "气", "燃气"), "gas"),
        (COMMODITY, ("electricity", "电"), "electricity"),
        (COMMODITY, ("water", "水"), "water"),
        (COMMODITY, ("heat", "热"), "heat"),
        (COMMODITY, ("steam",), None),
        (CUSTOMER_CLASS, ("A1", "a1", "Ａ１"), "A1"),
        (CUSTOMER_CLASS, ("A4", "A"), None),
    ],
)
def test_a_word_from_a_list(kind: Kind, texts: tuple[str, ...], value: object) -> None:
    assert [kind.read(text) for text in texts] == [value] * len(texts)


@pytest.mark.parametrize("text", ["C-0001", "GP_1.2:3#4+5@6", "一所（北区）", "用户(1)", "Ａ１", "é", "x" * 64, "-"])
def test_a_code(text: str) -> None:
    assert (read_code(text), foreign_to_code(text)) == (text, "")


NOT_IN_CODES = [*"/\\,=\"'`; \t|*?!&<>{}[]$%~^", *"\n\r\0\x1b\x7f\xa0\u2028\u3000\u200b\u202e\ufeff，／“"]


@pytest.mark.parametrize("char", NOT_IN_CODES, ids=ascii)
def test_not_a_code(char: str) -> None:
    for text in (f"C{char}1", f"C1{char}", f"{char}C1 /"):
        assert (read_code(text), foreign_to_code(text)) == (None, char)


def test_a_code_that_is_too_long() -> None:
    assert (read_code("x" * 65), foreign_to_code("x" * 65)) == (None, "")


def test_a_time_zone() -> None:
    assert [read_zone(text) for text in ("Asia/Shanghai", "Asia", "Mars/Olympus", "../etc")] == [
        "Asia/Shanghai",
        *[None] * 3,
    ]
