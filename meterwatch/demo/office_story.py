"""What the people of the demonstration came to: every task they were to do, and by whom the urgent ones were done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from meterwatch.core.calendar import WorkingCalendar
from meterwatch.core.model.duties import DUTY_STATE_TEXT, DutyState
from meterwatch.core.model.judgements import VERDICT_TEXT, Verdict
from meterwatch.core.model.phrase import Phrase
from meterwatch.demo import script
from meterwatch.demo.fleet import DEPUTY
from meterwatch.demo.office import AWAY
from meterwatch.demo.story import Finding, same, subject_of
from meterwatch.demo.world import FIRST_DAY, LAST_DAY, World
from meterwatch.stores.ledger.judgements import LITERAL
from notifier.duties.rules import BY_NAME
from notifier.pace import DIGEST

_S = DutyState
ROUTINE: Mapping[tuple[str, DutyState], int] = {
    ("contact-callback", _S.OPEN): 170,  # one of two or four a year is done
    ("contact-visit", _S.MET): 170,
    ("contact-visit", _S.OPEN): 85,  # those of the second quarter, called for on 1 April
    ("meter-silent", _S.MET): 1,
    ("meter-silent", _S.VOID): 10,  # a gateway was late, the meters were not silent
    ("oversee", _S.MET): 3,
    ("oversee", _S.OPEN): 1,
    ("use-important-report", _S.MET): 16,
    ("use-important-report", _S.OPEN): 1,
    ("who-january", _S.MET): 1,
}
"""Tasks of calendar and meters, by rule and state."""
RECOVERY = (
    ("churn-warn", DEPUTY),  # the manager is away
    ("churn-confirm", AWAY.person),  # and back
    ("churn-plan", AWAY.person),
    ("churn-filing", "S-01"),
)
"""The tasks about the factory that halves its use, by whom they are done in time."""
TOLD = {("D-01", "hand_over"): 1, ("D-01", "escalate"): 3, ("S-01", "opened"): 1}
"""Messages about tasks, by person and template: 48 tasks of the manager who is away in one, the warning and the silent meter
on their last day, the visits of late customers; and the recovery plan that the supervisor is to approve."""
_KIND = {
    "hand_over": Phrase("messages about tasks handed over", "移交任务短信"),
    "escalate": Phrase("messages about tasks escalated", "督办任务短信"),
    "opened": Phrase("messages about new tasks", "新任务短信"),
}
_MANAGERS = ("M-01", "M-02", "M-04", "M-05")  # the tasks of M-03 stay with the deputy who stood in


def office(world: World) -> Iterator[Finding]:
    """Every routine task is done or open as scripted, the recovery plan is approved, the deputy stands in."""
    subject = subject_of(world, script.HALVED)
    done = [(task.rule, task.person, task.state) for task in world.tasks if task.subject == subject]
    yield same(Phrase("{found}", "{found}"), _shown(done), _shown((rule, who, _S.MET) for rule, who in RECOVERY))
    counts = Counter((task.rule, task.state) for task in world.tasks if task.rule not in dict(RECOVERY))
    for rule, state in sorted({*counts, *ROUTINE}):
        title, said = BY_NAME[rule].title, DUTY_STATE_TEXT[state]
        text = Phrase(f"{title.en}, {said.en}: {{found}}", f"{title.zh}（{said.zh}）：{{found}}")
        yield same(text, counts.get((rule, state), 0), ROUTINE.get((rule, state), 0))
    told = Counter((message.person, message.template) for message in world.messages)
    for (person, template), count in TOLD.items():
        kind = _KIND[template]
        text = Phrase(f"{kind.en}, to {person}: {{found}}", f"{kind.zh}（{person}）：{{found}}")
        yield same(text, told[person, template], count)
    digests = sum(told[person, DIGEST] for person in _MANAGERS)
    yield same(Phrase("digests to managers: {found}", "客户经理收到晨间汇总：{found}"), digests, _mornings())
    yield from _judged(world, subject)


def _mornings() -> int:
    """Return how many digests those managers are to have: each on each working day."""
    calendar = WorkingCalendar()
    return len(_MANAGERS) * sum(calendar.is_working(date.fromordinal(day)) for day in range(FIRST_DAY, LAST_DAY + 1))


def _judged(world: World, halved: str) -> Iterator[Finding]:
    """Return what became of the judgement list: acted on where the factory halved its use, the rest excluded in bulk."""
    crossed = [fact.subject for fact in world.churn_facts if LITERAL in fact.crossing]
    waiting = Counter(Verdict.ACT if subject == halved else Verdict.EXCLUDE for subject in crossed)
    found = Counter(judgement.verdict for judgement in world.judgements)
    for verdict in Verdict:
        said = VERDICT_TEXT[verdict]
        text = Phrase(f"crossings judged, {said.en}: {{found}}", f"已判断的记录（{said.zh}）：{{found}}")
        yield same(text, found[verdict], waiting[verdict])


def _shown(tasks: Iterable[tuple[str, str, DutyState]]) -> Phrase:
    """Return tasks in words, alike for the same tasks in any order."""
    found = [(BY_NAME[rule].title, who, DUTY_STATE_TEXT[state]) for rule, who, state in sorted(tasks)]
    return Phrase(
        "; ".join(f"{title.en}: {who}, {said.en}" for title, who, said in found),
        "；".join(f"{title.zh}：{who} {said.zh}" for title, who, said in found),
    )
