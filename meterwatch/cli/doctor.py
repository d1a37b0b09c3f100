"""``meterwatch doctor``."""

from argparse import ArgumentParser, Namespace

from meterwatch.app.doctor import Verdict, examine
from meterwatch.cli.main import common, example
from meterwatch.cli.output import Output
from meterwatch.cli.session import settings_of
from meterwatch.core.model.phrase import Lang, Phrase

_COLUMNS = {
    "check": Phrase("check", "检查项"),
    "verdict": Phrase("result", "结果"),
    "text": Phrase("found", "说明"),
}
_VERDICT = {
    Verdict.GOOD: Phrase("ok", "正常"),
    Verdict.WARNING: Phrase("warning", "注意"),
    Verdict.BAD: Phrase("BAD", "异常"),
}


def configure(parser: ArgumentParser, lang: Lang) -> None:
    """Add the command's arguments."""
    common(parser, lang)
    example(parser, "meterwatch doctor")
    parser.set_defaults(run=run)


def run(args: Namespace, out: Output) -> int:
    """Examine machine and surroundings; 1 if anything is bad."""
    findings = examine(settings_of(args))
    rows = [
        {
            "check": finding.check,
            "verdict": finding.verdict.value if out.as_json else _VERDICT[finding.verdict].say(out.lang),
            "text": finding.say(out.lang),
        }
        for finding in findings
    ]
    out.table(_COLUMNS, rows, Phrase("nothing was checked", "没有检查项"))
    return 1 if any(finding.verdict is Verdict.BAD for finding in findings) else 0
