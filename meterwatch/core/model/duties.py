"""Duties, who acts on them, and the evidence that meets them (RULES §4: rule, subject, period -> deadline -> evidence)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from meterwatch.core.model.alerts import AlertKey
from meterwatch.core.model.messages import NewMessage
from meterwatch.core.model.phrase import Phrase


class DutyState(StrEnum):
    """Where a duty stands. Only evidence makes it met or late; only time makes it breached."""

    OPEN = "open"
    MET = "met"
    BREACHED = "breached"  # the deadline passed without evidence
    LATE = "late"  # evidence came after the deadline
    VOID = "void"  # what called for it turned out not to be so


UNFINISHED = (DutyState.OPEN, DutyState.BREACHED)

DUTY_STATE_TEXT: dict[DutyState, Phrase] = {
    DutyState.OPEN: Phrase("open", "待办"),
    DutyState.MET: Phrase("met", "按期完成"),
    DutyState.LATE: Phrase("late", "逾期完成"),
    DutyState.BREACHED: Phrase("breached", "已逾期"),
    DutyState.VOID: Phrase("void", "已作废"),
}


class EvidenceKind(StrEnum):
    """What proves that a duty was done."""

    PHONE = "phone"
    VISIT = "visit"
    SMS = "sms"
    NETWORK = "network"
    PAPER = "paper"  # a signed or stamped document, kept by its hash
    TEXT = "text"  # an analysis, a plan, an answer
    READING = "reading"
    REPORT = "report"  # a printed sheet, by its hash
    APPROVAL = "approval"
    REGISTRY = "registry"  # the register itself shows it


EVIDENCE_TEXT: dict[EvidenceKind, Phrase] = {
    EvidenceKind.PHONE: Phrase("phone call", "电话"),
    EvidenceKind.VISIT: Phrase("visit", "上门"),
    EvidenceKind.SMS: Phrase("SMS", "短信"),
    EvidenceKind.NETWORK: Phrase("network", "网络"),
    EvidenceKind.PAPER: Phrase("signed paper", "签章文件"),
    EvidenceKind.TEXT: Phrase("written text", "书面说明"),
    EvidenceKind.READING: Phrase("reading", "抄表读数"),
    EvidenceKind.REPORT: Phrase("report", "报表"),
    EvidenceKind.APPROVAL: Phrase("approval", "审批"),
    EvidenceKind.REGISTRY: Phrase("registry", "档案"),
}


@dataclass(frozen=True, slots=True)
class NewDuty:
    """A duty to be entered; (rule, subject, period) is unique. ``person`` is empty when nobody is responsible yet.

    ``customer`` and ``unit`` say whom it concerns, for access and reports; ``needed`` counts the evidence it takes;
    ``act_at`` is when somebody else is told of it, or it is breached, ``level`` the step of its escalation that is next;
    ``called_by`` the person whose act called for it, if one did.
    """

    rule: str
    subject: str
    period: str
    due_at: datetime
    provisional: bool
    person: str
    act_at: datetime
    customer: str = ""
    unit: str = ""
    needed: int = 1
    level: int = 0
    called_by: str = ""
    alert: AlertKey | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person states he did, when it happened and when it was recorded; who confirmed it where that is needed.

    ``paper`` is the SHA-256 of a document; ``outcome`` a word the duty's rule declares, e.g. whether a plan is called for.
    ``record`` is the contact record it rests on, if it rests on one; once a correction of that record has taken it back, it
    counts no more.
    """

    kind: EvidenceKind
    person: str
    account: str
    cause: str
    proposal: str
    happened_at: datetime
    recorded_at: datetime
    note: str = ""
    outcome: str = ""
    paper: str = ""
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    record: int | None = None
    taken_back_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty the ledger holds; a person's task. ``level`` counts the escalation steps done, ``chain`` who they go to."""

    id: int
    rule: str
    subject: str
    period: str
    opened_at: datetime
    due_at: datetime
    provisional: bool
    person: str
    state: DutyState
    customer: str = ""
    unit: str = ""
    needed: int = 1
    level: int = 0
    called_by: str = ""
    chain: tuple[str, ...] = ()
    act_at: datetime | None = None
    alert_id: int | None = None
    settled_at: datetime | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()

    @property
    def waiting(self) -> tuple[Evidence, ...]:
        """Evidence recorded after the deadline that nobody has confirmed yet: it does not count."""
        return tuple(proof for proof in self._standing if self.needs_confirmation(proof) and not proof.confirmed_at)

    @property
    def counting(self) -> tuple[Evidence, ...]:
        """Evidence that counts."""
        return tuple(proof for proof in self._standing if not self.needs_confirmation(proof) or proof.confirmed_at)

    @property
    def _standing(self) -> tuple[Evidence, ...]:
        return tuple(proof for proof in self.evidence if not proof.taken_back_at)

    def needs_confirmation(self, proof: Evidence) -> bool:
        """Return whether evidence counts only when a second person confirms it: it was recorded after the deadline."""
        return proof.recorded_at > self.due_at and proof.kind is not EvidenceKind.REGISTRY

    def proven(self) -> DutyState | None:
        """Return what the evidence that counts makes of the duty: met, late, or None while there is not enough of it."""
        happened = sorted(proof.happened_at for proof in self.counting)
        if len(happened) < self.needed:
            return None
        return DutyState.MET if happened[self.needed - 1] <= self.due_at else DutyState.LATE


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody's unfinished tasks stand: how many are overdue, due today, and open in all; the ``first`` by deadline."""

    person: str
    overdue: int = 0
    today: int = 0
    open: int = 0
    first: tuple[Duty, ...] = ()


