"""What every rule owes, whoever wrote it: the list is walked, no rule is named."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given as with_data
from hypothesis import settings
from hypothesis import strategies as st

from detectors import episodes
from detectors.evaluate import Judged, evaluate, judge_peaks, subjects_by_rule
from detectors.rule import BLOCK, AnyRule, Facts, Level, RuleInput, UsageWindow, WeekReadings
from detectors.rules import RULES
from meterwatch.core.calendar import last_month_day, last_year_day
from meterwatch.core.model.readings import DayTotals, ReadingBatch
from tests.support.readings import REGISTER, Reading, batch, meters
from tests.support.rules import DAY, Supply, bits, columns_of, made_up, material, registry

SEEDS = st.integers(0, 2**32 - 1)
UNKNOWN = st.sampled_from([0.0, 0.05, 0.4])
UNITS = {"use", "rate", "ratio", "days"}

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
few = settings(max_examples=12, deadline=None, derandomize=True)


def judged(rule: AnyRule, made: RuleInput) -> Facts:
    return rule.judge(made, rule.options)


def assert_same(found: Facts, wanted: Facts) -> None:
    assert found.day == wanted.day
    assert found.figures.keys() == wanted.figures.keys()
    for name, column in wanted.figures.items():
        np.testing.assert_array_equal(bits(found.figures[name]), bits(column), name)
    for policy, crossed in wanted.crossing.items():
        np.testing.assert_array_equal(found.crossing[policy], crossed, policy)


def taken(facts: Facts, index: slice | np.ndarray) -> Facts:
    return Facts(
        facts.day,
        {name: column[index] for name, column in facts.figures.items()},
        {policy: crossed[index] for policy, crossed in facts.crossing.items()},
    )


def laid_out_anew(made: RuleInput) -> RuleInput:
    """The same numbers with the days of a row side by side instead of the rows of a day."""
    return with_windows(made, np.asfortranarray)


def scaled(made: RuleInput, factor: float) -> RuleInput:
    week = made.week
    return replace(
        with_windows(made, lambda use: use * factor),
        peak=made.peak * factor,
        limit=made.limit * factor,
        week=WeekReadings(week.read_days, *(column * factor for column in week.columns()[1:])) if week else None,
    )


def with_windows(made: RuleInput, change: Callable[[np.ndarray], np.ndarray]) -> RuleInput:
    """The input with every window of it changed."""

    def changed(window: UsageWindow | None) -> UsageWindow | None:
        return replace(window, use=change(window.use)) if window else None

    last_year, last_month = changed(made.last_year), changed(made.last_month)
    return replace(
        made, recent=replace(made.recent, use=change(made.recent.use)), last_year=last_year, last_month=last_month
    )


def unknown(made: RuleInput) -> RuleInput:
    """The same rows, of which nothing is known: no use, no rates, not a reading."""
    rows = len(made.peak)
    week = replace(WeekReadings.unknown(rows), read_days=np.zeros(rows)) if made.week else None
    return replace(scaled(made, np.nan), week=week)


# --- the declaration --------------------------------------------------------------------------------------------------


def test_names_are_given_once() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@every_rule
def test_the_declaration_holds_together(rule: AnyRule) -> None:
    columns = [column.name for column in rule.columns]
    assert len(set(columns)) == len(columns)
    assert {column.unit for column in rule.columns} <= UNITS
    assert rule.alerting in rule.policies
    assert not rule.live_by or (rule.live_by in columns and rule.level is Level.POINT and rule.step is None)
    assert not rule.weekly or rule.step is None, "an open episode has a state on every day"
    assert not rule.week_readings or (rule.weekly and rule.level is Level.POINT)
    assert not rule.last_month or rule.lookback < 28, "last month's days come before the others"
    assert "RULES" in rule.source
    assert all(phrase.en and phrase.zh for phrase in (rule.title, *(column.meaning for column in rule.columns)))


@every_rule
def test_every_option_is_frozen_and_explained_below_it(rule: AnyRule) -> None:
    assert is_dataclass(rule.options)
    names = [field.name for field in fields(rule.options)]
    with pytest.raises(FrozenInstanceError):
        setattr(rule.options, names[0], 0)
    declaration = ast.parse(textwrap.dedent(inspect.getsource(type(rule.options)))).body[0]
    assert isinstance(declaration, ast.ClassDef)
    explained = {
        above.target.id
        for above, below in zip(declaration.body, declaration.body[1:], strict=False)
        if isinstance(above, ast.AnnAssign)
        and isinstance(above.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and str(below.value.value).strip()
    }
    assert explained == set(names)


# --- the answer -------------------------------------------------------------------------------------------------------


@every_rule
@pytest.mark.parametrize("rows", [0, 1, 7, BLOCK + 3])
def test_the_facts_are_what_is_declared(rule: AnyRule, rows: int) -> None:
    made = made_up(rule, rows, seed=rows)
    facts = judged(rule, made)
    assert facts.day == made.day
    assert list(facts.figures) == [column.name for column in rule.columns]
    assert list(facts.crossing) == list(rule.policies)
    assert {(column.shape, column.dtype) for column in facts.figures.values()} == {((rows,), np.dtype(np.float64))}
    assert {(crossed.shape, crossed.dtype) for crossed in facts.crossing.values()} == {((rows,), np.dtype(np.bool_))}


@every_rule
def test_the_made_up_fleet_holds_rows_on_both_sides_of_every_bound(rule: AnyRule) -> None:
    facts = judged(rule, made_up(rule, 500, seed=1))
    assert all(0 < np.count_nonzero(crossed) < 500 for crossed in facts.crossing.values())
    assert all(np.isfinite(column).any() for column in facts.figures.values())


@every_rule
def test_a_block_is_judged_as_its_rows_are(rule: AnyRule) -> None:
    made = made_up(rule, 5 * BLOCK + 3, seed=2)
    whole = judged(rule, made)
    for part in (slice(0, 9), slice(BLOCK - 2, BLOCK + 2), slice(5 * BLOCK - 2, None)):
        assert_same(taken(whole, part), judged(rule, columns_of(made, part)))


@every_rule
@few
@with_data(seed=SEEDS, unknown=UNKNOWN, rows=st.integers(1, 9), data=st.data())
def test_shards_add_up(rule: AnyRule, seed: int, unknown: float, rows: int, data: st.DataObject) -> None:
    made = made_up(rule, rows, seed, unknown)
    whole = judged(rule, made)
    cut = data.draw(st.integers(0, rows))
    for part in (slice(cut), slice(cut, None)):
        assert_same(judged(rule, columns_of(made, part)), taken(whole, part))
    for row in range(rows):
        assert_same(judged(rule, columns_of(made, np.array([row]))), taken(whole, slice(row, row + 1)))


@every_rule
@few
@with_data(seed=SEEDS, unknown=UNKNOWN, rows=st.integers(1, 40))
def test_neither_row_order_nor_memory_layout_matters(rule: AnyRule, seed: int, unknown: float, rows: int) -> None:
    made = made_up(rule, rows, seed, unknown)
    whole = judged(rule, made)
    order = np.random.default_rng(seed).permutation(rows)
    assert_same(judged(rule, columns_of(made, order)), taken(whole, order))
    assert_same(judged(rule, laid_out_anew(made)), whole)


@every_rule
@few
@with_data(seed=SEEDS, factor=st.sampled_from([2.0**-20, 0.5, 2.0, 2.0**20, 10.0, 0.1]))
def test_units_scale(rule: AnyRule, seed: int, factor: float) -> None:
    made = made_up(rule, 30, seed)
    before, after = judged(rule, made), judged(rule, scaled(made, factor))
    exact = np.log2(factor).is_integer()
    for column in rule.columns:
        wanted = before.figures[column.name] * (factor if column.unit in ("use", "rate") else 1.0)
        if exact or column.unit == "days":
            np.testing.assert_array_equal(bits(after.figures[column.name]), bits(wanted), column.name)
        else:
            np.testing.assert_allclose(after.figures[column.name], wanted, rtol=1e-12, err_msg=column.name)
    if exact:
        for policy in rule.policies:
            np.testing.assert_array_equal(after.crossing[policy], before.crossing[policy], policy)


@every_rule
@pytest.mark.parametrize("rows", [1, 20])
def test_silence_finds_nothing_unless_it_is_what_is_sought(rule: AnyRule, rows: int) -> None:
    facts = judged(rule, unknown(made_up(rule, rows, seed=3)))
    assert all(crossed.all() if rule.absence else not crossed.any() for crossed in facts.crossing.values())
    units = {column.name: column.unit for column in rule.columns}
    assert all(np.isnan(figure).all() for name, figure in facts.figures.items() if units[name] != "days")
    names = [str(row) for row in range(rows)]
    for fact in facts.rows(rule.name, names, range(rows)):
        assert rule.absence or fact.crossing == ()
        assert rule.absence or episodes.step(rule, rule.options, None, fact) is None


@every_rule
def test_the_input_is_only_read(rule: AnyRule) -> None:
    made = made_up(rule, 50, seed=4)
    windows = [window.use for window in (made.recent, made.last_year, made.last_month) if window]
    arrays = [*windows, made.peak, made.limit, *(made.week.columns() if made.week else ())]
    for array in arrays:
        array.flags.writeable = False
    before = [array.tobytes() for array in arrays]
    assert_same(judged(rule, made), judged(rule, made))
    assert [array.tobytes() for array in arrays] == before


@every_rule
def test_without_last_year_it_still_answers(rule: AnyRule) -> None:
    made = made_up(rule, 20, seed=5)
    unknown = replace(made.last_year, use=np.full_like(made.last_year.use, np.nan)) if made.last_year else None
    assert_same(judged(rule, replace(made, last_year=None)), judged(rule, replace(made, last_year=unknown)))


# --- what a live rule needs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.live_by], ids=lambda rule: rule.name)
def test_a_live_rule_looks_at_rates_only(rule: AnyRule) -> None:
    made = made_up(rule, 50, seed=6)
    nothing = UsageWindow(DAY, np.full((rule.lookback + 1, 50), np.nan))
    facts = judged(rule, made)
    assert_same(judged(rule, replace(made, recent=nothing, last_year=None)), facts)
    held = registry([Supply("C", f"P{row}") for row in range(50)], limits={f"P{row}": made.limit[row] for row in range(50)})
    live = judge_peaks(rule, rule.options, held, np.arange(50, dtype=np.int32), DAY, made.peak)
    assert_same(live.facts, facts)
    assert live.subjects.names == held.codes


# --- how far it looks -------------------------------------------------------------------------------------------------

HELD = replace(
    registry(
        [
            Supply("C1", "P1"),
            Supply("C1", "P2"),
            Supply("C2", "P3"),
            Supply("C3", "P4"),
            Supply("C3", "P5", last_day=DAY - 9),
            Supply("C4", "P6"),
        ],
        limits={"P1": 1.0, "P2": 99.0, "P3": 1.0},
        large=["C1", "C2", "C3"],
    ),
    meters=meters(),
)
SCHEME = HELD.scheme_order[0]


def day_judged(rule: AnyRule, day: int, factor_of: dict[int, float], asked: set[int] | None = None) -> Judged:
    """Judge ``day`` where each day's use and peak are multiplied by ``factor_of`` it, and 0 makes it unknown."""
    dropped = {"P1": 0.3, "P2": 0.3, "P3": 0.9, "P4": 0.5, "P5": 1.0, "P6": 0.0}

    def use(at: int, point: str) -> float | None:
        level = 50.0 + (at * 7 + len(point)) % 13
        return level * (dropped[point] if day - 7 < at <= day else 1.0) * factor_of.get(at, 1.0) or None

    stored = material(HELD, use)

    def read(first: int, last: int, rows: np.ndarray) -> DayTotals:
        if asked is not None:
            asked.update(range(first, last + 1))
        found = stored.read(first, last, rows)
        return replace(found, peak=found.use / 10)

    def readings(start: int, end: int, rows: np.ndarray) -> ReadingBatch:
        """Each day ends with a register that depends on no other day's use, and with the day's interval."""
        days = range(int(SCHEME.days(np.array([start + 1]))[0]), int(SCHEME.days(np.array([end]))[0]) + 1)
        if asked is not None:
            asked.update(days)
        known = [(row, at, found) for row in rows.tolist() for at in days if (found := use(at, HELD.codes[row]))]
        shown = [(Reading(row, REGISTER, SCHEME.end(at), at * 1e6 + found)) for row, at, found in known]
        return batch(
            [*shown, *(Reading(row, "electricity.interval.day", SCHEME.end(at), found) for row, at, found in known)]
        )

    rows = np.arange(len(HELD.codes), dtype=np.int32)
    subjects = subjects_by_rule([rule], HELD, rows, SCHEME)[rule.name]
    return evaluate(rule, rule.options, subjects, day, replace(stored, read=read, readings=readings))


