"""The stories the play tells, and what each must come to: what was found is held against what was scripted."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from ingest.outcomes import Balance
from meterwatch.app.books import Books
from meterwatch.core.calendar import meter_day
from meterwatch.core.model.alerts import Alert
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.readings import DayTotals, Quality
from meterwatch.core.model.registry import Registry
from meterwatch.core.model.work import DutyState, MessageState
from meterwatch.core.ports import ReadingStore
from meterwatch.demo import script
from meterwatch.demo.fleet import PLAY_START, Fleet, Kind, Point
from meterwatch.demo.script import Script

FIRST_DAY = PLAY_START.date().toordinal()
LAST_DAY = date(2023, 3, 31).toordinal()
_OPENED = date(2023, 2, 17)
_ROUNDING = {Kind.REGISTER: 0.011, Kind.INTERVAL: 0.024, Kind.FLOW: 0.024}  # of a day, in units of the display


@dataclass(frozen=True)
class World:
    """What the service came to, and the script it is held against."""

    script: Script
    books: Books
    store: ReadingStore
    registry: Registry
    balance: Balance

    @property
    def fleet(self) -> Fleet:
        """The fleet that played."""
        return self.script.fleet

    @cached_property
    def alerts(self) -> Sequence[Alert]:
        """Every alert that was not withdrawn."""
        found = self.books.ledger.evaluation.all_alerts(closed=True, limit=10**6)
        return [alert for alert in found if alert.withdrawn_at is None]

    def alerts_of(self, rule: str, subject: str | None = None) -> list[Alert]:
        """Return the alerts of a rule, of one subject if it is given."""
        wanted = (alert for alert in self.alerts if alert.episode.rule == rule)
        return [alert for alert in wanted if subject in (None, alert.episode.subject)]

    @cached_property
    def totals(self) -> DayTotals:
        """The day totals of the play."""
        return self.store.read_totals(FIRST_DAY, LAST_DAY)

    def total(self, point: Point, day: int) -> DayTotals:
        """Return the total of one point and day."""
        row = self.registry.row_of(point.code)
        return self.totals.take((self.totals.usage_point == row) & (self.totals.day == day))

    def wrong_days(self, points: Sequence[Point], days: range) -> list[str]:
        """Return the points and days whose total is not the truth."""
        return [f"{p.code} {date.fromordinal(d)}: {text}" for p in points for d in days if (text := self._wrong(p, d))]

    def _wrong(self, point: Point, day: int) -> str:
        found, true = self.total(point, day), self.script.truth.day_use(point, day)
        if len(found) != 1 or found.known[0] < 0.999:
            return f"known {found.known}"
        allowed = _ROUNDING[point.kind] * point.multiplier
        return "" if abs(found.use[0] - true) <= allowed else f"{found.use[0]:.2f} instead of {true:.2f}"


@dataclass(frozen=True, slots=True)
class Story:
    """One thread of the play: its title, and a check that yields what is not as scripted."""

    title: Phrase
    expected: Phrase
    check: Callable[[World], Iterator[str]]


def _subject(world: World, code: str) -> str:
    point = world.fleet.point(code)
    return f"{point.customer}/{point.commodity}"


def halved(world: World) -> Iterator[str]:
    """One guarded alert, its stage at day 30, its end at day 45, one task closed with cause and proposal, one message."""
    found = world.alerts_of("churn", _subject(world, script.HALVED))
    if len(found) != 1:
        yield f"{len(found)} churn alerts"
        return
    episode = found[0].episode
    day_one = episode.start_day
    if episode.opened_day != _OPENED.toordinal() or day_one != episode.opened_day - 6:
        yield f"opened on {date.fromordinal(episode.opened_day)}"
    if dict(episode.stages).get("potential") != day_one + 29:
        yield f"stages {dict(episode.stages)}"
    if (episode.closed_day, episode.closed_why) != (day_one + 44, "rebased"):
        yield f"closed {episode.closed_day} {episode.closed_why}"
    yield from _task_of(world, found[0])
    yield from _one_message(world, f"churn/guarded/{episode.subject}/")


def _task_of(world: World, alert: Alert) -> Iterator[str]:
    tasks = [task for task in world.books.ledger.work.tasks(finished=True) if task.alert_id == alert.id]
    if [task.state for task in tasks] != [DutyState.MET]:
        yield f"tasks {[task.state.value for task in tasks]}"
    elif not (tasks[0].evidence and tasks[0].evidence[0].cause and tasks[0].evidence[0].proposal):
        yield "the task was closed without cause or proposal"


def _one_message(world: World, key: str, count: int = 1) -> Iterator[str]:
    found = [m for m in world.books.ledger.outbox.messages(limit=10**6) if m.key.startswith(key)]
    if [message.state for message in found] != [MessageState.ACCEPTED] * count:
        yield f"messages {[message.state.value for message in found]}"


def festival(world: World) -> Iterator[str]:
    """Closed as last year at this festival: facts for the judgement list, but no guarded alert."""
    subject = _subject(world, script.FESTIVAL)
    if world.alerts_of("churn", subject):
        yield "a guarded churn alert was raised"
    facts = world.books.ledger.evaluation.facts("churn", FIRST_DAY, LAST_DAY, [subject])
    crossing = sum("literal" in fact.crossing for fact in facts)
    if crossing < 10:
        yield f"only {crossing} days on the judgement list"


def overload(world: World) -> Iterator[str]:
    """One load alert a day of overload and one message each, nothing else from the load rule."""
    found = {(a.episode.subject, a.episode.opened_day) for a in world.alerts_of("load")}
    wanted = {(script.OVERLOADED, start.date().toordinal()) for start, _ in script.OVERLOADS}
    if found != wanted:
        yield f"load alerts {sorted((code, str(date.fromordinal(day))) for code, day in found)}"
    yield from _one_message(world, f"load/literal/{script.OVERLOADED}/", len(script.OVERLOADS))


def rollover(world: World) -> Iterator[str]:
    """The day of the rollover has its true total and says that the register rolled over."""
    yield from _right_with(world, script.ROLLED, script.ROLLS_AT.date(), Quality.ROLLOVER)


def exchange(world: World) -> Iterator[str]:
    """The day of the exchange has its true total, out of two registers."""
    yield from _right_with(world, script.EXCHANGED, script.EXCHANGED_AT.date(), Quality.EXCHANGE)


def _right_with(world: World, code: str, day: date, quality: Quality) -> Iterator[str]:
    point = world.fleet.point(code)
    yield from world.wrong_days([point], range(day.toordinal() - 1, day.toordinal() + 2))
    if not world.total(point, day.toordinal()).quality[0] & quality:
        yield f"not marked as {quality.name}"


def silent(world: World) -> Iterator[str]:
    """Unknown days from the day after it fell silent, and no churn alert."""
    point = world.fleet.point(script.SILENT)
    first = script.SILENT_FROM.date().toordinal()
    known = [float(world.total(point, day).known[0]) for day in range(first, LAST_DAY + 1)]
    if max(known) >= 0.8:
        yield f"days count as known: {max(known):.2f}"
    if world.alerts_of("churn", _subject(world, script.SILENT)):
        yield "a churn alert was raised"


def late(world: World) -> Iterator[str]:
    """A gateway delivers two days late: its points' totals come out right all the same."""
    points = world.fleet.gateways[script.LATE_GATEWAY]
    first = script.OFFLINE.date().toordinal()
    yield from world.wrong_days(points, range(first - 1, first + 3))


