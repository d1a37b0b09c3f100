"""What messages say: every template, in every language, for everything that is delivered."""

import re
from dataclasses import replace

import pytest

from detectors.rules import RULES
from meterwatch.core.model.alerts import Episode
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.reading_types import Commodity
from notifier.templates import OF_RULE, TEMPLATES
from notifier.templates.template import AlertTemplate, ListTemplate, Template, amount
from tests.support.ledger import DAY, episode, load_episode

CHURN, LOAD, SILENT, SWING, WEEKLY_READ = (OF_RULE[name] for name in ("churn", "load", "silent", "swing", "weekly_read"))
DUE = "2023-03-02 17:30"
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


FROZEN = {
    ("churn", 2): "f5ae305621b1c28e66ac3825b7591d8782150d8f4cfb1592db044e1c7c26d205",
    ("load", 2): "c941df4b4d96e4f8d1d59e48f081f9ed413cf43c290a77438e274414aa7fc063",
    ("silent", 2): "1cdfbcf1edb9a1f32400f4c4fdbfeb9c824295a7785e0fcca7f0c1d3ca879b46",
    ("swing", 2): "f11f8caba4922c8a1982fb0e3aa37dd3f3a9994b5104bab3162e27f46ce3a398",
    ("weekly_read", 2): "2fdc873382c1a1cc2cc1f8ef858a1adbd9bcf7a7e1afdfe084fc12fe407e35e9",
    ("alerts", 1): "91299dcd17f3ec24557020595a37543365537bd01718e0ff9065a80c3bfe3d66",
    ("opened", 1): "04f7637f338dadc8f4ef393979092732c9ed6f4942585f7a89491980dde998e6",
    ("copied", 1): "e9024ce3db94443b8bde40077c30cc1ca2e1cc13d7db90296d904e99ce399038",
    ("hand_over", 2): "fd1ddc3661edaeaacbbcb940fb324995277b8ab2fd15b22085968a7eeeb0828e",
    ("escalate", 2): "df98471d3b6f3438ee7d4f41083e67ed534da09f7a0b3fda7f5bce3ef3ed7567",
    ("digest", 2): "4300ea22a8f5435c078e8c861384d770c6f6ce9b4ffd29b60050c0ee2fa7ea80",
}
"""What each version of a template says, by its SHA-256: what people were sent stays what it was."""


def about(template: Template, commodity: Commodity) -> Episode:
    made = episode(f"C-0007/{commodity}") if template in (CHURN, SWING) else load_episode("EP-0003")
    return replace(made, figures=FIGURES)


def body(template: AlertTemplate, lang: Lang, one: Episode, commodity: Commodity, due: str = DUE) -> str:
    customer = one.subject.rpartition("/")[0] or "C-0103"
    return template.body(lang, template.filled(one, customer, commodity, lang, due))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_another_text_is_another_version(template: Template) -> None:
    said = "the text of a template changed: raise its version and freeze that here"
    assert FROZEN.get((template.name, template.version)) == template.fingerprint, said


def test_every_name_stands_once() -> None:
    assert len({template.name for template in TEMPLATES}) == len(TEMPLATES) == len(FROZEN)


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_every_preview_is_whole(template: Template, lang: Lang) -> None:
    text = template.preview(lang)
    assert not set("{}") & set(text)
    assert text == text.strip()
    assert any("一" <= letter <= "鿿" for letter in text) == (lang is Lang.ZH)
    assert set(re.findall(r"{(\w+)}", "".join(phrase.zh for phrase in template.phrases()))) == set(
        re.findall(r"{(\w+)}", "".join(phrase.en for phrase in template.phrases()))
    )


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("commodity", Commodity)
@pytest.mark.parametrize("template", OF_RULE.values(), ids=OF_RULE)
def test_every_alert_says_who_how_much_and_by_when(template: AlertTemplate, commodity: Commodity, lang: Lang) -> None:
    text = body(template, lang, about(template, commodity), commodity)
    assert "nan" not in text.lower()
    assert ("C-0007" in text) or ("EP-0003" in text and "C-0103" in text)
    assert DUE in text
    assert DUE not in body(template, lang, about(template, commodity), commodity, due="")


def test_every_rule_that_raises_alerts_has_a_template() -> None:
    assert set(OF_RULE) == {rule.name for rule in RULES}


@pytest.mark.parametrize(
    ("count", "said"), [(1, "a"), (3, "a; a; a"), (4, "a; a; a; and 1 more"), (9, "a; a; a; and 6 more")]
)
def test_a_list_names_three_and_counts_the_rest(count: int, said: str) -> None:
    (template,) = (one for one in TEMPLATES if one.name == "opened")
    assert isinstance(template, ListTemplate)
    assert template.lines(Lang.EN, ["a"] * count) == said


