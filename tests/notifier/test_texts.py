"""What messages say: every template, in every language, for everything that is delivered."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from detectors.rules import RULES
from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.reading_types import Commodity
from notifier.texts import CHURN, LOAD, SILENT, SWING, TEMPLATES, WEEKLY_READ, Template, amount, body
from tests.support.ledger import DAY, episode, load_episode

DUE = datetime(2023, 3, 2, 9, 30, tzinfo=UTC)
ZONE = "Asia/Shanghai"
FIGURES = {
    "baseline": 1234.5,
    "week_ratio": 0.505,
    "peak": 612.0,
    "limit": 546.0,
    "share": 612 / 546,
    "silent_days": 2.0,
    "week_mean": 130.0,
    "last_week_mean": 100.0,
    "last_week_ratio": 1.3,
    "last_month_mean": 162.5,
    "last_month_ratio": 0.8,
    "read_days": 6.0,
    "register": 7100.0,
    "intervals": 6900.0,
}


def about(template: Template, commodity: Commodity) -> Episode:
    made = episode(f"C-0007/{commodity}") if template in (CHURN, SWING) else load_episode("EP-0003")
    return replace(made, figures=FIGURES)


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("commodity", Commodity)
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_every_template_renders(template: Template, commodity: Commodity, lang: Lang) -> None:
    text = body(template, lang, about(template, commodity), commodity, DUE, ZONE)
    assert not set("{}") & set(text)
    assert "nan" not in text.lower()
    assert text == text.strip()
    assert ("C-0007" in text) or ("EP-0003" in text)
    assert any("一" <= letter <= "鿿" for letter in text) == (lang is Lang.ZH)


def test_every_rule_that_raises_alerts_has_a_template() -> None:
    assert set(TEMPLATES) == {rule.name for rule in RULES}
    assert all(template.version > 0 for template in TEMPLATES.values())


def test_churn_reads_well() -> None:
    churn = about(CHURN, Commodity.GAS)
    assert body(CHURN, Lang.EN, churn, Commodity.GAS, DUE, ZONE) == (
        "Churn warning: customer C-0007, gas: mean day 623 m³ in the last 7 days against 1234 m³ before (50%), "
        "since 2023-02-22. Please visit or phone, find the cause and propose measures by 2023-03-02 17:30."
    )
    assert body(CHURN, Lang.ZH, churn, Commodity.GAS, DUE, ZONE) == (
        "流失预警：客户C-0007用气近7天日均623m³，此前日均1234m³（50%），自2023-02-22起。"
        "请于2023-03-02 17:30前上门或电话核实，查明原因并提出措施。"
    )


def test_load_reads_well() -> None:
    load = about(LOAD, Commodity.ELECTRICITY)
    found = [body(LOAD, lang, load, Commodity.ELECTRICITY, None, ZONE) for lang in (Lang.EN, Lang.ZH)]
    assert found == [
        "Load alert: usage point EP-0003 ran at 612 kW on 2023-02-28, 112% of its limit of 546 kW.",
        "负荷告警：用户点EP-0003于2023-02-28负荷达612kW，为限值546kW的112%。",
    ]


def without(template: Template, *names: str) -> Episode:
    made = about(template, Commodity.GAS)
    return replace(made, figures={name: figure for name, figure in FIGURES.items() if name not in names})


def test_swing_reads_well() -> None:
    assert body(SWING, Lang.EN, about(SWING, Commodity.GAS), Commodity.GAS, None, ZONE) == (
        "Weekly swing: customer C-0007, gas, week to 2023-02-28: mean day 130 m³, last week 100 m³ (130%), "
        "same period last month 162 m³ (80%). Please investigate and write the fluctuation analysis."
    )
    assert body(SWING, Lang.ZH, about(SWING, Commodity.GAS), Commodity.GAS, None, ZONE) == (
        "周用量波动：客户C-0007用气截至2023-02-28一周日均130m³，上周日均100m³（130%），上月同期日均162m³（80%）。"
        "请调查原因并提交波动分析。"
    )


def test_what_a_swing_could_not_be_compared_with_is_left_open() -> None:
    text = body(SWING, Lang.EN, without(SWING, "last_month_mean", "last_month_ratio"), Commodity.GAS, None, ZONE)
    assert "last week 100 m³ (130%), same period last month - m³ (-%)" in text


def test_silent_reads_well() -> None:
    silent = replace(about(SILENT, Commodity.GAS), start_day=DAY - 1)
    assert [body(SILENT, lang, silent, Commodity.GAS, None, ZONE) for lang in (Lang.EN, Lang.ZH)] == [
        (
            "Silent meter: of usage point EP-0003 nothing is known since 2023-02-27 (2 days). "
            "Please check the meter and its connection."
        ),
        "表计失联：用户点EP-0003自2023-02-27起无数据（2天）。请检查表计及其通信。",
    ]


def test_weekly_read_tells_whether_it_was_not_read_or_does_not_agree() -> None:
    read = about(WEEKLY_READ, Commodity.GAS)
    assert [body(WEEKLY_READ, lang, read, Commodity.GAS, None, ZONE) for lang in (Lang.EN, Lang.ZH)] == [
        (
            "Weekly reading check: usage point EP-0003, week to 2023-02-28: valid readings on 6 of 7 days; "
            "register 7100 m³, sum of intervals 6900 m³. Please read the meter and check it."
        ),
        "周抄表核对：用户点EP-0003截至2023-02-28一周，7天中6天有有效读数；表底示数差7100m³，分时用量合计6900m³。请抄表并核对。",
    ]
    unread = replace(without(WEEKLY_READ, "register", "intervals"), figures={"read_days": 0.0})
    text = body(WEEKLY_READ, Lang.EN, unread, Commodity.GAS, None, ZONE)
    assert "valid readings on 0 of 7 days; register - m³, sum of intervals - m³" in text


def test_a_customers_code_may_hold_a_slash() -> None:
    text = body(CHURN, Lang.EN, replace(about(CHURN, Commodity.GAS), subject="N/12/gas"), Commodity.GAS, DUE, ZONE)
    assert "customer N/12," in text


def test_without_a_task_no_deadline_is_named() -> None:
    assert "by -." in body(CHURN, Lang.EN, about(CHURN, Commodity.GAS), Commodity.GAS, None, ZONE)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.123456, "0.123"),
        (9.876, "9.88"),
        (99.96, "100"),
        (99.94, "99.9"),
        (100.4, "100"),
        (999.6, "1000"),
        (1234567.8, "1234568"),
    ],
)
def test_amounts_are_short(value: float, shown: str) -> None:
    assert amount(value) == shown
