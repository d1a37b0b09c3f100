"""The registry's CSV files: what is read from a cell, and what a clerk is told of every kind of mistake."""

import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Lang
from meterwatch.stores.registry_files import FILES
from meterwatch.stores.registry_folder import read_folder
from tests.support.registry_csv import HEADERS, SOUND, write_files

CJK = re.compile(r"[\u4e00-\u9fff]")
ZONE = "Asia/Shanghai"


class Found(NamedTuple):
    """Where a problem is reported, and a fragment of its English text."""

    file: str
    line: int
    column: str
    fragment: str


def problems(folder: Path, files: dict[str, Any]) -> list[tuple[Found, str]]:
    read = read_folder(write_files(folder, files), ZONE)
    return [(Found(p.file, p.line, p.column, p.say(Lang.EN)), p.say(Lang.ZH)) for p in read.problems]


def assert_found(folder: Path, files: dict[str, Any], expected: list[Found]) -> None:
    """Assert that exactly these problems are reported, each in both languages."""
    seen = problems(folder, files)
    assert [found[:3] for found, _ in seen] == [wanted[:3] for wanted in expected], [found.fragment for found, _ in seen]
    for (found, chinese), wanted in zip(seen, expected, strict=True):
        assert wanted.fragment in found.fragment
        assert CJK.search(chinese), chinese
        assert chinese.startswith(f"{found.file}:{found.line}" if found.line else found.file)


# --- every problem of a cell ------------------------------------------------------------------------------------------

A_CODE = "a code of at most 64 letters, digits and - _ . : # + @ ( ) （ ）"
CELLS = [
    ("customers", "customer=", "must not be empty"),
    ("customers", "customer=" + "x" * 65, f'"{"x" * 60}" is not {A_CODE}'),
    ("customers", "customer=C\t9", f"is not {A_CODE}: it holds '\\t'"),
    ("customers", "unit=Unit 1", f"\"Unit 1\" is not {A_CODE}: it holds ' '"),
    ("customers", "area=a\\b", f"is not {A_CODE}: it holds '\\\\'"),
    ("usage_points", "usage_point=C-0001/gas", f"\"C-0001/gas\" is not {A_CODE}: it holds '/'"),
    ("agreements", "agreement={x}", f"is not {A_CODE}: it holds '{{'"),
    ("meters", "meter=M=9", f"is not {A_CODE}: it holds '='"),
    ("meters", "gateway=G\u200b1", f"is not {A_CODE}: it holds '\\u200b'"),
    ("people", "person=O'Neil", f'is not {A_CODE}: it holds "\'"'),
    ("customers", "name=", "must not be empty"),
    ("customers", "class=A9", '"A9" is not one of A1, A2, A3, B1, B2'),
    ("customers", "class=", "must not be empty"),
    ("customers", "wheeling=perhaps", '"perhaps" is not yes or no'),
    ("usage_points", "commodity=steam", "is not one of electricity, gas, water, heat"),
    ("usage_points", "time_zone=Shanghai", "is not an IANA time zone such as Asia/Shanghai"),
    ("usage_points", "capacity=0", "is not a number above 0"),
    ("usage_points", "qmin=-1", "is not a number of 0 or more"),
    ("usage_points", "qmax=many", "is not a number above 0"),
    ("agreements", "from=", "must not be empty"),
    ("agreements", "from=31.1.2023", "is not a date such as 2023-01-31"),
    ("agreements", "to=never", "is not a date such as 2023-01-31"),
    ("meters", "digits=13", '"13" is not a whole number from 1 to 12'),
    ("meters", "multiplier=0", "is not a number above 0"),
    ("meters", "topic_filter=a/#/b", "is not an MQTT topic filter"),
    ("meters", "valid_from=", "must not be empty"),
    ("meters", "valid_to=2023-01-31 25:00", "is not a date with or without a time"),
    ("meters", "initial_index=-5", "is not a number of 0 or more"),
    ("people", "role=boss", "is not one of manager, deputy, office_head"),
    ("people", "phone=ask Li", "is not a phone number (digits, spaces, + and - only)"),
    ("people", "lang=fr", "is not one of zh-CN, en"),
    ("assignments", "role=", "must not be empty"),
    ("contacts", "phone=139-CALL-ME", "is not a phone number (digits, spaces, + and - only)"),
    ("contacts", "role=friend", "is not one of main, outage"),
    ("contacts", "paper_hash=abc", "is not a SHA-256 in 64 hexadecimal digits"),
    ("point_zones", "supply=both", "is not one of primary, backup"),
    ("designations", "grade=3", "is not one of special, 1, 2, temporary"),
    ("assignments", "class=C1", "is not one of A1, A2, A3, B1, B2"),
    ("classifications", "year=23", "is not a year such as 2023"),
    ("classifications", "year=1899", "is not a year such as 2023"),
    ("classifications", "months=13", "is not a whole number from 0 to 12"),
    ("classifications", "monthly_mean=much", "is not a number"),
    ("classifications", "large=", "must not be empty"),
]
GOOD = {
    "customers": {"customer": "C9", "name": "Nine", "class": "A1"},
    "usage_points": {"usage_point": "P9", "commodity": "gas"},
    "agreements": {"agreement": "G9", "customer": "C1", "usage_point": "P3", "from": "2020-01-01"},
    "meters": {"meter": "M9", "usage_point": "P3", "valid_from": "2020-01-01"},
    "people": {"person": "K9", "name": "Nine", "role": "manager"},
    "assignments": {"person": "K3", "role": "manager"},
    "contacts": {"contact": "N9", "customer": "C3", "name": "Nine", "role": "main"},
    "zones": {"zone": "Z9", "kind": "feeder"},
    "point_zones": {"usage_point": "P3", "zone": "Z3"},
    "designations": {
        "customer": "C3",
        "category": "other",
        "grade": "1",
        "basis": "b",
        "approved_by": "K3",
        "review_date": "2024-01-01",
    },
    "classifications": {
        "customer": "C3",
        "commodity": "gas",
        "year": "2022",
        "months": "12",
        "provisional": "no",
        "large": "no",
        "decided_by": "K1",
        "approved_by": "K3",
    },
}