class Act(StrEnum):
    """What may be done to a duty besides proving it."""

    TAKE = "take"
    HAND_OVER = "hand over"
    ESCALATE = "escalate"
    BREACH = "breach"
    SETTLE = "settle"  # the registry shows that it is done
    VOID = "void"
    REOPEN = "reopen"  # a correction took evidence back
    ASK = "ask"  # for a later deadline
    EXTEND = "extend"
    DENY = "deny"


ACT_TEXT: dict[Act, Phrase] = {
    Act.TAKE: Phrase("taken by", "接单"),
    Act.HAND_OVER: Phrase("handed over to", "移交给"),
    Act.ESCALATE: Phrase("escalated to", "升级至"),
    Act.BREACH: Phrase("deadline passed", "已过期限"),
    Act.SETTLE: Phrase("shown by the registry", "档案已显示完成"),
    Act.VOID: Phrase("void", "作废"),
    Act.REOPEN: Phrase("open again: evidence taken back by contact record", "证据被联系记录更正撤回，任务重新待办："),
    Act.ASK: Phrase("extension asked by", "申请延期"),
    Act.EXTEND: Phrase("extension approved by", "批准延期"),
    Act.DENY: Phrase("extension denied by", "驳回延期"),
}


@dataclass(frozen=True, slots=True)
class DutyStep:
    """One change of a duty: an act, whom it goes to and why. ``actor`` is a person, or the part of us that did it."""

    duty: int
    act: Act
    at: datetime
    actor: str
    person: str = ""
    why: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DutyChange:
    """A duty as it is to stand, and the steps that bring it there; it holds only while the duty is still as it was read."""

    before: Duty
    after: Duty
    steps: tuple[DutyStep, ...]


@dataclass(frozen=True, slots=True)
class DutyPlan:
    """What is to be entered: new duties, changes of old ones, what is said about them, and what each rule was asked."""

    opened: tuple[NewDuty, ...] = ()
    changed: tuple[DutyChange, ...] = ()
    messages: tuple[NewMessage, ...] = ()
    planned: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.planned)


@dataclass(frozen=True, slots=True)
class Absence:
    """``person`` is away on first_day <= d < last_day; ``stand_in`` acts meanwhile, if one was named."""

    person: str
    first_day: date
    last_day: date
    stand_in: str = ""
    id: int = 0

    def covers(self, day: date) -> bool:
        """Return whether the person is away on ``day``."""
        return self.first_day <= day < self.last_day
