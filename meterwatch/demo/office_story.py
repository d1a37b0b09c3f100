"""What the people of the demonstration came to: every task they were to do, and by whom the urgent ones were done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from meterwatch.core.model.duties import DUTY_STATE_TEXT, Act, DutyState
from meterwatch.core.model.phrase import Phrase
from meterwatch.demo import script
from meterwatch.demo.fleet import DEPUTY
from meterwatch.demo.office import AWAY
from meterwatch.demo.story import Finding, same, subject_of
from meterwatch.demo.world import World
from notifier.duties.rules import BY_NAME

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
TOLD = {Act.HAND_OVER: 1, Act.ESCALATE: 2}
"""Messages to the deputy: 48 tasks of the manager who is away in one, and the visits of five late customers in two."""


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
    told = sum(message.person == DEPUTY and message.template in TOLD for message in world.messages)
    yield same(Phrase("messages to the deputy: {found}", "发给代理人的短信：{found}"), told, sum(TOLD.values()))


def _shown(tasks: Iterable[tuple[str, str, DutyState]]) -> Phrase:
    """Return tasks in words, alike for the same tasks in any order."""
    found = [(BY_NAME[rule].title, who, DUTY_STATE_TEXT[state]) for rule, who, state in sorted(tasks)]
    return Phrase(
        "; ".join(f"{title.en}: {who}, {said.en}" for title, who, said in found),
        "；".join(f"{title.zh}：{who} {said.zh}" for title, who, said in found),
    )
