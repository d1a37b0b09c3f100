"""Every duty rule's declaration (RULES §1 to §4): what it says of itself, by when it is due, who has to act."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from detectors.rules import RULES
from meterwatch.core.model.alerts import STAGE_TEXT
from meterwatch.core.model.contacts import CONTACT_KINDS
from meterwatch.core.model.duties import EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Role
from meterwatch.stores.duty_tables import duties, evidence, planned
from notifier.duties.duty import DAYS, MINUTES, WEEKS, DutyRule, Field, OnAct, OnAlert, OnCalendar, Rung, Scope, While
from notifier.duties.rules import BY_NAME, DUTIES
from tests.support.desk import SITE, ZONE

ROOT = Path(__file__).parents[3]
CITED = set(re.findall(r"^\| ([a-z-]+) \|", (ROOT / "docs" / "rules.md").read_text(encoding="utf-8"), re.MULTILINE))
EACH = pytest.mark.parametrize("rule", DUTIES, ids=lambda rule: rule.name)
HAN = re.compile("[一-鿿]")
WEDNESDAY = datetime(2023, 3, 1, 10, tzinfo=ZoneInfo(ZONE))


def test_each_has_a_name_of_its_own() -> None:
    assert len({rule.name for rule in DUTIES}) == len(DUTIES) == len(BY_NAME)
    files = {path.stem.replace("_", "-") for path in (ROOT / "notifier" / "duties" / "rules").glob("[!_]*.py")}
    assert files == set(BY_NAME), "a duty rule is a file of its own"


@EACH
def test_what_it_says_fits_where_it_is_kept(rule: DutyRule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert len(rule.name) <= min(duties.c.rule.type.length, planned.c.name.type.length)  # type: ignore[attr-defined]
    assert all(0 < len(outcome) <= evidence.c.outcome.type.length for outcome in rule.outcomes)  # type: ignore[attr-defined]


@EACH
def test_it_speaks_both_languages(rule: DutyRule) -> None:
    said: list[Phrase] = [rule.title, *rule.outcomes.values()]
    assert all(text.en.isascii() and text.en.strip() and HAN.search(text.zh) for text in said)
    assert len({text.en for text in said}) == len({text.zh for text in said}) == len(said)


@EACH
def test_it_cites_a_rule_and_the_article_it_rests_on(rule: DutyRule) -> None:
    found = re.fullmatch(r"RULES ([a-z-]+) \(.+\)", rule.source)
    assert found
    assert found[1] in CITED


@EACH
def test_it_can_be_met(rule: DutyRule) -> None:
    assert rule.evidence
    assert len(set(rule.evidence)) == len(rule.evidence)
    shown_by_itself = isinstance(rule.trigger, While)
    assert (EvidenceKind.REGISTRY in rule.evidence) == shown_by_itself, "only what the registry shows settles itself"
    assert not shown_by_itself or rule.evidence == (EvidenceKind.REGISTRY,)
    assert bool(rule.outcomes) == (Field.OUTCOME in rule.says)


@EACH
def test_what_follows_it_is_there_to_follow(rule: DutyRule) -> None:
    assert set(rule.then) <= {"", *rule.outcomes}
    assert set(rule.then.values()) <= set(BY_NAME)
    followed = {name for one in DUTIES for name in one.then.values()}
    assert not rule.inherits or (rule.name in followed and isinstance(rule.trigger, OnAct))
    assert not rule.second or isinstance(rule.trigger, OnAct), "only an act is somebody's own"


@EACH
def test_a_contact_record_says_all_that_it_needs(rule: DutyRule) -> None:
    if rule.by_contact:
        assert set(rule.evidence) <= set(CONTACT_KINDS)
        assert set(rule.says) <= {Field.NOTE}
        assert not rule.then


@EACH
def test_its_escalation_goes_up_to_the_deadline(rule: DutyRule) -> None:
    before = [rung.before for rung in rule.escalation]
    assert before == sorted(set(before), reverse=True)
    above = Role.COMPANY_MANAGER if rule.name == "oversee" else Role.SUPERVISOR
    assert rule.escalation[-1] == Rung(timedelta(0), above)


@EACH
def test_it_follows_alerts_there_are(rule: DutyRule) -> None:
    if isinstance(rule.trigger, OnAlert):
        assert set(rule.trigger.rules) <= {detector.name for detector in RULES}
        assert rule.trigger.stage in STAGE_TEXT


K, H, S = Role.MANAGER, Role.OFFICE_HEAD, Role.SUPERVISOR
TERMS = [
    ("churn-warn", K, "2023-03-02T17:30", DAYS),  # 1 working day
    ("churn-confirm", K, "2023-03-08T17:30", DAYS),  # churn-potential: 5 working days
    ("churn-plan", K, "2023-03-08T17:30", DAYS),
    ("churn-filing", S, "2023-03-08T17:30", DAYS),  # the supervisor approves
    ("churn-ended", H, "2023-03-08T17:30", DAYS),  # the unit collects
    ("churn-exclude", H, "2023-03-03T17:30", DAYS),
    ("complaint-answer", K, "2023-03-06T17:30", DAYS),  # 3 working days
    ("complaint-done", K, "2023-03-10T17:30", DAYS),  # 7
    ("meter-silent", K, "2023-03-06T17:30", DAYS),
    ("out-contact", K, "2023-03-08T17:30", DAYS),
    ("oversee", S, "2023-03-08T17:30", (Rung(timedelta(0), Role.COMPANY_MANAGER),)),
    ("use-abnormal", Role.SUPPLY_ADMIN, "2023-03-01T10:15", MINUTES),  # <= 15 minutes
    ("use-abnormal-cause", K, "2023-03-02T00:00", DAYS),  # the same day
    ("use-important-report", H, "2023-03-06T17:30", DAYS),
    ("use-monitor", K, "2023-03-02T00:00", DAYS),
    ("use-validate", K, "2023-03-06T17:30", DAYS),
    ("use-weekly-read", K, "2023-03-06T17:30", DAYS),
    ("use-weekly-swing", K, "2023-03-06T17:30", DAYS),  # 3 working days
    ("who-manager", H, "2023-03-08T17:30", DAYS),
    ("who-point", K, "2023-03-06T17:30", DAYS),
]
BY_PERIOD = [("contact-callback", K), ("contact-visit", K), ("who-january", H)]


@pytest.mark.parametrize(("name", "role", "due", "escalation"), TERMS, ids=[row[0] for row in TERMS])
def test_it_is_due_and_whose_it_is(name: str, role: Role, due: str, escalation: tuple[Rung, ...]) -> None:
    rule = BY_NAME[name]
    assert rule.term(WEDNESDAY, SITE).at == datetime.fromisoformat(due).replace(tzinfo=ZoneInfo(ZONE))
    assert (rule.role, rule.escalation) == (role, escalation)


def test_those_of_a_long_period_escalate_weeks_before() -> None:
    assert [(rule.name, rule.role) for rule in DUTIES if rule.escalation is WEEKS] == BY_PERIOD
    assert {name for name, *_ in TERMS} | {name for name, _ in BY_PERIOD} == set(BY_NAME)
    assert all(isinstance(BY_NAME[name].trigger, OnCalendar) for name, _ in BY_PERIOD)


def test_only_large_customers_abnormal_use_is_told_and_only_important_ones_load_is_handled() -> None:
    """RULES use-abnormal, use-weekly-read and use-weekly-swing speak of large customers, use-monitor of important ones."""
    scopes = {rule.name: rule.trigger.scope for rule in DUTIES if isinstance(rule.trigger, OnAlert)}
    large = ("use-abnormal", "use-abnormal-cause", "use-weekly-read", "use-weekly-swing")
    every = ("churn-warn", "churn-confirm", "meter-silent")
    assert scopes == dict.fromkeys(large, Scope.LARGE) | dict.fromkeys(every, Scope.ALL) | {"use-monitor": Scope.IMPORTANT}
