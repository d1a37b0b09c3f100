"""The people of the demonstration at work: at ten o'clock each day they do what is theirs to do."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from meterwatch.app.books import Books
from meterwatch.app.judgement_list import Span, crossings, rulings
from meterwatch.app.parts import site
from meterwatch.app.settings import Settings
from meterwatch.core.model.contacts import NewContactRecord
from meterwatch.core.model.duties import Absence, Duty, Evidence, EvidenceKind
from meterwatch.core.model.judgements import Crossing, Verdict
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Role
from meterwatch.core.model.viewer import Viewer
from meterwatch.demo.fleet import DEPUTY, HEAD, PLAY_START, manager_of
from meterwatch.stores.ledger.work import Wanted
from notifier.duties.closing import Desk, closing
from notifier.duties.contacts import BY_CONTACT, meeting
from notifier.duties.rules import BY_NAME
from notifier.judging import Reason
from notifier.roster import Roster
from notifier.site import Site

AWAY = Absence(
    "M-03", (PLAY_START + timedelta(days=45)).date(), (PLAY_START + timedelta(days=60)).date(), DEPUTY
)  # 15 February to 1 March: the gas factory that loses half its use is one of his
ROUND_DAYS = 80  # in which every customer is visited once
_ACCOUNT = "demo"
_CAUSE = Phrase("second line stopped, orders lost", "第二条生产线停产，订单减少")
_PROPOSAL = Phrase("monthly call-back, contract volume to be renegotiated", "每月回访，协商合同气量")
_NOTE = Phrase("done as planned", "已按计划办理")
_PLAN = Phrase("tariff offer, monthly call, meeting with the plant manager", "价格优惠方案、每月回访、与厂长面谈")
_OUTCOME = {"churn-confirm": "potential", "churn-filing": "approved"}
_ON_THE_LAST_DAY = ("churn-warn", "meter-silent")  # a meter may turn out not to have been silent
_BY_PHONE = "churn-warn"
_MONDAY, _LOOKED_BACK = 0, 14  # a Monday of rest is made up for on the next
_REASON = {
    Verdict.ACT: Phrase("visited already, belongs to the alert", "已上门核实，属于该告警"),
    Verdict.EXCLUDE: Phrase("rest days and Spring Festival", "休息日与春节停产"),
}


@dataclass
class Office:
    """The utility's people, who work through their tasks."""

    books: Books
    settings: Settings
    lang: Lang
    site: Site = field(init=False)

    def __post_init__(self) -> None:
        self.site = site(self.settings)

    def work(self, moment: datetime) -> None:
        """Do what people do at ``moment``; nothing but at ten o'clock."""
        local = moment.astimezone(PLAY_START.tzinfo)
        if (local.hour, local.minute, local.second) != (10, 0, 0):
            return
        if local.date() == AWAY.first_day - timedelta(days=1):
            self.books.ledger.orders.add_absence(AWAY, HEAD, _ACCOUNT, moment)
        roster = Roster(self.books.snapshots.newest(), self.books.ledger.orders.absences(), local.date())
        self._visit((local.date() - PLAY_START.date()).days, roster, moment)
        if local.weekday() == _MONDAY:
            self._judge(roster, moment)
        for task in self.books.ledger.work.tasks(Wanted(), None):
            if task.person and not BY_NAME[task.rule].by_contact and self._is_time(task, local):
                desk = self._desk(task.person, roster, moment)
                self.books.ledger.work.done(task.id, self._proof(task, moment), closing(desk))

    def _is_time(self, task: Duty, local: datetime) -> bool:
        """Return whether a task is done today: some on their last day, everything else on the day after it came."""
        zone = PLAY_START.tzinfo
        if task.rule in _ON_THE_LAST_DAY:
            return task.due_at.astimezone(zone).date() == local.date()
        return task.opened_at.astimezone(zone).date() < local.date()

    def _proof(self, task: Duty, moment: datetime) -> Evidence:
        rule = BY_NAME[task.rule]
        kind = EvidenceKind.VISIT if EvidenceKind.VISIT in rule.evidence else rule.evidence[0]
        kind = EvidenceKind.PHONE if task.rule == _BY_PHONE else kind
        paper = sha256(f"{task.rule} {task.subject} {task.period}".encode()).hexdigest()
        note = (_PLAN if task.rule == "churn-plan" else _NOTE).say(self.lang)
        cause, proposal = _CAUSE.say(self.lang), _PROPOSAL.say(self.lang)
        outcome = _OUTCOME.get(task.rule, "")
        return Evidence(kind, task.person, _ACCOUNT, cause, proposal, moment, moment, note, outcome, paper)

    def _judge(self, roster: Roster, moment: datetime) -> None:
        """Work the judgement list in bulk, each manager or who stands in for him: days of rest and of the festival are no
        drops, what belongs to an open alert is acted on.
        """
        managers = {a.person for a in roster.registry.assignments if a.role is Role.MANAGER}
        there = {one.code for code in managers if (one := roster.present(roster.registry.people[code]))}
        for person in sorted(there):
            viewer = self.books.archive.viewer_for(_ACCOUNT, person, roster.day)
            desk = Desk(viewer, roster, self.site, moment)
            span = Span(roster.day - timedelta(days=_LOOKED_BACK), roster.day - timedelta(days=1))
            found = crossings(self.books, self.settings, viewer, span)
            for verdict in Verdict:
                chosen = [one.fact for one in found if (Reason.EPISODE in one.reasons) == (verdict is Verdict.ACT)]
                named = [Crossing(fact.subject, fact.day) for fact in chosen]
                reason = _REASON[verdict].say(self.lang)
                self.books.ledger.judgements.judge(rulings(desk, named, verdict, reason, person), moment)

    def _visit(self, day: int, roster: Roster, moment: datetime) -> None:
        """The managers, or who stands in for them, visit their customers in turn."""
        for index, customer in enumerate(roster.registry.customers):
            if index % ROUND_DAYS != day:
                continue
            manager = roster.in_charge(customer, Role.MANAGER)
            code = manager.code if manager else manager_of(customer.code)
            visit = NewContactRecord(
                customer.code, EvidenceKind.VISIT, "", True, _NOTE.say(self.lang), code, _ACCOUNT, moment, moment
            )
            self.books.ledger.records.add_contact(visit, BY_CONTACT, meeting(self._desk(code, roster, moment)))

    def _desk(self, person: str, roster: Roster, moment: datetime) -> Desk:
        role = roster.registry.people[person].role
        return Desk(Viewer.for_person(_ACCOUNT, person, role, frozenset()), roster, self.site, moment)
