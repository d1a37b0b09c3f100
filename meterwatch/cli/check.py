"""``meterwatch check``."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from ingest.codecs.codec import Decoded
from ingest.codecs.json_mapping import JsonMapping
from ingest.pipeline import Decoders, decode
from meterwatch.app.parts import codecs
from meterwatch.app.settings import Settings
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import settings_of
from meterwatch.core.errors import Refusal
from meterwatch.core.instants import from_ms
from meterwatch.core.model.packets import REASON_TEXT, Packet
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.reading_types import BY_CODE
from meterwatch.stores.database import require_driver

_COLUMNS = {
    "codec": Phrase("codec", "解码器"),
    "meter": Phrase("meter", "表号"),
    "type": Phrase("reading type", "读数类型"),
    "time": Phrase("time (UTC)", "时间（UTC）"),
    "value": Phrase("value", "数值"),
    "unit": Phrase("unit", "单位"),
    "problem": Phrase("problem", "问题"),
}
_GOOD = Phrase("{file}: the settings are right", "{file}：设置正确")
_NO_SAMPLE = Phrase(
    "no codec has a sample message: add sample and sample_topic, or give --topic and --payload",
    "没有样例报文：请在解码器中添加 sample 与 sample_topic，或使用 --topic 与 --payload",
)
_NO_FILE = Phrase("{path} can't be read: {why}", "无法读取 {path}：{why}")
_BOTH = Phrase("--topic and --payload belong together", "--topic 与 --payload 须同时给出")


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    topic = Phrase(
        "decode a message of this topic (default: the samples of the codecs)", "试解码该主题的报文（默认：解码器的样例）"
    )
    content = Phrase("the content of the message (default: the samples of the codecs)", "报文内容文件（默认：解码器的样例）")
    parser.add_argument("--topic", help=topic.say(lang))
    parser.add_argument("--payload", type=Path, metavar="FILE", help=content.say(lang))
    example(parser, "meterwatch check --topic meters/7/up --payload message.json")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Check the settings and decode samples; 1 if a sample comes to nothing. Raises Refusal if they can't be used."""
    settings = settings_of(args)
    require_driver(settings.ledger_url)
    out.say(_GOOD, file=args.settings)
    rows = [row for name, packet in _samples(args, settings) for row in decode_sample(settings, name, packet, out.lang)]
    out.table(_COLUMNS, rows, _NO_SAMPLE)
    return 1 if any(row["problem"] for row in rows) else 0


def _samples(args: Namespace, settings: Settings) -> list[tuple[str, Packet]]:
    if (args.topic is None) != (args.payload is None):
        raise Refusal(_BOTH)
    if args.topic is not None:
        return [("", Packet(args.topic, _content(args.payload)))]
    return [(m.name, Packet(m.sample_topic or _topic_of(m), m.sample.encode())) for m in settings.codecs if m.sample]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Refusal(_NO_FILE, path=path, why=problem.strerror) from problem


def _topic_of(mapping: JsonMapping) -> str:
    """Return a topic that the mapping's first filter matches."""
    return mapping.topics[0].replace("+", "x").replace("#", "x")


def decode_sample(settings: Settings, name: str, packet: Packet, lang: Lang) -> list[dict[str, Any]]:
    """Return one row for each reading or problem found in a sample message; problems are said in ``lang``."""
    decoded = decode([packet], Decoders(codecs(settings)), settings.ingest)
    nothing = dict.fromkeys(_COLUMNS, "") | {"codec": name}
    problems = [(reason, detail) for _, reason, detail in decoded.rejected]
    problems += [(reason, detail) for _, _, reason, detail in decoded.refused]
    found = [nothing | {"problem": f"{REASON_TEXT[reason].say(lang)}: {detail}"} for reason, detail in problems]
    return [nothing | row for row in _readings(decoded)] + found


def _readings(decoded: Decoded) -> list[dict[str, Any]]:
    rows = []
    for meter, kind, time, value in zip(decoded.meter, decoded.reading_type, decoded.time, decoded.value, strict=True):
        reading_type = BY_CODE[kind]
        stamp = from_ms(time).strftime("%Y-%m-%d %H:%M:%S")
        rows.append({"meter": meter, "type": reading_type.name, "time": stamp, "value": value, "unit": reading_type.unit})
    return rows