def test_churn_reads_well() -> None:
    churn = about(CHURN, Commodity.GAS)
    assert body(CHURN, Lang.EN, churn, Commodity.GAS) == (
        "Churn warning: customer C-0007, gas: mean day 623 m³ in the last 7 days against 1234 m³ before (50%), "
        "since 2023-02-22. Please visit or phone, find the cause and propose measures by 2023-03-02 17:30."
    )
    assert body(CHURN, Lang.ZH, churn, Commodity.GAS) == (
        "流失预警：客户C-0007用气近7天日均623m³，此前日均1234m³（50%），自2023-02-22起。"
        "请于2023-03-02 17:30前上门或电话核实，查明原因并提出措施。"
    )


def test_load_reads_well() -> None:
    load = about(LOAD, Commodity.ELECTRICITY)
    found = [body(LOAD, lang, load, Commodity.ELECTRICITY, "") for lang in (Lang.EN, Lang.ZH)]
    assert found == [
        "Load alert: usage point EP-0003 of customer C-0103 ran at 612 kW on 2023-02-28, 112% of its limit of 546 kW.",
        "负荷告警：客户C-0103用户点EP-0003于2023-02-28负荷达612kW，为限值546kW的112%。",
    ]


def without(template: Template, *names: str) -> Episode:
    made = about(template, Commodity.GAS)
    return replace(made, figures={name: figure for name, figure in FIGURES.items() if name not in names})


def test_swing_reads_well() -> None:
    assert body(SWING, Lang.EN, about(SWING, Commodity.GAS), Commodity.GAS) == (
        "Weekly swing: customer C-0007, gas, week to 2023-02-28: mean day 130 m³, last week 100 m³ (130%), "
        "same period last month 162 m³ (80%). Please investigate and write the fluctuation analysis by 2023-03-02 17:30."
    )
    assert body(SWING, Lang.ZH, about(SWING, Commodity.GAS), Commodity.GAS) == (
        "周用量波动：客户C-0007用气截至2023-02-28一周日均130m³，上周日均100m³（130%），上月同期日均162m³（80%）。"
        "请于2023-03-02 17:30前调查原因并提交波动分析。"
    )


def test_what_a_swing_could_not_be_compared_with_is_left_open() -> None:
    text = body(SWING, Lang.EN, without(SWING, "last_month_mean", "last_month_ratio"), Commodity.GAS)
    assert "last week 100 m³ (130%), same period last month - m³ (-%)" in text


def test_silent_reads_well() -> None:
    silent = replace(about(SILENT, Commodity.GAS), start_day=DAY - 1)
    assert [body(SILENT, lang, silent, Commodity.GAS) for lang in (Lang.EN, Lang.ZH)] == [
        (
            "Silent meter: of usage point EP-0003 of customer C-0103 nothing is known since 2023-02-27 (2 days). "
            "Please check the meter and its connection by 2023-03-02 17:30."
        ),
        "表计失联：客户C-0103用户点EP-0003自2023-02-27起无数据（2天）。请于2023-03-02 17:30前检查表计及其通信。",
    ]


def test_weekly_read_tells_whether_it_was_not_read_or_does_not_agree() -> None:
    read = about(WEEKLY_READ, Commodity.GAS)
    assert [body(WEEKLY_READ, lang, read, Commodity.GAS) for lang in (Lang.EN, Lang.ZH)] == [
        (
            "Weekly reading check: usage point EP-0003 of customer C-0103, week to 2023-02-28: valid readings on 6 of 7 "
            "days; register 7100 m³, sum of intervals 6900 m³. Please read the meter and check it by 2023-03-02 17:30."
        ),
        (
            "周抄表核对：客户C-0103用户点EP-0003截至2023-02-28一周，7天中6天有有效读数；表底示数差7100m³，分时用量合计6900m³。"
            "请于2023-03-02 17:30前抄表并核对。"
        ),
    ]
    unread = replace(without(WEEKLY_READ, "register", "intervals"), figures={"read_days": 0.0})
    text = body(WEEKLY_READ, Lang.EN, unread, Commodity.GAS)
    assert "valid readings on 0 of 7 days; register - m³, sum of intervals - m³" in text


def test_a_customers_code_may_hold_a_slash() -> None:
    text = body(CHURN, Lang.EN, replace(about(CHURN, Commodity.GAS), subject="N/12/gas"), Commodity.GAS)
    assert "customer N/12," in text


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