def first_judged(rule: AnyRule, day: int) -> int:
    """The first day from ``day`` on that the rule judges."""
    return next(filter(rule.judges, range(day, day + 7)))


def looked_at(rule: AnyRule, day: int) -> set[int]:
    """The days the declaration allows a rule to look at."""
    days = set(range(day - rule.lookback, day + 1))
    if rule.last_year:
        centre = last_year_day(date.fromordinal(day), lunar=True).toordinal()
        days |= set(range(centre - rule.last_year - rule.lookback, centre + rule.last_year + 1))
    if rule.last_month:
        ends = last_month_day(date.fromordinal(day)).toordinal()
        days |= set(range(ends - rule.last_month + 1, ends + 1))
    if rule.week_readings:
        days |= set(range(day - 7, day + 1))  # of the first only its end, with which the week begins
    return days


@every_rule
@pytest.mark.parametrize("day", [DAY, date(2023, 2, 5).toordinal(), date(2024, 2, 29).toordinal()])
def test_nothing_outside_the_declared_days_matters(rule: AnyRule, day: int) -> None:
    day = first_judged(rule, day)
    allowed = looked_at(rule, day)
    others = {at: 1000.0 for at in range(day - 800, day + 60) if at not in allowed}
    asked: set[int] = set()
    wanted = day_judged(rule, day, {})
    assert_same(day_judged(rule, day, others, asked).facts, wanted.facts)
    assert asked == allowed
    assert any(crossed.any() for crossed in wanted.facts.crossing.values())


@every_rule
def test_every_declared_day_matters(rule: AnyRule) -> None:
    """A declaration that asks for more than the rule looks at would cost reads for nothing."""
    day = first_judged(rule, DAY)
    wanted = day_judged(rule, day, {}).facts
    for at in looked_at(rule, day):
        changed = [day_judged(rule, day, {at: factor}).facts for factor in (1e-3, 1e3, 0.0)]
        assert any(not _same(found, wanted) for found in changed), date.fromordinal(at)


def _same(found: Facts, wanted: Facts) -> bool:
    return all(np.array_equal(bits(found.figures[name]), bits(column)) for name, column in wanted.figures.items())