def row_of(name: str, /, **cells: str) -> str:
    return ",".join({**GOOD[name], **cells}.get(column, "") for column in HEADERS[name].split(","))


@pytest.mark.parametrize(("name", "cell", "fragment"), CELLS)
def test_a_cell_that_cannot_be_read(tmp_path: Path, name: str, cell: str, fragment: str) -> None:
    column, _, text = cell.partition("=")
    files = {**SOUND, name: SOUND[name] + row_of(name, **{column: text}) + "\n"}
    assert_found(tmp_path, files, [Found(f"{name}.csv", 5, column, fragment)])


def test_an_importance_that_cannot_be_read(tmp_path: Path) -> None:
    files = {**SOUND, "assignments": f"{HEADERS['assignments']}\n{row_of('assignments', importance='huge')}\n"}
    said = '"huge" is not one of large, important, special, 1, 2, temporary'
    assert_found(tmp_path, files, [Found("assignments.csv", 2, "importance", said)])


def test_the_registry_of_these_tests_is_sound(tmp_path: Path) -> None:
    for name in GOOD:
        assert_found(tmp_path, {**SOUND, name: SOUND[name] + row_of(name) + "\n"}, [])


def test_what_is_said(tmp_path: Path) -> None:
    [(found, chinese)] = problems(tmp_path, {**SOUND, "meters": SOUND["meters"] + row_of("meters", digits="x")})
    assert found.fragment == 'meters.csv:5 digits: "x" is not a whole number from 1 to 12'
    assert chinese == "meters.csv:5 digits: “x”无效，应为1 到 12 的整数"


# --- every problem of a line, a header, a file ------------------------------------------------------------------------

