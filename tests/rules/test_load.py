"""Load over capacity: the mean rate between two readings against the limit (RULES use-monitor; power 15, important 9(2))."""

from dataclasses import replace

import numpy as np
import pytest

from detectors import episodes
from detectors.rule import RuleInput
from detectors.rules.load import RULE, LoadOptions
from meterwatch.core.model.alerts import FactRow
from meterwatch.core.model.reading_types import BY_NAME
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.core.model.registry import FOREVER_MS, Meters
from meterwatch.core.registers import intervals
from tests.support.rules import DAY, window

NAN = float("nan")
QUARTER_MS = 15 * 60_000


def crosses(peak: float, limit: float, options: LoadOptions = RULE.options) -> bool:
    made = RuleInput(DAY, window([None]), None, np.array([peak]), np.array([limit]))
    return bool(RULE.judge(made, options).crossing["literal"][0])


@pytest.mark.parametrize(
    ("peak", "limit", "expected"),
    [
        (100.0, 100.0, False),  # exactly at the limit
        (100.00001, 100.0, False),  # a rounding of the register
        (100.001, 100.0, True),
        (99.999, 100.0, False),
        (1e9, NAN, False),  # an unknown limit is never exceeded
        (NAN, 100.0, False),
        (NAN, NAN, False),
        (0.0, 100.0, False),
        (-500.0, 100.0, False),  # fed in
    ],
)
def test_only_a_rate_above_a_known_limit_crosses(peak: float, limit: float, expected: bool) -> None:
    assert crosses(peak, limit) is expected


def test_the_share_is_a_setting() -> None:
    tighter = LoadOptions(above=0.9)
    assert not crosses(90.0, 100.0, tighter)
    assert crosses(90.1, 100.0, tighter)


@pytest.mark.parametrize("start", [0.0, 99_999.9, 1_234_567.89, 98_765_432.1])
def test_a_register_read_at_exactly_the_limit_does_not_cross(start: float) -> None:
    """25 kWh a quarter of an hour are 100 kW, whatever the subtraction of two large registers makes of it."""
    readings = np.arange(96)
    batch = ReadingBatch.of(
        np.zeros(96), np.full(96, BY_NAME["electricity.register"].code), readings * QUARTER_MS,
        np.round(start + readings * 25.0, 2), np.zeros(96), np.zeros(96),
    )  # fmt: skip
    meters = Meters.of([0], [0], [1.0], [-1], [FOREVER_MS], [NAN], [NAN])
    rates = intervals(batch, meters).rates()
    assert not any(crosses(rate, 100.0) for rate in rates)
    assert all(crosses(rate, 99.99) for rate in rates)


def test_only_the_alerting_policy_raises_alerts() -> None:
    two = replace(RULE, policies=("literal", "other"))
    assert episodes.one_day(two, FactRow(RULE.name, "P1", DAY, ("other",), {})) is None
    assert episodes.one_day(two, FactRow(RULE.name, "P1", DAY, ("literal", "other"), {})) is not None


def test_a_crossing_day_is_an_alert_of_one_day() -> None:
    made = RuleInput(DAY, window([None], [None]), None, np.array([120.0, 80.0]), np.array([100.0, 100.0]))
    facts = RULE.judge(made, RULE.options).rows(RULE.name, ["P1", "P2"], range(2))
    assert [fact.crossing for fact in facts] == [("literal",), ()]
    assert dict(facts[0].figures) == {"peak": 120.0, "limit": 100.0, "share": 1.2}
    (alert,) = episodes.run(RULE, RULE.options, {}, facts).seen
    assert (alert.subject, alert.policy, alert.opened_day, alert.closed_day) == ("P1", "literal", DAY, DAY)
    going_on = episodes.one_day(RULE, facts[0], closed=False)
    assert going_on is not None
    assert going_on.closed_day is None
    assert going_on.key == alert.key
