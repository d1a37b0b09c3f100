"""What reports say, as sheets in a person's language."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from meterwatch.app.report_access import NAMELESS
from meterwatch.app.reports import Compared, DutyFigures, ImportantRow, OverseeRow, UseRow
from meterwatch.cli.output import figure, local
from meterwatch.cli.sheet import Sheet
from meterwatch.core.model.duties import DUTY_STATE_TEXT, DutyState
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import USE_UNIT, Commodity
from meterwatch.core.model.registry import Category, Grade
from notifier.archive_figures import ENTRIES, ArchiveFigures
from notifier.duties.periods import Period
from notifier.duties.rules import BY_NAME

COMMODITY_TEXT: dict[Commodity, Phrase] = {
    Commodity.ELECTRICITY: Phrase("electricity", "电"),
    Commodity.GAS: Phrase("gas", "燃气"),
    Commodity.WATER: Phrase("water", "水"),
    Commodity.HEAT: Phrase("heat", "热"),
}
GRADE_TEXT: dict[Grade, Phrase] = {
    Grade.SPECIAL: Phrase("special", "特级"),
    Grade.FIRST: Phrase("1", "一级"),
    Grade.SECOND: Phrase("2", "二级"),
    Grade.TEMPORARY: Phrase("temporary", "临时"),
}
CATEGORY_TEXT: dict[Category, Phrase] = {
    Category.INFRASTRUCTURE: Phrase("infrastructure", "基础设施"),
    Category.GOVERNMENT: Phrase("government", "政府"),
    Category.PUBLIC_SERVICE: Phrase("public service", "公共服务"),
    Category.OTHER: Phrase("other", "其他"),
}
_UNIT, _CUSTOMER, _NAME = Phrase("unit", "单位"), Phrase("customer", "客户"), Phrase("name", "名称")
_COMMODITY, _ALERTS = Phrase("commodity", "能源"), Phrase("open alerts", "未结告警")
_CHANGE = Phrase("change", "变化")
_USE_COLUMNS = (
    _UNIT,
    _CUSTOMER,
    _NAME,
    _COMMODITY,
    Phrase("use", "用量"),
    Phrase("in", "计量单位"),
    Phrase("days known", "已知天数"),
    Phrase("days", "应有天数"),
    Phrase("readings", "抄表完整率"),
    Phrase("period before", "上期用量"),
    _CHANGE,
    Phrase("last year", "去年同期用量"),
    _CHANGE,
    _ALERTS,
)
_IMPORTANT_COLUMNS = (
    _UNIT,
    _CUSTOMER,
    _NAME,
    Phrase("class", "类别"),
    Phrase("grade", "重要等级"),
    Phrase("category", "重要类别"),
    Phrase("review", "复核日期"),
    Phrase("manager", "客户经理"),
    Phrase("deputy", "代理人"),
    Phrase("outage contact", "停供联系人"),
    _COMMODITY,
    Phrase("use last week", "上周用量"),
    Phrase("use last month", "上月用量"),
    Phrase("in", "计量单位"),
    _ALERTS,
    Phrase("open tasks", "未结任务"),
)
_SHOWN_STATES = (DutyState.MET, DutyState.LATE, DutyState.BREACHED, DutyState.OPEN, DutyState.VOID)
_DUE, _IN_TIME = Phrase("due", "应完成"), Phrase("in time", "按期率")
_BY = {
    "all": Phrase("all", "合计"),
    "unit": _UNIT,
    "rule": Phrase("task", "任务"),
    "person": Phrase("person", "负责人"),
}
_YES, _NO = Phrase("yes", "有"), Phrase("no", "无")
_PASSED = Phrase("{day} (passed)", "{day}（已过期）")

_COMPARED = Phrase(
    "change: mean use a day of the customers of whom two thirds of the days are known on both sides; "
    "last year: the same period, a week near Spring Festival at the same distance from it",
    "变化：按前后两期均有三分之二以上天数已知的客户日均用量计算；去年同期：春节前后的周按距春节的天数对齐",
)
_DAYS = Phrase(
    "use: sum over the known days of the unit's customers; open alerts: at the end of {day}",
    "用量：本单位客户已知各日之和；未结告警：截至 {day}",
)
_RECENT = Phrase(
    "use of {week} and {month}, over the days that are known; alerts and tasks open at this moment",
    "用量为 {week} 与 {month} 已知各日之和；告警与任务为当前未结数",
)
_COUNTED = Phrase(
    "tasks due in {period} as they stand now; before: {before}; year: due from 1 January to the end of {period}; "
    "in time: met of met, late and breached",
    "统计 {period} 到期的任务（按当前状态）；上期：{before}；本年：1 月 1 日至 {period} 末到期；"
    "按期率：按期完成占按期完成、逾期完成与已逾期之比",
)
_ARCHIVE = Phrase(
    "customers supplied today of whom the archive has each entry; of B2 no manager, deputy or contact is asked",
    "今日在供客户中档案各项齐全的户数及比例；B2 类不要求客户经理、代理人与联系人",
)
_PRINTED = Phrase("printed by {person} at {at}; registry snapshot {number}", "{person} 于 {at} 生成；档案第 {number} 版")
_DIGEST = Phrase("audit digest {digest}", "审计摘要 {digest}")


class Imprint(NamedTuple):
    """Who had a sheet made, when, from which registry snapshot; ``digest`` is the audit's newest, if one is known."""

    lang: Lang
    zone: str
    person: str
    now: datetime
    snapshot: int
    digest: str = ""

    def foot(self, *notes: str) -> Sequence[str]:
        """Return the lines below a sheet."""
        printed = _PRINTED.say(self.lang, person=self.person, at=local(self.now, self.zone), number=self.snapshot)
        return [*notes, printed, *([_DIGEST.say(self.lang, digest=self.digest)] if self.digest else [])]


