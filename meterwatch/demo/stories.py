"""The stories the play tells, and what each came to: every figure that was found is held against what was scripted."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, timedelta

from detectors.rules import RULES
from meterwatch.core.calendar import meter_day
from meterwatch.core.instants import from_ms
from meterwatch.core.model.alerts import CLOSED_WHY_TEXT, Alert
from meterwatch.core.model.duties import DUTY_STATE_TEXT, Duty, DutyState
from meterwatch.core.model.messages import MESSAGE_STATE_TEXT, MessageState
from meterwatch.core.model.packets import Reason
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.reading_types import USE_UNIT
from meterwatch.core.model.readings import QUALITY_TEXT, Quality
from meterwatch.demo import script
from meterwatch.demo.fleet import Point, manager_of
from meterwatch.demo.office import AWAY
from meterwatch.demo.office_story import TOLD, office
from meterwatch.demo.story import Finding, Story, beside, same, subject_of
from meterwatch.demo.words import NONE, REASON, listed, tally
from meterwatch.demo.world import FIRST_DAY, LAST_DAY, World
from notifier.pace import DIGEST

_RULES = {rule.name: rule for rule in RULES}
_OPENED = date(2023, 2, 17)
_DAY_ONE = _OPENED - timedelta(days=6)
_POTENTIAL, _REBASED = (_DAY_ONE + timedelta(days=number - 1) for number in (30, 45))
_SILENT_OPENED = date(2023, 2, 28)
_CLOSE_AFTER = timedelta(hours=2)  # of a meter day's end, before it is judged for the first time
_KNOWN = 0.8  # share of a day below which it counts as unknown
_SHOWN = 3  # wrong days that are named
_BALANCES = Phrase(
    "packets: {received} received = {decoded} decoded + {rejected} rejected + {waiting} waiting\n"
    "readings: {readings} = {new} new + {duplicate} duplicate + {conflict} conflict + {refused} refused",
    "报文：收到 {received} = 解码 {decoded} + 拒收 {rejected} + 待处理 {waiting}\n"
    "读数：{readings} = 新增 {new} + 重复 {duplicate} + 冲突 {conflict} + 拒绝 {refused}",
)


# --- alerts, and what they owe ----------------------------------------------------------------------------------------


def halved(world: World) -> Iterator[Finding]:
    """One guarded alert, its stage at day 30, its end at day 45, one task closed with cause and proposal, one message."""
    subject = subject_of(world, script.HALVED)
    found = _alerts(world, "churn", subject)
    yield same(Phrase("opened {found}", "{found} 预警"), listed(map(_opened, found)), listed([str(_OPENED)]))
    for alert in found:
        episode = alert.episode
        potential = dict(episode.stages).get("potential")
        yield same(Phrase("day 1 {found}", "首日 {found}"), _day(episode.start_day), _day(_DAY_ONE.toordinal()))
        yield same(Phrase("potential churn {found}", "{found} 潜在流失"), _day(potential), _day(_POTENTIAL.toordinal()))
        ended = _ended(episode.closed_why, episode.closed_day)
        yield same(Phrase("{found}", "{found}"), ended, _ended("rebased", _REBASED.toordinal()))
    own = {alert.id for alert in found}
    tasks = [task for task in world.tasks if task.rule == "churn-warn" and task.alert_id in own]
    yield same(Phrase("tasks: {found}", "任务：{found}"), tally(map(_task, tasks)), tally([DUTY_STATE_TEXT[DutyState.MET]]))
    yield _messages(world, f"churn/guarded/{subject}/", 1)


def _alerts(world: World, rule: str, subject: str) -> list[Alert]:
    return [alert for alert in world.alerts if (alert.episode.rule, alert.episode.subject) == (rule, subject)]


def _opened(alert: Alert) -> str:
    return str(date.fromordinal(alert.episode.opened_day))


def _day(ordinal: int | None) -> Phrase:
    return listed([str(date.fromordinal(ordinal))] if ordinal else [])


def _ended(why: str, day: int | None) -> Phrase:
    if not day:
        return Phrase("not over", "未结束")
    return Phrase(f"{CLOSED_WHY_TEXT[why].en} {_day(day).en}", f"{_day(day).zh} {CLOSED_WHY_TEXT[why].zh}")


def _task(task: Duty) -> Phrase:
    state = DUTY_STATE_TEXT[task.state]
    if task.state is DutyState.OPEN or all(proof.cause and proof.proposal for proof in task.evidence):
        return state
    return Phrase(f"{state.en} without cause or proposal", f"{state.zh}（缺原因或措施）")


def _messages(world: World, key: str, count: int) -> Finding:
    """Return what became of the messages whose key begins with ``key``: so many were to be accepted."""
    found = [MESSAGE_STATE_TEXT[message.state] for message in world.messages if message.key.startswith(key)]
    scripted = [MESSAGE_STATE_TEXT[MessageState.ACCEPTED]] * count
    return same(Phrase("messages: {found}", "短信：{found}"), tally(found), tally(scripted))


def festival(world: World) -> Iterator[Finding]:
    """Closed as last year at this festival: on the judgement list every day, but no guarded alert."""
    subject = subject_of(world, script.FESTIVAL)
    facts = [fact for fact in world.churn_facts if fact.subject == subject and "literal" in fact.crossing]
    closed = (script.FESTIVAL_TO - script.FESTIVAL_FROM).days
    yield same(Phrase("{found} literal crossings", "研判清单 {found} 天"), len(facts), closed)
    yield _no_alert(world, subject)


def _no_alert(world: World, subject: str) -> Finding:
    found = listed(map(_opened, _alerts(world, "churn", subject)))
    return same(Phrase("churn alerts: {found}", "流失告警：{found}"), found, NONE)


def overload(world: World) -> Iterator[Finding]:
    """One load alert a day of overload and one message each."""
    found = listed(map(_opened, _alerts(world, "load", script.OVERLOADED)))
    scripted = listed(str(start.date()) for start, _ in script.OVERLOADS)
    yield same(Phrase("load alerts: {found}", "负荷告警：{found}"), found, scripted)
    yield _messages(world, f"load/literal/{script.OVERLOADED}/", len(script.OVERLOADS))


# --- day totals -------------------------------------------------------------------------------------------------------


def rollover(world: World) -> Iterator[Finding]:
    """The day of the rollover has its true total and says that the register rolled over."""
    yield from _right_with(world, script.ROLLED, script.ROLLS_AT.date(), Quality.ROLLOVER)


def exchange(world: World) -> Iterator[Finding]:
    """The day of the exchange has its true total, out of two registers."""
    yield from _right_with(world, script.EXCHANGED, script.EXCHANGED_AT.date(), Quality.EXCHANGE)


def _right_with(world: World, code: str, when: date, quality: Quality) -> Iterator[Finding]:
    point, day = world.fleet.point(code), when.toordinal()
    yield _total_of(world, [point], day)
    marked = bool(world.total(point, day).quality & quality)
    found = QUALITY_TEXT[quality] if marked else NONE
    yield same(Phrase("marked: {found}", "标记：{found}"), found, QUALITY_TEXT[quality])
    yield _totals(world, [point], range(day - 1, day + 2))


def _total_of(world: World, points: Sequence[Point], day: int) -> Finding:
    """Return what some points used together on a day, beside the truth."""
    found = sum(world.total(point, day).use for point in points)
    true = sum(world.true_use(point, day) for point in points)
    unit = USE_UNIT[points[0].commodity]
    phrase = Phrase("day total {found} {unit}", "日用量 {found} {unit}")
    figures = {"found": f"{found:.1f}", "scripted": f"{true:.1f}", "unit": unit}
    return Finding(all(world.is_right(point, day) for point in points), beside(phrase), figures)


def _totals(world: World, points: Sequence[Point], days: range) -> Finding:
    """Return how many day totals were held against the truth, and which of them are wrong."""
    wrong = [(point, day) for point in points for day in days if not world.is_right(point, day)]
    figures: dict[str, object] = {"count": len(points) * len(days), "wrong": len(wrong)}
    if not wrong:
        return Finding(True, Phrase("{count} totals right", "{count} 项用量正确"), figures)
    named = ", ".join(_wrong_day(world, point, day) for point, day in wrong[:_SHOWN])
    more = ", …" if len(wrong) > _SHOWN else ""
    phrase = Phrase("{wrong} of {count} totals wrong: {named}", "{count} 项用量中 {wrong} 项不符：{named}")
    return Finding(False, phrase, figures | {"named": named + more})


def _wrong_day(world: World, point: Point, day: int) -> str:
    found, true = world.total(point, day), world.true_use(point, day)
    share = "" if found.whole else f", {found.known:.0%}"
    return f"{point.code} {date.fromordinal(day)} {found.use:.2f} ≠ {true:.2f}{share}"


def silent(world: World) -> Iterator[Finding]:
    """Unknown days from the day it fell silent on, told of on the second of them, and no churn alert."""
    point, first = world.fleet.point(script.SILENT), script.SILENT_FROM.date().toordinal()
    days = range(first, LAST_DAY + 1)
    unknown = sum(world.total(point, day).known < _KNOWN for day in days)
    yield same(Phrase("{found} unknown days", "{found} 天数据缺失"), unknown, len(days))
    yield _totals(world, [point], range(FIRST_DAY, first))
    found = _alerts(world, "silent", script.SILENT)
    yield same(Phrase("opened {found}", "{found} 告警"), listed(map(_opened, found)), listed([str(_SILENT_OPENED)]))
    for alert in found:
        ended = _ended(alert.episode.closed_why, alert.episode.closed_day)
        yield same(Phrase("{found}", "{found}"), ended, _ended("", None))
    yield _messages(world, f"silent/literal/{script.SILENT}/", 1)
    yield _no_alert(world, subject_of(world, script.SILENT))


def late(world: World) -> Iterator[Finding]:
    """A gateway delivers two days late: the days judged without its readings are judged again with them.

    Until then its meters were silent for two days, and that was told; no alert of it stands.
    """
    points = world.fleet.gateways[script.LATE_GATEWAY]
    first = script.OFFLINE.date().toordinal()
    scheme = meter_day(points[0].commodity, points[0].zone)
    around = range(first - 1, first + 3)
    judged = [day for day in around if script.OFFLINE < from_ms(scheme.end(day)) <= script.ONLINE - _CLOSE_AFTER]
    again = sum(all(world.total(point, day).whole for point in points) for day in judged)
    yield same(Phrase("{found} days judged again", "{found} 天重新计算"), again, len(judged))
    told = sum(any(point.code in one.body for one in world.messages if one.key.startswith("silent/")) for point in points)
    yield same(Phrase("told of {found} silent meters", "{found} 块表计失联已通知"), told, len(points))
    standing = sum(len(_alerts(world, "silent", point.code)) for point in points)
    yield same(Phrase("alerts that stand: {found}", "未撤销告警：{found}"), standing, 0)
    yield _totals(world, points, around)


def twice(world: World) -> Iterator[Finding]:
    """A gateway sends everything twice for a day: counted as duplicates, totals right."""
    day = script.TWICE_FROM.date().toordinal()
    yield same(Phrase("{found} duplicates", "{found} 条重复"), world.balance.duplicate, world.script.sent_twice)
    yield _totals(world, world.fleet.gateways[script.TWICE_GATEWAY], range(day, day + 1))


def summer_time(world: World) -> Iterator[Finding]:
    """The day of 23 hours in Rome has its true total."""
    points, day = world.fleet.gateways[script.ROMAN_GATEWAY], script.SUMMER_TIME.toordinal()
    scheme = meter_day(points[0].commodity, points[0].zone)
    yield same(Phrase("{found} hours", "{found} 小时"), (scheme.end(day) - scheme.start(day)) // 3_600_000, 23)
    yield _total_of(world, points, day)
    yield _totals(world, points, range(day - 1, day + 2))


# --- what was taken in ------------------------------------------------------------------------------------------------


def poison(world: World) -> Iterator[Finding]:
    """Every poisoned message is a reject with its reason, the contradicting one a conflict; nothing else is."""
    found = tally(REASON[Reason(name)] for name, count in world.rejects.items() for _ in range(count))
    scripted = tally(REASON[reason] for reason, count in script.POISON_REASONS.items() for _ in range(count))
    count = sum(world.rejects.values())
    yield same(Phrase(f"{count} rejects: {{found}}", f"拒收 {count} 条：{{found}}"), found, scripted)
    yield same(Phrase("conflicts: {found}", "冲突：{found}"), world.balance.conflict, script.POISON_CONFLICTS)


def everything(world: World) -> Iterator[Finding]:
    """No alert, task or message without a script, every total of the fleet right, both balances even."""
    scripted = {("churn", subject_of(world, script.HALVED)), ("load", script.OVERLOADED), ("silent", script.SILENT)}
    late_meters = {manager_of(point.customer) for point in world.fleet.gateways[script.LATE_GATEWAY]}
    told = [*script.OVERLOADS, script.HALVED, script.SILENT, *late_meters]
    seen = {(alert.episode.rule, alert.episode.subject) for alert in world.alerts}
    others = tally(_alert(rule, subject) for rule, subject in seen - scripted)
    yield same(Phrase("unscripted alerts: {found}", "意外告警：{found}"), others, NONE)
    warnings = [task for task in world.tasks if task.rule == "churn-warn"]
    yield same(Phrase("warnings to work on: {found}", "预警任务共 {found}"), len(warnings), 1)
    sent = sum(message.template != DIGEST for message in world.messages)
    scripted_messages = len(told) + sum(TOLD.values())
    yield same(Phrase("messages besides digests: {found}", "除晨间汇总外短信共 {found}"), sent, scripted_messages)
    heard = [point for point in world.fleet.points if point.code != script.SILENT]
    yield _totals(world, heard, range(FIRST_DAY, LAST_DAY + 1))
    yield Finding(world.balance.holds() and not world.balance.waiting, _BALANCES, asdict(world.balance))
    yield same(Phrase("{found} readings stored", "已存 {found} 条读数"), world.stored, world.balance.new)


def _alert(rule: str, subject: str) -> Phrase:
    title = _RULES[rule].title
    return Phrase(f"{title.en} {subject}", f"{title.zh} {subject}")


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
        Phrase("on the judgement list on all 17 days, no alert", "17 天均进入研判清单，不告警"),
        festival,
    ),
    Story(
        Phrase(
            f"a customer ({script.OVERLOADED}) runs over its capacity on two days", f"客户（{script.OVERLOADED}）两日超容"
        ),
        Phrase(
            "a load alert and a message on 2023-02-21 and on 2023-02-22", "2023-02-21 与 2023-02-22 各 1 条负荷告警与短信"
        ),
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
        Phrase(
            f"unknown days from 2023-02-27 on, an alert and a message on {_SILENT_OPENED}, no churn alert",
            f"2023-02-27 起数据缺失，{_SILENT_OPENED} 告警 1 条、短信 1 条，不作流失告警",
        ),
        silent,
    ),
    Story(
        Phrase(f"a gateway ({script.LATE_GATEWAY}) delivers two days late", f"网关（{script.LATE_GATEWAY}）迟报两天"),
        Phrase(
            "two days are judged again, totals right, alerts of silent meters withdrawn",
            "两天重新计算，用量正确，失联告警撤销",
        ),
        late,
    ),
    Story(
        Phrase(f"a gateway ({script.TWICE_GATEWAY}) sends everything twice", f"网关（{script.TWICE_GATEWAY}）重复上报"),
        Phrase("counted as duplicates, totals right", "计为重复，用量正确"),
        twice,
    ),
    Story(
        Phrase("poisoned messages arrive", "收到异常报文"),
        Phrase("9 rejects, each with its reason, and 1 conflict", "9 条拒收（各有原因）、1 条冲突"),
        poison,
    ),
    Story(
        Phrase("Rome changes to summer time", "罗马进入夏令时"),
        Phrase("a meter day of 23 hours, totals right", "23 小时的计量日，用量正确"),
        summer_time,
    ),
    Story(
        Phrase("the office works through its tasks", "各岗位按期办理任务"),
        Phrase(
            f"a deputy stands in for {AWAY.person}, a recovery plan is drawn up and approved, every visit and sheet in time",
            f"代理人顶替 {AWAY.person}，挽回方案制定并获批，走访与报表均按期完成",
        ),
        office,
    ),
    Story(
        Phrase("everybody else goes on as usual", "其余客户一切如常"),
        Phrase("no unscripted alert, every total right, both balances even", "无意外告警，用量全部正确，两项平衡成立"),
        everything,
    ),
)