def twice(world: World) -> Iterator[str]:
    """A gateway sends everything twice for a day: counted as duplicates, totals right."""
    if world.balance.duplicate != world.script.sent_twice:
        yield f"{world.balance.duplicate} duplicates instead of {world.script.sent_twice}"
    day = script.TWICE_FROM.date().toordinal()
    yield from world.wrong_days(world.fleet.gateways[script.TWICE_GATEWAY], range(day, day + 1))


def poison(world: World) -> Iterator[str]:
    """Every poisoned message is a reject with its reason, the contradicting one a conflict; nothing else is."""
    found = Counter(world.books.ledger.ingest.reject_counts())
    wanted = Counter({reason.value: count for reason, count in script.POISON_REASONS.items()})
    if found != wanted:
        yield f"rejects {dict(found)}"
    if world.balance.conflict != script.POISON_CONFLICTS:
        yield f"{world.balance.conflict} conflicts"


def summer_time(world: World) -> Iterator[str]:
    """The day of 23 hours in Rome has its true total."""
    points = world.fleet.gateways[script.ROMAN_GATEWAY]
    day = date(2023, 3, 26).toordinal()
    scheme = meter_day(points[0].commodity, points[0].zone)
    if scheme.end(day) - scheme.start(day) != 23 * 3_600_000:
        yield "the meter day does not have 23 hours"
    yield from world.wrong_days(points, range(day - 1, day + 2))


