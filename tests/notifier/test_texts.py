"""What messages say: every template, in every language, for everything that is delivered."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from detectors.rules import RULES
from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.reading_types import Commodity
from notifier.texts import CHURN, LOAD, TEMPLATES, Template, amount, body
from tests.support.ledger import episode, load_episode

DUE = datetime(2023, 3, 2, 9, 30, tzinfo=UTC)
ZONE = "Asia/Shanghai"
FIGURES = {"baseline": 1234.5, "week_ratio": 0.505, "peak": 612.0, "limit": 546.0, "share": 612 / 546}


def about(template: Template, commodity: Commodity) -> Episode:
    made = episode(f"C-0007/{commodity}") if template is CHURN else load_episode("EP-0003")
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
