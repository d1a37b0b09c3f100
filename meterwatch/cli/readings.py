"""``meterwatch readings``."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from meterwatch.app.corrections import point_row
from meterwatch.cli.arguments import day
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output, local
from meterwatch.cli.session import Session, session
from meterwatch.cli.stored import stored_readings
from meterwatch.core.corrections import as_readings, overlay
from meterwatch.core.instants import from_ms, from_us, to_ms
from meterwatch.core.model.corrections import Correction
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import BY_CODE, RATE_UNIT, USE_UNIT
from meterwatch.core.model.readings import QUALITY_TEXT, ReadingBatch
from meterwatch.core.model.registry import Registry

_READINGS = {
    "time": Phrase("time", "时间"),
    "type": Phrase("reading type", "读数类型"),
    "value": Phrase("value", "数值"),
    "as_metered": Phrase("as metered", "表计原值"),
    "unit": Phrase("unit", "单位"),
    "quality": Phrase("quality", "质量"),
    "received_at": Phrase("received", "接收时间"),
    "correction": Phrase("correction", "修正编号"),
    "corrected_by": Phrase("by", "修正人"),
    "reason": Phrase("reason", "修正原因"),
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
        row = point_row(registry, args.point)
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
    batch = stored_readings(opened, registry).read(start, end, np.array([row], np.int32))
    corrections = opened.books.ledger.corrections.standing(start, end, registry.codes[row])
    by_key = {(one.reading_type, one.time): one for one in corrections}
    raw = {(kind, moment): (value, received) for _, kind, moment, value, _, received in _tuples(batch)}
    rows = []
    for _, kind, moment, value, quality, _ in _tuples(overlay(batch, as_readings(corrections, registry))):
        metered, received = raw.get((kind, moment), (None, None))
        stamps: dict[str, Any] = {"time": from_ms(moment), "received_at": None if received is None else from_us(received)}
        if not out.as_json:
            stamps = {name: local(stamp, zone) for name, stamp in stamps.items()}
        reading_type = BY_CODE[kind]
        named = {"type": reading_type.name, "value": value, "unit": reading_type.unit, "quality": _quality(quality, out)}
        rows.append(stamps | named | _corrected(by_key.get((kind, moment)), metered))
    return rows


def _tuples(batch: ReadingBatch) -> Iterable[tuple[Any, ...]]:
    return zip(*(column.tolist() for column in batch.columns()), strict=True)


def _corrected(correction: Correction | None, metered: float | None) -> dict[str, Any]:
    """Return what is told of a correction: the raw value (none: the reading was added), its number, by whom and why."""
    if correction is None:
        return {"as_metered": None, "correction": None, "corrected_by": None, "reason": None}
    said = {"corrected_by": correction.person, "reason": correction.reason}
    return {"as_metered": metered, "correction": correction.id} | said


def _totals(opened: Session, registry: Registry, row: int, first: date, last: date, out: Output) -> list[dict[str, Any]]:
    """Return day totals; the use of a day of which nothing is known is not 0 but unknown."""
    totals = stored_readings(opened, registry).read_totals(first.toordinal(), last.toordinal(), np.array([row], np.int32))
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


def _quality(bits: int, out: Output) -> str:
    lang = Lang.EN if out.as_json else out.lang
    return " ".join(text.say(lang) for flag, text in QUALITY_TEXT.items() if flag & bits)
