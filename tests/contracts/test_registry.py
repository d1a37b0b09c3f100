"""The registry store: all or nothing, numbered snapshots that never change, rows that are never reused."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import StatementError

from meterwatch.core.errors import Refusal
from meterwatch.core.instants import to_ms
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.reading_types import Commodity
from meterwatch.core.model.registry import FOREVER_DAY, FOREVER_MS, CustomerClass, Registry, Role
from meterwatch.stores import tables
from meterwatch.stores.database import Database
from meterwatch.stores.registry import ImportReport, RegistryRefused, SqlRegistry
from tests.support.registry_csv import HEADERS, SOUND, write_files

NOW = datetime(2023, 1, 1, 8, tzinfo=UTC)
ROWS = {**dict.fromkeys(HEADERS, 3), "designations": 2}
Importer = Callable[[Mapping[str, str | bytes | None]], ImportReport]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.file(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def registry(database: Database) -> SqlRegistry:
    return SqlRegistry(database)


@pytest.fixture
def put(registry: SqlRegistry, tmp_path: Path) -> Importer:
    """Import a folder of files."""

    def imported(files: Mapping[str, str | bytes | None]) -> ImportReport:
        folder = write_files(tmp_path / "registry", files)
        return registry.import_files(folder, by="clerk", now=NOW, default_zone="Asia/Shanghai")

    return imported


def plain(snapshot: Registry) -> dict[str, Any]:
    """Return all a snapshot holds as values that compare."""
    return {field.name: plain_value(getattr(snapshot, field.name)) for field in dataclasses.fields(snapshot)}


def plain_value(value: Any) -> Any:
    if hasattr(value, "columns"):
        return [column.tolist() if column.dtype.kind != "f" else list(map(repr, column)) for column in value.columns()]
    return value


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def stored(database: Database) -> dict[str, int]:
    """Return how many rows each table of the registry holds, and the audit."""
    names = ("snapshots", "point_rows", "audit", *HEADERS)
    with database.read() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(tables.metadata.tables[name])) or 0 for name in names
        }


def audited(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        found = connection.execute(select(tables.audit).order_by(tables.audit.c.id))
        return [(row.at, row.actor, row.action, row.subject, row.detail) for row in found]


class TestRegistryStore:
    def test_before_the_first_import(self, registry: SqlRegistry) -> None:
        assert registry.latest() == 0
        assert plain(registry.load()) == plain(Registry.empty())

    def test_no_such_snapshot(self, registry: SqlRegistry, put: Importer) -> None:
        put(SOUND)
        with pytest.raises(Refusal, match="there is no registry snapshot 2; the newest is 1"):
            registry.load(2)
        with pytest.raises(Refusal, match="no registry snapshot -1"):
            registry.load(-1)

    def test_points(self, registry: SqlRegistry, put: Importer) -> None:
        put(SOUND)
        found = registry.load()
        assert found.number == registry.latest() == 1
        assert found.codes == ("P1", "P2", "P3")
        assert [found.commodity_of(row) for row in range(3)] == [Commodity.GAS, Commodity.ELECTRICITY, Commodity.GAS]
        assert [found.scheme_of(row).name for row in range(3)] == ["Asia/Shanghai@8", "Asia/Shanghai@0", "Europe/Rome@8"]
        np.testing.assert_array_equal(found.points.capacity, [np.nan, 315, np.nan])
        np.testing.assert_array_equal(found.points.qmin, [2, np.nan, np.nan])
        np.testing.assert_array_equal(found.points.qmax, [100, np.nan, np.nan])
        assert found.points.active.tolist() == [True, True, True]
        assert found.row_of("P2") == 1
        assert found.row_of("P9") is None

    def test_meters_are_sorted_by_point_and_time(self, registry: SqlRegistry, put: Importer) -> None:
        header, *rows = SOUND["meters"].splitlines()
        put({**SOUND, "meters": "\n".join([header, *reversed(rows)])})
        found = registry.load()
        assert found.meter_codes == ("M1", "M2", "M3")
        assert found.meters.point.tolist() == [0, 0, 1]
        assert found.meters.digits.tolist() == [6, 6, 8]
        assert found.meters.multiplier.tolist() == [1, 1, 40]
        exchanged = ms("2022-07-01T12:00+08:00")
        assert found.meters.valid_from.tolist() == [ms("2020-01-01T00:00+08:00"), exchanged, ms("2021-05-01T00:00+08:00")]
        assert found.meters.valid_to.tolist() == [exchanged, FOREVER_MS, FOREVER_MS]
        np.testing.assert_array_equal(found.meters.initial, [0, 5, np.nan])
        np.testing.assert_array_equal(found.meters.final, [123456, np.nan, np.nan])
        assert found.meter_indexes("M2") == [1]

    def test_a_meter_that_was_moved(self, registry: SqlRegistry, put: Importer) -> None:
        moved = ",".join(["M1", "P3", "", "", "", "", "2022-08-01", "", "", ""])
        put({**SOUND, "meters": SOUND["meters"] + moved})
        found = registry.load()
        assert found.meter_codes == ("M1", "M2", "M3", "M1")
        assert [int(found.meters.point[index]) for index in found.meter_indexes("M1")] == [0, 2]
        assert int(found.meters.digits[3]) == 0  # not known

    def test_customers_and_agreements(self, registry: SqlRegistry, put: Importer) -> None:
        put(SOUND)
        found = registry.load()
        assert [(c.code, c.customer_class, c.wheeling, c.unit, c.area) for c in found.customers] == [
            ("C1", CustomerClass.A1, False, "一所", "north"),
            ("C2", CustomerClass.A2, False, "一所", "north"),
            ("C3", CustomerClass.A1, True, "二所", "south"),
        ]
        assert plain_value(found.agreements) == [
            [0, 0, 1],
            [0, 2, 1],
            [day("2020-01-01"), day("2022-07-01"), day("2021-05-01")],
            [day("2022-07-01"), FOREVER_DAY, FOREVER_DAY],
        ]
        supplied = [found.customer_of(0, day(text)) for text in ("2019-12-31", "2022-06-30", "2022-07-01")]
        assert [customer.code if customer else "" for customer in supplied] == ["", "C1", "C3"]

    def test_people_and_assignments(self, registry: SqlRegistry, put: Importer) -> None:
        put(SOUND)
        found = registry.load()
        assert [(p.code, p.role, p.unit, p.lang) for p in found.people.values()] == [
            ("K1", Role.MANAGER, "一所", "zh-CN"),
            ("K2", Role.DEPUTY, "一所", "en"),
            ("K3", Role.SUPERVISOR, "", "zh-CN"),
        ]
        assert not found.people["K1"].works_on(date(2019, 12, 31))
        assert found.people["K2"].works_on(date(2023, 12, 31))
        assert not found.people["K2"].works_on(date(2024, 1, 1))
        customer = found.customer("C2")
        assert customer
        responsible = [found.responsible(customer, role, date(2023, 6, 1)) for role in (Role.MANAGER, Role.DEPUTY)]
        assert [person.code for person in responsible if person] == ["K1", "K2"]

    def test_names_and_phones_are_not_in_a_snapshot(self, registry: SqlRegistry, put: Importer) -> None:
        put(SOUND)
        held = repr(plain(registry.load()))
        assert "C1" in held
        assert not [text for text in ("宏达", "Bright", "张伟", "Anna", "138001", "zw@") if text in held]

    def test_what_an_import_reports(self, put: Importer) -> None:
        assert {name: report.added for name, report in put(SOUND).files.items()} == ROWS
        customers = SOUND["customers"].replace("Bright Hotel", "Brighter Hotel") + "C4,Four,A1,,,\n"
        agreements = SOUND["agreements"].replace("C3,", "C4,")
        report = put(
            {
                **SOUND,
                "customers": customers.encode("gb18030"),
                "agreements": agreements,
                "contact": "x",
            }
        )
        assert (report.snapshot, report.changed) == (2, True)
        assert dataclasses.astuple(report.files["customers"]) == ("GB18030", 1, 1, 0, 2)
        assert dataclasses.astuple(report.files["agreements"]) == ("UTF-8", 0, 1, 0, 2)
        assert dataclasses.astuple(report.files["meters"]) == ("UTF-8", 0, 0, 0, 3)
        assert [notice.file for notice in report.notices] == ["customers.csv", "contact.csv"]

    def test_the_same_again_makes_no_snapshot(self, database: Database, registry: SqlRegistry, put: Importer) -> None:
        put(SOUND)
        before = stored(database)
        header, *rows = SOUND["people"].splitlines()
        report = put({**SOUND, "people": "\r\n".join([header, "# sorted otherwise", *reversed(rows)])})
        assert (report.snapshot, report.changed) == (1, False)
        assert registry.latest() == 1
        assert stored(database) == {**before, "audit": before["audit"] + 1}

    def test_an_unchanged_row_is_not_stored_again(self, database: Database, put: Importer) -> None:
        put(SOUND)
        before = stored(database)
        put({**SOUND, "usage_points": SOUND["usage_points"].replace("315", "400")})
        added = {"snapshots": 1, "audit": 1, "usage_points": 1}
        assert stored(database) == {name: count + added.get(name, 0) for name, count in before.items()}

    def test_all_or_nothing(self, database: Database, registry: SqlRegistry, put: Importer) -> None:
        put(SOUND)
        before, held = stored(database), plain(registry.load())
        wrong = SOUND["assignments"] + "K1,manager,C9,,,,\nK9,boss,,,,,\n"
        with pytest.raises(RegistryRefused) as refused:
            put({**SOUND, "customers": SOUND["customers"].replace("C3,", "C4,"), "assignments": wrong})
        assert refused.value.say(Lang.EN).splitlines() == [
            "the registry was not imported and nothing was changed; problems found: 4",
            'agreements.csv:3 customer: "C3" is not in customers.csv',
            'assignments.csv:5 customer: "C9" is not in customers.csv',
            'assignments.csv:6 role: "boss" is not one of ' + ", ".join(Role),
            'assignments.csv:6 person: "K9" is not in people.csv',
        ]
        assert refused.value.say(Lang.ZH).splitlines()[0] == "档案未导入，原有档案未变；共发现 4 处问题"
        assert stored(database) == before
        assert plain(registry.load()) == held

    def test_a_failure_halfway_stores_nothing(self, database: Database, registry: SqlRegistry, tmp_path: Path) -> None:
        before = stored(database)
        naive = NOW.replace(tzinfo=None)  # can't be stored, which shows only after the rows were
        with pytest.raises(StatementError, match="without a zone"):
            registry.import_files(write_files(tmp_path, SOUND), by="clerk", now=naive, default_zone="Asia/Shanghai")
        assert stored(database) == before
        assert registry.latest() == 0

    def test_an_import_is_audited(self, database: Database, put: Importer) -> None:
        put(SOUND)
        put(SOUND)
        rows = audited(database)
        assert [row[:4] for row in rows] == [(NOW, "clerk", "registry.import", "1")] * 2
        counts = {"encoding": "UTF-8", "added": 3, "changed": 0, "removed": 0, "unchanged": 0}
        assert rows[0][4] == {"changed": True, "files": {name: {**counts, "added": number} for name, number in ROWS.items()}}
        assert rows[1][4]["changed"] is False

    def test_rows_are_kept_for_a_point_that_leaves_and_returns(self, registry: SqlRegistry, put: Importer) -> None:
        header = "usage_point,commodity,capacity\n"
        for rows in ("B,gas,1\nA,gas,2\n", "A,gas,2\n", "A,gas,2\nC,water,4\n", "C,water,4\nB,heat,5\nA,gas,2\n"):
            put({"usage_points": header + rows})
        assert [registry.load(number).codes for number in (1, 2, 3, 4)] == [("B", "A")] * 2 + [("B", "A", "C")] * 2
        active = [registry.load(number).points.active.tolist() for number in (1, 2, 3, 4)]
        assert active == [[True, True], [False, True], [False, True, True], [True, True, True]]
        assert [registry.load(number).points.capacity.tolist() for number in (2, 4)] == [[1, 2], [5, 2, 4]]
        assert [registry.load(number).commodity_of(0) for number in (3, 4)] == [Commodity.GAS, Commodity.HEAT]

    def test_codes_that_differ_only_in_case_or_width_are_different(self, registry: SqlRegistry, put: Importer) -> None:
        put({"usage_points": "usage_point,commodity\np1,gas\nP1,gas\nＰ1,gas\n"})
        assert registry.load().codes == ("p1", "P1", "Ｐ1")


# --- any history ------------------------------------------------------------------------------------------------------

CODES = ("P1", "P2", "P3", "P4")


@st.composite
def folders(draw: st.DrawFn) -> dict[str, str]:
    """Return the files of a small sound registry: any subset of points, in any order, each with any of few values."""
    points = draw(st.lists(st.sampled_from(CODES), unique=True))
    rows = {name: [header] for name, header in HEADERS.items()}
    for point in points:
        zone, capacity = draw(st.sampled_from(["", "Europe/Rome"])), draw(st.sampled_from(["", "5", "7.25"]))
        rows["usage_points"].append(f"{point},gas,{zone},{capacity},,")
        if draw(st.booleans()):
            customer = draw(st.sampled_from(["A1,yes", "A2,no"]))
            rows["customers"].append(f"C{point},Name of {point},{customer},,")
            rows["agreements"].append(f"G{point},C{point},{point},2020-01-01,")
            start = draw(st.sampled_from(["2020-01-01", "2021-01-01 06:00"]))
            rows["meters"].append(f"M{point},{point},6,,,,{start},,,")
            rows["people"].append(f"K{point},Li,manager,,,,,,")
            rows["assignments"].append(f"K{point},manager,C{point},,,{draw(st.sampled_from(['', '2022-01-01']))},")
    return {name: "\n".join(lines) for name, lines in rows.items()}


class TestAnyHistory:
    # The examples share one database: a history that goes on is still a history.
    @settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=st.lists(folders(), min_size=1, max_size=4))
    def test_earlier_snapshots_never_change(
        self, registry: SqlRegistry, put: Importer, history: list[dict[str, str]]
    ) -> None:
        held = {number: plain(registry.load(number)) for number in range(registry.latest() + 1)}
        for files in history:
            before = registry.load()
            report = put(files)
            after = registry.load()
            assert after.number == report.snapshot == before.number + report.changed
            assert after.codes[: len(before.codes)] == before.codes
            assert len(set(after.codes)) == len(after.codes)
            listed = {line.split(",")[0] for line in files["usage_points"].splitlines()[1:]}
            assert {code for code, active in zip(after.codes, after.points.active, strict=True) if active} == listed
            held[after.number] = plain(after)
            assert {number: plain(registry.load(number)) for number in held} == held

    @settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(first=folders(), second=folders())
    def test_the_way_there_does_not_matter(
        self, tmp_path_factory: pytest.TempPathFactory, first: dict[str, str], second: dict[str, str]
    ) -> None:
        """What is in force after an import follows from its files alone, but for rows and numbers."""
        assert in_force(tmp_path_factory.mktemp("a"), first, second) == in_force(tmp_path_factory.mktemp("b"), second)


def in_force(folder: Path, *history: dict[str, str]) -> Any:
    database = Database.file(folder / "ledger.db")
    registry = SqlRegistry(database)
    for files in history:
        registry.import_files(write_files(folder, files), by="clerk", now=NOW, default_zone="Asia/Shanghai")
    found = registry.load()
    database.close()
    points = {
        code: (found.scheme_of(row), repr(float(found.points.capacity[row])))
        for row, code in enumerate(found.codes)
        if found.points.active[row]
    }
    meters = {code: int(found.meters.valid_from[found.meter_indexes(code)[0]]) for code in found.meter_codes}
    supplied = {code: found.customer_of(found.codes.index(code), day("2023-01-01")) for code in points}
    return points, meters, supplied, found.customers, found.people, found.assignments
