"""Telling the play in plain words as it happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from detectors.rules import RULES
from meterwatch.app.books import Books
from meterwatch.core.model.alerts import CLOSED_WHY_TEXT, Alert
from meterwatch.core.model.duties import DUTY_STATE_TEXT, Duty, DutyState
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.demo import script
from meterwatch.demo.fleet import PLAY_START
from meterwatch.stores.ledger.work import Wanted

_HAPPENINGS: tuple[tuple[datetime, Phrase], ...] = (
    (
        script.FESTIVAL_FROM,
        Phrase(f"{script.FESTIVAL}: the factory closes for the Spring Festival", f"{script.FESTIVAL}：工厂春节停产"),
    ),
    (script.ROLLS_AT, Phrase(f"{script.ROLLED}: the register passes 999999", f"{script.ROLLED}：计数器翻转")),
    (
        script.TWICE_FROM,
        Phrase(f"{script.TWICE_GATEWAY}: everything is sent twice today", f"{script.TWICE_GATEWAY}：网关今日重复上报"),
    ),
    (script.HALVED_FROM, Phrase(f"{script.HALVED}: from today half the gas", f"{script.HALVED}：今日起用气减半")),
    (
        script.OVERLOADS[0][0],
        Phrase(f"{script.OVERLOADED}: load rises above the contract", f"{script.OVERLOADED}：负荷超过合同容量"),
    ),
    (script.SILENT_FROM, Phrase(f"{script.SILENT}: the meter falls silent", f"{script.SILENT}：表计失联")),
    (script.POISON_AT, Phrase("ten poisoned messages arrive", "收到十条异常报文")),
    (script.EXCHANGED_AT, Phrase(f"{script.EXCHANGED}: the meter is exchanged", f"{script.EXCHANGED}：换表")),
    (script.OFFLINE, Phrase(f"{script.LATE_GATEWAY}: the gateway goes offline", f"{script.LATE_GATEWAY}：网关离线")),
    (
        script.ONLINE,
        Phrase(f"{script.LATE_GATEWAY}: back, delivers what it held", f"{script.LATE_GATEWAY}：网关恢复，补报积压数据"),
    ),
    (script.at(3, 26, 9), Phrase("Rome: today's meter day has 23 hours", "罗马：今日计量日为 23 小时")),
)
_TITLE = {rule.name: rule.title for rule in RULES}
_OPENED = {
    "churn": Phrase(
        "CHURN alert {id}: {subject} at {percent:.0%} of its base", "流失告警 {id}：{subject}，基准的 {percent:.0%}"
    ),
    "load": Phrase(
        "LOAD alert {id}: {subject} at {percent:.0%} of its limit", "负荷告警 {id}：{subject}，限值的 {percent:.0%}"
    ),
}
_OTHER = Phrase("alert {id}: {subject}: {title}", "告警 {id}：{subject}，{title}")
_WITHDRAWN = Phrase("alert {id}: {subject} is withdrawn", "告警 {id}：{subject} 已撤销")
_STAGE = Phrase("alert {id}: {subject} is now potential churn", "告警 {id}：{subject} 转为潜在流失")
_CLOSED = Phrase("alert {id}: {subject} is over ({why})", "告警 {id}：{subject} 结束（{why}）")
_TASK = Phrase("task {id} for {person}, due {due}", "任务 {id}：{person}，期限 {due}")
_DONE = Phrase("task {id} is {state}: {cause}; {proposal}", "任务 {id}（{state}）：{cause}；{proposal}")
_REJECTED = Phrase("{count} messages were rejected, each kept with its reason", "{count} 条报文被拒收，均已保留并注明原因")


@dataclass
class Teller:
    """Looks at the ledger after each hour and says what is new."""

    books: Books
    lang: Lang
    say: Callable[[str], None]
    _told: datetime = PLAY_START
    _alerts: dict[int, Alert] = field(default_factory=dict)
    _tasks: dict[int, DutyState] = field(default_factory=dict)
    _rejects: int = 0

    def __call__(self, moment: datetime) -> None:
        """Tell what happened up to ``moment``."""
        for when, phrase in _HAPPENINGS:
            if self._told < when <= moment or (when == moment == PLAY_START):
                self._line(when, phrase.say(self.lang))
        self._told = moment
        if moment.minute == 0:
            self._tell_alerts(moment)
            self._tell_tasks(moment)
            self._tell_rejects(moment)

    def _line(self, moment: datetime, text: str) -> None:
        local = moment.astimezone(PLAY_START.tzinfo)
        self.say(f"{local:%Y-%m-%d %H:%M}  {text}")

    def _tell_alerts(self, moment: datetime) -> None:
        for alert in sorted(self.books.ledger.evaluation.all_alerts(closed=True, limit=1000), key=lambda a: a.id):
            before, episode = self._alerts.get(alert.id), alert.episode
            named = {"id": alert.id, "subject": episode.subject}
            if before is None:
                percent = episode.figures.get("week_ratio", episode.figures.get("share", 0.0))
                title = _TITLE[episode.rule].say(self.lang)
                said = _OPENED.get(episode.rule, _OTHER).say(self.lang, percent=percent, title=title, **named)
                self._line(moment, said)
            elif alert.withdrawn_at and not before.withdrawn_at:
                self._line(moment, _WITHDRAWN.say(self.lang, **named))
            elif len(episode.stages) > len(before.episode.stages):
                self._line(moment, _STAGE.say(self.lang, **named))
            if episode.closed_day and before is not None and before.episode.closed_day is None:
                why = CLOSED_WHY_TEXT[episode.closed_why].say(self.lang)
                self._line(moment, _CLOSED.say(self.lang, why=why, **named))
            self._alerts[alert.id] = alert

    def _tell_tasks(self, moment: datetime) -> None:
        for task in self.books.ledger.work.tasks(Wanted(finished=True, rule="churn-warn"), limit=1000):
            if self._tasks.get(task.id) != task.state:
                self._line(moment, self._task(task))
                self._tasks[task.id] = task.state

    def _task(self, task: Duty) -> str:
        due = task.due_at.astimezone(PLAY_START.tzinfo).strftime("%Y-%m-%d %H:%M")
        if task.state is DutyState.OPEN:
            return _TASK.say(self.lang, id=task.id, person=task.person, due=due)
        cause, proposal = (task.evidence[-1].cause, task.evidence[-1].proposal) if task.evidence else ("", "")
        state = DUTY_STATE_TEXT[task.state].say(self.lang)
        return _DONE.say(self.lang, id=task.id, state=state, cause=cause, proposal=proposal)

    def _tell_rejects(self, moment: datetime) -> None:
        count = sum(self.books.ledger.ingest.reject_counts().values())
        if count > self._rejects:
            self._line(moment, _REJECTED.say(self.lang, count=count - self._rejects))
            self._rejects = count


def day_number(moment: datetime) -> int:
    """Return the day of the play, 1 .. 90."""
    return (moment - PLAY_START) // timedelta(days=1) + 1
