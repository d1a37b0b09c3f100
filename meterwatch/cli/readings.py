"""``meterwatch readings``."""

from argparse import ArgumentParser, Namespace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from meterwatch.app import parts
from meterwatch.cli.arguments import day
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, session
from meterwatch.core.errors import Refusal
from meterwatch.core.instants import from_ms, from_us, to_ms
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import BY_CODE, RATE_UNIT, USE_UNIT
from meterwatch.core.model.readings import QUALITY_TEXT
from meterwatch.core.model.registry import Registry
from meterwatch.core.ports import ReadingStore

_READINGS = {
    "time": Phrase("time", "时间"),
    "type": Phrase("reading type", "读数类型"),
    "value": Phrase("value", "数值"),
    "unit": Phrase("unit", "单位"),
    "quality": Phrase("quality", "质量"),
    "received_at": Phrase("received", "接收时间"),
}
_TOTALS = {
    "day": Phrase("meter day", "计量日"),
    "use": Phrase("use", "用量"),
    "unit": Phrase("unit", "单位"),
    "known": Phrase("known share", "已知比例"),
    "peak": Phrase("peak rate", "最高负荷"),
    "peak_unit": Phrase("unit", "单位"),
    "quality": Phrase("quality", "质量"),
}
_EMPTY = Phrase(
    "no readings in this time; name another with --from and --to", "该时段没有读数；可用 --from 与 --to 指定时段"
)
_NONE_YET = Phrase(
    "there are no readings yet: the first start of the service (`meterwatch run`) makes the file",
    "尚无读数：服务首次启动（`meterwatch run`）时创建数据文件",
)
_UNKNOWN = Phrase(
    "the registry holds no usage point {point!r}; `meterwatch registry import` loads them", "档案中没有用户点 {point!r}"
)


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    parser.add_argument("point", metavar="POINT", help=Phrase("code of a usage point", "用户点编号").say(lang))
    first = Phrase("first day (default: yesterday)", "起始日（默认：昨天）").say(lang)
    parser.add_argument("--from", dest="first", type=day(lang), metavar="DAY", help=first)
    last = Phrase("last day (default: today)", "截止日（默认：今天）").say(lang)
    parser.add_argument("--to", dest="last", type=day(lang), metavar="DAY", help=last)
    days = Phrase("day totals (default: readings)", "日用量（默认：逐条读数）").say(lang)
    parser.add_argument("--days", action="store_true", help=days)
    example(parser, "meterwatch readings GP-0007 --from 2023-01-01 --to 2023-01-31 --days")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Show what is stored about one usage point."""
    with session(args) as opened:
        registry = opened.books.registry.load()
        row = registry.row_of(args.point)
        if row is None:
            raise Refusal(_UNKNOWN, point=args.point)
        today = opened.today()
        first, last = args.first or today - timedelta(days=1), args.last or today
        if args.days:
            out.table(_TOTALS, _totals(opened, registry, row, first, last, out), _EMPTY)
        else:
            out.table(_READINGS, _readings(opened, registry, row, first, last, out), _EMPTY)
    return 0


def _readings(opened: Session, registry: Registry, row: int, first: date, last: date, out: Output) -> list[dict[str, Any]]:
    zone = registry.time_zones[registry.points.time_zone[row]]
    start, end = (to_ms(datetime.combine(day, time(0), tzinfo=ZoneInfo(zone))) for day in (first, last + timedelta(days=1)))
    store = store_of(opened, registry)
    batch = store.read(start, end, np.array([row], np.int32))
    rows = []
    for kind, moment, value, quality, received in zip(*(column.tolist() for column in batch.columns()[1:]), strict=True):
        stamps: dict[str, Any] = {"time": from_ms(moment), "received_at": from_us(received)}
        if not out.as_json:
            stamps = {name: local(stamp, zone) for name, stamp in stamps.items()}
        reading_type = BY_CODE[kind]
        named = {"type": reading_type.name, "value": value, "unit": reading_type.unit, "quality": _quality(quality, out)}
        rows.append(stamps | named)
    return rows


def _totals(opened: Session, registry: Registry, row: int, first: date, last: date, out: Output) -> list[dict[str, Any]]:
    """Return day totals; the use of a day of which nothing is known is not 0 but unknown."""
    totals = store_of(opened, registry).read_totals(first.toordinal(), last.toordinal(), np.array([row], np.int32))
    commodity = registry.commodity_of(row)
    return [
        {
            "day": date.fromordinal(day).isoformat(),
            "use": use if known else None,
            "unit": USE_UNIT[commodity],
            "known": known,
            "peak": None if np.isnan(peak) else peak,
            "peak_unit": RATE_UNIT[commodity],
            "quality": _quality(quality, out),
        }
        for day, _, use, known, peak, quality in zip(*(column.tolist() for column in totals.columns()), strict=True)
    ]


def store_of(opened: Session, registry: Registry) -> ReadingStore:
    """Return the reading store, open for reading; raises Refusal if there is none yet."""
    settings = opened.settings
    if settings.readings.store == "sqlite" and not (settings.data_dir / parts.READINGS_FILE).exists():
        raise Refusal(_NONE_YET)
    store = parts.open_readings(settings, opened.opened, read_only=True)
    store.know(registry.codes)
    return store


def _quality(bits: int, out: Output) -> str:
    lang = Lang.EN if out.as_json else out.lang
    return " ".join(text.say(lang) for flag, text in QUALITY_TEXT.items() if flag & bits)