CUSTOMERS = SOUND["customers"]
LINES: list[tuple[str, dict[str, str | bytes | None], list[Found]]] = [
    ("missing file", {"people": None, "assignments": ""}, [
        Found("people.csv", 0, "", "the file is missing; if there is nothing to enter, leave only its header line"),
        Found("assignments.csv", 0, "", "the header line is missing"),
    ]),
    ("neither encoding", {"customers": b"customer,name,class\nC1,\xff\xfe,A1\n"}, [
        Found("customers.csv", 0, "", "neither UTF-8 nor GB18030"),
    ]),
    ("broken after a mark of UTF-8", {"customers": b"\xef\xbb\xbfcustomer,name,class\nC1,\xcb\xce,A1\n"}, [
        Found("customers.csv", 0, "", "neither UTF-8 nor GB18030"),
    ]),
    ("UTF-16", {"customers": "customer,name,class".encode("utf-16-le")}, [
        Found("customers.csv", 0, "", "neither UTF-8 nor GB18030"),
    ]),
    ("unknown column", {"customers": CUSTOMERS.replace("wheeling", "weeling")}, [
        Found("customers.csv", 1, "", '"weeling" is not a column of this file; did you mean "wheeling"?'),
    ]),
    ("column twice", {"people": "person,name,role,to,to\nK1,Li,manager,,\nK2,Wu,deputy,,\n"}, [
        Found("people.csv", 1, "to", "stands twice"),
    ]),
    ("no required column", {"agreements": "agreement,customer,from\nG1,C1,2020-01-01\nG2,C1,2020-01-01\n"}, [
        Found("agreements.csv", 1, "usage_point", "the required column is missing"),
    ]),
    ("no key column", {"people": "name,role\nLi,manager\nWang,manager\n"}, [
        Found("people.csv", 1, "person", "the required column is missing"),
    ]),
    ("no key columns", {"people": "name,role,to\nLi,manager,2020-01-01\n", "assignments": "role,from\nmanager,2021-01-01"}, [
        Found("people.csv", 1, "person", "the required column is missing"),
        Found("assignments.csv", 1, "person", "the required column is missing"),
    ]),
    ("open quote", {"customers": CUSTOMERS + 'C4,"Open,A1\nC5,Five,A9\n'}, [
        Found("customers.csv", 5, "", "do not pair up"),
        Found("customers.csv", 6, "class", '"A9"'),
    ]),
    ("open quote in the header", {"meters": '"meter,usage_point\nM1,P1\n'}, [
        Found("meters.csv", 1, "", "do not pair up"),
    ]),
    ("too many values", {"customers": CUSTOMERS + "C4,Four,A1,no,u,a,more\n"}, [
        Found("customers.csv", 5, "", "the line has 7 values, the header has 6 columns"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), [pytest.param(*row[1:], id=row[0]) for row in LINES])
def test_a_file_that_cannot_be_read(tmp_path: Path, files: dict[str, Any], expected: list[Found]) -> None:
    kept = {name: SOUND[name] for name in ("customers", "usage_points", "people", "assignments")}
    assert_found(tmp_path, {**kept, **files}, expected)


# --- every problem between rows ---------------------------------------------------------------------------------------

ROWS: list[tuple[str, dict[str, list[str]], list[Found]]] = [
    ("customer twice", {"customers": [row_of("customers", customer="C1")]}, [
        Found("customers.csv", 5, "customer", '"C1" stands on line 2 already'),
    ]),
    ("person twice", {"people": [row_of("people"), row_of("people")]}, [
        Found("people.csv", 6, "person", '"K9" stands on line 5 already'),
    ]),
    ("unknown customer and point", {"agreements": [row_of("agreements", customer="C7", usage_point="p3")]}, [
        Found("agreements.csv", 5, "customer", '"C7" is not in customers.csv'),
        Found("agreements.csv", 5, "usage_point", '"p3" is not in usage_points.csv'),
    ]),
    ("unknown point of a meter", {"meters": [row_of("meters", usage_point="P7")]}, [
        Found("meters.csv", 5, "usage_point", '"P7" is not in usage_points.csv'),
    ]),
    ("unknown person and customer", {"assignments": ["K7,manager,C7,,,,"]}, [
        Found("assignments.csv", 5, "person", '"K7" is not in people.csv'),
        Found("assignments.csv", 5, "customer", '"C7" is not in customers.csv'),
    ]),
    ("to before from", {
        "agreements": [row_of("agreements", to="2020-01-01")],
        "meters": [row_of("meters", valid_to="2019-12-31")],
        "people": [row_of("people", **{"from": "2022-01-01", "to": "2021-01-01"})],
        "assignments": ["K3,deputy,C1,,,2022-01-01,2021-01-01"],
    }, [
        Found("agreements.csv", 5, "to", "must be after from"),
        Found("meters.csv", 5, "valid_to", "must be after valid_from"),
        Found("people.csv", 5, "to", "must be after from"),
        Found("assignments.csv", 5, "to", "must be after from"),
    ]),
    ("qmin above qmax", {"usage_points": [row_of("usage_points", qmin="10", qmax="9.5")]}, [
        Found("usage_points.csv", 5, "qmin", "qmin 10 is above qmax 9.5"),
    ]),
    ("index too long", {
        "meters": [row_of("meters", digits="4", initial_index="9999.99", final_index="10000", valid_to="2021-01-01")],
    }, [
        Found("meters.csv", 5, "final_index", "10000 does not fit a register of 4 digits"),
    ]),
    ("two customers on a point", {"agreements": ["G4,C2,P1,2022-06-30,2022-07-01", "G5,C2,P1,2019-01-01,2020-01-01"]}, [
        Found("agreements.csv", 5, "usage_point", "usage point P1 is supplied by the agreement on line 2"),
    ]),
    ("earlier agreement written later", {"agreements": ["G4,C2,P2,2020-01-01,"]}, [
        Found("agreements.csv", 5, "usage_point", "usage point P2 is supplied by the agreement on line 4"),
    ]),
    ("two agreements within a third", {
        "agreements": ["G4,C2,P3,2020-01-01,2023-01-01", "G5,C1,P3,2020-02-01,2020-03-01", "G6,C3,P3,2021-01-01,2021-02-01"],
    }, [
        Found("agreements.csv", 6, "usage_point", "is supplied by the agreement on line 5"),
        Found("agreements.csv", 7, "usage_point", "is supplied by the agreement on line 5"),
    ]),
    ("agreement with an end that can't be read", {"agreements": ["G4,C2,P3,2020-01-01,never", "G5,C1,P3,2021-01-01,"]}, [
        Found("agreements.csv", 5, "to", "is not a date"),
    ]),
    ("meter on two points at once", {"meters": [row_of("meters", meter="M3", valid_from="2023-01-01")]}, [
        Found("meters.csv", 5, "meter", "meter M3 stands on another usage point at the same time, by line 4"),
    ]),
    ("meter moved", {"meters": [row_of("meters", meter="M1", valid_from="2022-07-01 6:00:00")]}, []),  # Rome: same moment
    ("meter moved an instant too early", {"meters": [row_of("meters", meter="M1", valid_from="2022-07-01 5:59:59")]}, [
        Found("meters.csv", 5, "meter", "meter M1 stands on another usage point at the same time, by line 2"),
    ]),
    ("times of one meter overlap", {"meters": [row_of("meters", meter="M2", usage_point="P1", valid_from="2023-01-01")]}, [
        Found("meters.csv", 5, "meter", "the times of meter M2 overlap with those on line 3"),
    ]),
    ("two meters on a point", {"meters": [row_of("meters", usage_point="P2", valid_from="2023-01-01")]}, [
        Found("meters.csv", 5, "usage_point", "usage point P2 has another meter at the same time, on line 4"),
    ]),
    ("assignment outside office", {"assignments": [
        "K1,deputy,C1,,,2019-12-31,",
        "K2,manager,C1,,,,2024-01-02",
        "K2,manager,C2,,,2024-01-01,2024-06-01",
        "K2,manager,C3,,,2023-01-01,2024-01-01",
        "K1,deputy,C2,,,,2020-01-01",
    ]}, [
        Found("assignments.csv", 5, "from", 'outside the time "K1" is in office (people.csv line 2)'),
        Found("assignments.csv", 6, "to", 'outside the time "K2" is in office (people.csv line 3)'),
        Found("assignments.csv", 7, "from", 'outside the time "K2" is in office'),
        Found("assignments.csv", 7, "to", 'outside the time "K2" is in office'),
        Found("assignments.csv", 9, "to", 'outside the time "K1" is in office'),
    ]),
    ("assignment twice", {"assignments": ["K2,deputy,,,north,2023-01-01,"]}, [
        Found("assignments.csv", 5, "person", "line 4 says the same for some of these days"),
    ]),
    ("assignment of everyone", {"assignments": ["K3,manager,,,,,"]}, []),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_rows_that_contradict(tmp_path: Path, rows: dict[str, list[str]], expected: list[Found]) -> None:
    files = {name: text + "\n".join(rows.get(name, ())) for name, text in SOUND.items()}
    assert_found(tmp_path, files, expected)


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = {name: text + row_of(name, **{HEADERS[name].split(",")[0]: ""}) for name, text in SOUND.items()}
    assert_found(
        tmp_path, files, [Found(f"{spec.name}.csv", 5, spec.columns[0].name, "must not be empty") for spec in FILES]
    )


def test_a_spoiled_cell_hides_no_problem_of_another(tmp_path: Path) -> None:
    row = row_of("meters", meter="M3", digits="x", usage_point="P2", valid_from="2023-01-01")
    expected = [
        Found("meters.csv", 5, "digits", "is not a whole number"),
        Found("meters.csv", 5, "meter", "the times of meter M3 overlap"),
    ]
    assert_found(tmp_path, {**SOUND, "meters": SOUND["meters"] + row}, expected)


# --- what is read -----------------------------------------------------------------------------------------------------


def columns(folder: Path, name: str, content: str | bytes, *wanted: str) -> list[tuple[Any, ...]]:
    read = read_folder(write_files(folder, {name: content}), ZONE)
    assert read.problems == ()
    sheet = read.sheets[name]
    return list(zip(*(sheet[column] for column in wanted), strict=True))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (CUSTOMERS.encode(), "UTF-8"),
        (CUSTOMERS.encode("utf-8-sig"), "UTF-8"),
        (CUSTOMERS.encode("gb18030"), "GB18030"),
        (CUSTOMERS.replace("\n", "\r\n").encode("gb18030"), "GB18030"),
        (CUSTOMERS.replace("\n", "\r").encode(), "UTF-8"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, content: bytes, encoding: str) -> None:
    read = read_folder(write_files(tmp_path, {**SOUND, "customers": content}), ZONE)
    assert read.problems == ()
    assert read.sheets["customers"]["name"] == ["宏达铸造厂", "Bright Hotel", "Carried Gas Ltd"]
    assert read.sheets["customers"].lines == [2, 3, 4]
    assert read.sheets["customers"].encoding == encoding
    notices = [notice.say(Lang.EN) for notice in read.notices]
    told = "customers.csv: was read as GB18030, because it is not UTF-8; check that its names are right"
    assert notices == ([told] if encoding == "GB18030" else [])


def test_comments_blank_lines_spaces_quotes_and_order(tmp_path: Path) -> None:
    text = '# kept by "Li\n\n　class　, customer ,name\n#,\nA1, C-1　,"Li, ""Sons"""\n,,\n A2 ,Ｃ２, 张　三 ,,\n'
    assert columns(tmp_path, "customers", text, "customer", "name", "class", "wheeling", "unit") == [
        ("C-1", 'Li, "Sons"', "A1", False, None),
        ("Ｃ２", "张　三", "A2", False, None),
    ]


def test_empty_cells_mean_what_the_contract_says(tmp_path: Path) -> None:
    text = "usage_point,commodity\nP1,水\n"
    wanted = ("commodity", "time_zone", "capacity", "qmin", "qmax")
    assert columns(tmp_path, "usage_points", text, *wanted) == [("water", ZONE, None, None, None)]
    assert columns(tmp_path, "people", "person,name,role\nK1,Li,MANAGER\n", "role", "lang", "from") == [
        ("manager", "zh-CN", None)
    ]


def test_times_of_meters_are_local_to_the_usage_point(tmp_path: Path) -> None:
    points = "usage_point,commodity,time_zone\nP1,gas,\nP2,gas,Europe/Rome\n"
    meters = (
        "meter,usage_point,valid_from,valid_to\nM1,P1,2023-03-26,2023-04-01 08:00\n"
        "M2,P2,2023-03-26,2023-03-27\nM3,P2,2023-03-27T00:00:00Z,\n"
    )
    read = read_folder(write_files(tmp_path, {"usage_points": points, "meters": meters}), ZONE)
    assert read.problems == ()
    assert read.sheets["meters"]["valid_from"] == [
        datetime(2023, 3, 25, 16, tzinfo=UTC),
        datetime(2023, 3, 25, 23, tzinfo=UTC),
        datetime(2023, 3, 27, tzinfo=UTC),
    ]
    assert read.sheets["meters"]["valid_to"] == [
        datetime(2023, 4, 1, tzinfo=UTC),
        datetime.combine(date(2023, 3, 26), time(22), UTC),  # the clocks went forward in between
        None,
    ]


def test_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    extra: dict[str, str | bytes | None] = {"meter": "x"}
    read = read_folder(write_files(tmp_path, {**SOUND, **extra}), ZONE)
    assert read.problems == ()
    assert [notice.say(Lang.EN) for notice in read.notices] == [
        'meter.csv: is not a file of the registry and was not read; did you mean "meters.csv"?',
    ]
    assert all(CJK.search(notice.say(Lang.ZH)) for notice in read.notices)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="there is no folder"):
        read_folder(tmp_path / "absent", ZONE)


def test_a_file_that_the_disk_does_not_give(tmp_path: Path) -> None:
    write_files(tmp_path, {**SOUND, "people": None})
    (tmp_path / "people.csv").mkdir()
    with pytest.raises(Unavailable, match=r"people\.csv"):
        read_folder(tmp_path, ZONE)


def test_the_contract_documents_itself() -> None:
    table = FILES[3].markdown()
    assert "| `digits` | a whole number from 1 to 12 | digits of the register before the point; empty = not known |" in table
    assert "| `meter`* |" in table