def everything(world: World) -> Iterator[str]:
    """No guarded alert without a script, every total of the fleet right, both balances even."""
    wanted = _subject(world, script.HALVED)
    yield from (
        f"unscripted churn alert: {a.episode.subject}" for a in world.alerts_of("churn") if a.episode.subject != wanted
    )
    heard = [point for point in world.fleet.points if point.code != script.SILENT]
    wrong = world.wrong_days(heard, range(FIRST_DAY, LAST_DAY + 1))
    yield from wrong[:5]
    if len(wrong) > 5:
        yield f"and {len(wrong) - 5} more wrong days"
    if not world.balance.holds() or world.balance.waiting:
        yield f"the balances do not hold: {world.balance}"
    if world.balance.new != world.store.count():
        yield f"{world.balance.new} new readings, {world.store.count()} stored"


STORIES: tuple[Story, ...] = (
    Story(
        Phrase(f"a gas factory ({script.HALVED}) halves its use for good", f"燃气工厂（{script.HALVED}）用量长期减半"),
        Phrase(
            f"warned on {_OPENED}, potential churn on day 30, new normal on day 45, one task, one message",
            f"{_OPENED} 预警，第30天潜在流失，第45天成新常态，1 项任务，1 条短信",
        ),
        halved,
    ),
    Story(
        Phrase(f"a factory ({script.FESTIVAL}) closes for the Spring Festival", f"工厂（{script.FESTIVAL}）春节停产"),
        Phrase("on the judgement list, no alert", "进入研判清单，不告警"),
        festival,
    ),
    Story(
        Phrase(
            f"a customer ({script.OVERLOADED}) runs over its capacity on two days", f"客户（{script.OVERLOADED}）两日超容"
        ),
        Phrase("a load alert and a message on each day", "每日 1 条负荷告警与短信"),
        overload,
    ),
    Story(
        Phrase(f"a register ({script.ROLLED}) rolls over", f"计数器（{script.ROLLED}）翻转"),
        Phrase("the day's total is right", "当日用量正确"),
        rollover,
    ),
    Story(
        Phrase(f"a meter ({script.EXCHANGED}) is exchanged", f"换表（{script.EXCHANGED}）"),
        Phrase("the day's total is right out of two registers", "两表合计的当日用量正确"),
        exchange,
    ),
    Story(
        Phrase(f"a meter ({script.SILENT}) falls silent", f"表计（{script.SILENT}）失联"),
        Phrase("unknown days, no churn alert", "数据缺失，不作流失告警"),
        silent,
    ),
    Story(
        Phrase(f"a gateway ({script.LATE_GATEWAY}) delivers two days late", f"网关（{script.LATE_GATEWAY}）迟报两天"),
        Phrase("its days are judged again, totals right", "重新计算，用量正确"),
        late,
    ),
    Story(
        Phrase(f"a gateway ({script.TWICE_GATEWAY}) sends everything twice", f"网关（{script.TWICE_GATEWAY}）重复上报"),
        Phrase("counted as duplicates, totals right", "计为重复，用量正确"),
        twice,
    ),
    Story(
        Phrase("poisoned messages arrive", "收到异常报文"),
        Phrase("9 rejects by reason and 1 conflict, all kept", "9 条拒收（各有原因）、1 条冲突，均保留"),
        poison,
    ),
    Story(
        Phrase("Rome changes to summer time", "罗马进入夏令时"),
        Phrase("a meter day of 23 hours, totals right", "23 小时的计量日，用量正确"),
        summer_time,
    ),
    Story(
        Phrase("everybody else goes on as usual", "其余客户一切如常"),
        Phrase("no unscripted alert, every total right, both balances even", "无意外告警，用量全部正确，两项平衡成立"),
        everything,
    ),
)