def use_sheet(rows: Sequence[UseRow], period: Period, day: str, names: Mapping[str, str], imprint: Imprint) -> Sheet:
    """Return the use of units and of their important customers in a period; open alerts as of ``day``."""
    lang = imprint.lang
    title = Phrase(
        "Use of units and important customers, {name} ({first} to {last})", "单位及重要客户用量 {name}（{first} 至 {last}）"
    )
    cells = [
        (
            row.unit or NAMELESS,
            row.customer,
            names.get(row.customer, ""),
            COMMODITY_TEXT[row.commodity].say(lang),
            _figure(row.use),
            USE_UNIT[row.commodity],
            str(row.known),
            str(row.supplied),
            _share(row.read),
            *_compared(row.before),
            *_compared(row.last_year),
            str(row.alerts),
        )
        for row in rows
    ]
    notes = (_DAYS.say(lang, day=day), _COMPARED.say(lang))
    said = title.say(lang, name=period.name, first=period.first, last=period.last)
    return Sheet(said, _titles(_USE_COLUMNS, lang), cells, imprint.foot(*notes), lang)


def important_sheet(
    rows: Sequence[ImportantRow], periods: tuple[Period, Period], names: Mapping[str, str], imprint: Imprint
) -> Sheet:
    """Return the important (and large) customers, a line for each commodity one takes; ``periods``: last week and month."""
    lang = imprint.lang
    cells: list[Sequence[str]] = []
    for row in rows:
        who = _who(row, names, lang)
        counts = (str(row.alerts), str(row.duties))
        cells += [
            (*who, COMMODITY_TEXT[commodity].say(lang), _figure(week), _figure(month), USE_UNIT[commodity], *counts)
            for commodity, week, month in row.uses
        ] or [(*who, "", "", "", "", *counts)]
    note = _RECENT.say(lang, week=periods[0].name, month=periods[1].name)
    title = Phrase("Important customers", "重要客户").say(lang)
    return Sheet(title, _titles(_IMPORTANT_COLUMNS, lang), cells, imprint.foot(note), lang)


def _who(row: ImportantRow, names: Mapping[str, str], lang: Lang) -> tuple[str, ...]:
    customer, designation = row.customer, row.designation
    review = str(designation.review_day) if designation else ""
    return (
        customer.unit or NAMELESS,
        customer.code,
        names.get(customer.code, ""),
        customer.customer_class.value,
        GRADE_TEXT[designation.grade].say(lang) if designation else "",
        CATEGORY_TEXT[designation.category].say(lang) if designation else "",
        _PASSED.say(lang, day=review) if row.review_passed else review,
        row.manager,
        row.deputy,
        (_YES if row.outage_contact else _NO).say(lang),
    )


def oversee_sheet(rows: Sequence[OverseeRow], period: Period, earlier: Period, imprint: Imprint) -> Sheet:
    """Return how the duties due in a period stand, by unit, rule and person (RULES oversee)."""
    lang = imprint.lang
    states = [DUTY_STATE_TEXT[state].say(lang) for state in _SHOWN_STATES]
    rolled = [Phrase("before: ", "上期").say(lang), Phrase("year: ", "本年").say(lang)]
    due, in_time = _DUE.say(lang), _IN_TIME.say(lang)
    columns = [Phrase("by", "分类").say(lang), Phrase("of", "对象").say(lang), due, *states, in_time]
    columns += [span + column for span in rolled for column in (due, in_time)]
    cells = [
        (
            _BY[row.by].say(lang),
            BY_NAME[row.name].title.say(lang) if row.by == "rule" and row.name in BY_NAME else row.name,
            str(row.period.due),
            *(str(row.period.counts.get(state, 0)) for state in _SHOWN_STATES),
            _share(row.period.in_time),
            *_rolled(row.before),
            *_rolled(row.year),
        )
        for row in rows
    ]
    title = Phrase("Tasks due in {name} ({first} to {last})", "任务完成情况 {name}（{first} 至 {last}）")
    said = title.say(lang, name=period.name, first=period.first, last=period.last)
    note = _COUNTED.say(lang, period=period.name, before=earlier.name)
    return Sheet(said, columns, cells, imprint.foot(note), lang)


def archive_sheet(rows: Sequence[ArchiveFigures], imprint: Imprint) -> Sheet:
    """Return how complete the archive is, unit by unit (RULES who-archive)."""
    lang = imprint.lang
    columns = (_UNIT, Phrase("customers", "客户数"), *ENTRIES.values(), Phrase("complete", "完整"))
    cells = [
        (
            row.unit or NAMELESS,
            str(row.customers),
            *(_share(row.have[entry] / row.customers) for entry in ENTRIES),
            _share(row.complete / row.customers),
        )
        for row in rows
    ]
    title = Phrase("Completeness of the archive", "档案完整率").say(lang)
    return Sheet(title, _titles(columns, lang), cells, imprint.foot(_ARCHIVE.say(lang)), lang)


def _titles(columns: Sequence[Phrase], lang: Lang) -> Sequence[str]:
    return [column.say(lang) for column in columns]


def _figure(value: float | None) -> str:
    return "" if value is None else figure(value)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _compared(found: Compared) -> tuple[str, str]:
    return _figure(found.use), "" if found.change is None else f"{found.change:+.1%}"


def _rolled(found: DutyFigures) -> tuple[str, str]:
    return str(found.due), _share(found.in_time)
