"""The shape of a duty rule: what calls for it, by when it is due, what proves it, and who is told when nobody acts.

A duty rule is a file of its own in ``notifier.duties.rules`` and one line in its list.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from meterwatch.core.calendar import Deadline
from meterwatch.core.model.duties import Evidence, EvidenceKind
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Customer, Registry, Role
from notifier.duties.terms import Term
from notifier.roster import Roster
from notifier.site import Site


class Rung(NamedTuple):
    """One step of an escalation: ``before`` the deadline, whoever is ``role`` is told."""

    before: timedelta
    role: Role


BREACHED = Rung(timedelta(0), Role.SUPERVISOR)
"""What is breached goes to the supervisor."""
DAYS = (Rung(timedelta(hours=8), Role.DEPUTY), Rung(timedelta(hours=2), Role.OFFICE_HEAD), BREACHED)
"""Escalation of what is due within days."""
WEEKS = (Rung(timedelta(days=14), Role.DEPUTY), Rung(timedelta(days=7), Role.OFFICE_HEAD), BREACHED)
"""Escalation of what is due within months."""
MINUTES = (Rung(timedelta(minutes=5), Role.OFFICE_HEAD), BREACHED)
"""Escalation of what is due within minutes."""


class Field(StrEnum):
    """What evidence may have to say besides its kind and its time."""

    CAUSE = "cause"
    PROPOSAL = "proposal"
    NOTE = "note"
    PAPER = "paper"
    OUTCOME = "outcome"


class Scope(StrEnum):
    """Of which customers' alerts a duty is owed."""

    ALL = "all"
    LARGE = "large"  # general large and important (RULES who-large, who-important)
    IMPORTANT = "important"


@dataclass(frozen=True, slots=True)
class Want:
    """One duty that a rule, or what ``called_by`` did, calls for; ``due`` None leaves the deadline to the rule's term."""

    subject: str
    period: str
    customer: Customer | None = None
    unit: str = ""
    due: Deadline | None = None
    needed: int = 1
    called_by: str = ""


@dataclass(frozen=True, slots=True)
class OnAlert:
    """Called for by each alert of some detectors' rules that reaches a stage; entered in the alert's own transaction."""

    rules: tuple[str, ...]
    stage: str = "warn"
    scope: Scope = Scope.ALL


@dataclass(frozen=True, slots=True)
class OnCalendar:
    """Called for by the calendar. ``asks(day)`` names the stretch of time whose duties ``wants`` returns.

    It is asked anew when that name, the registry, or who is supplied changes. An unfinished duty, breached or not, of a
    period that ``covers(period, day)`` and that is wanted no more becomes void.
    """

    asks: Callable[[date], str]
    wants: Callable[[Roster, Site], Iterable[Want]]
    covers: Callable[[str, date], bool]


@dataclass(frozen=True, slots=True)
class While:
    """Called for as long as something is so. ``wants`` returns it for a day; its period is the day it was first noticed.

    When it is so no more, the registry itself is the evidence.
    """

    wants: Callable[[Roster, Site], Iterable[Want]]


@dataclass(frozen=True, slots=True)
class OnAct:
    """Called for by what somebody did: a command or a page, or evidence of another duty (``DutyRule.then``)."""


@dataclass(frozen=True, slots=True)
class DutyRule:
    """A duty rule's declaration.

    ``role`` is who has to act; ``evidence`` the kinds that count, each with every field of ``says``; ``outcomes`` the words
    its outcome may be, and ``then`` the duties called for by evidence with such an outcome ("" = with any). A duty whose
    ``second`` is set is closed only by somebody else than who did what it is about. One that
    ``inherits`` is due when the duty it follows was. ``copies`` are told when it is opened.
    """

    name: str
    title: Phrase
    source: str
    trigger: OnAlert | OnCalendar | While | OnAct
    role: Role
    term: Term
    evidence: tuple[EvidenceKind, ...]
    says: tuple[Field, ...] = ()
    outcomes: Mapping[str, Phrase] = field(default_factory=dict)
    then: Mapping[str, str] = field(default_factory=dict)
    escalation: tuple[Rung, ...] = DAYS
    copies: tuple[Role, ...] = ()
    second: bool = False
    command: str = ""
    """The command that closes it with all it decides, where evidence alone does not: {number} is that of its period."""
    inherits: bool = False
    by_contact: bool = False
    """Whether a contact record of a counting kind that reached somebody meets it."""
    longest: Term | None = None
    """The latest its deadline may be moved to, from when it was opened; None = as late as is approved."""

    def lacking(self, proof: Evidence) -> tuple[Field, ...]:
        """Return the fields evidence must have and has not."""
        return tuple(one for one in self.says if not str(getattr(proof, one)).strip())


def in_scope(scope: Scope, customer: Customer | None, registry: Registry) -> bool:
    """Return whether alerts about a customer call for a duty of this scope."""
    if scope is Scope.ALL:
        return True
    if customer is None:
        return False
    return registry.is_large(customer.code) if scope is Scope.LARGE else customer.code in registry.designations
