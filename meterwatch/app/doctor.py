"""The doctor: what in this machine or around it would keep the service from its work, and what to do about it."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import packages_distributions
from pathlib import Path

from ingest.mqtt_probe import probe
from meterwatch.app import parts
from meterwatch.app.books import open_books
from meterwatch.app.settings import Settings
from meterwatch.core.clock import real_now
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.core.model.registry import Registry

OUR_NAMES = ("ingest", "detectors", "notifier", "desk", "meterwatch")
_LOW_DISK = 1 << 30
_BUILT = datetime(2026, 1, 1, tzinfo=UTC)
_WEEK_S = 7 * 86_400


class Verdict(StrEnum):
    """How a check came out."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in words of both languages, with what to do where it is not good."""

    check: str
    verdict: Verdict
    text: Phrase

    def say(self, lang: Lang) -> str:
        """Return the words in ``lang``; their figures stand in them already."""
        return self.text.zh if lang is Lang.ZH else self.text.en


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> list[Finding]:
    """Return the findings of every check; none of them changes anything."""
    checks: dict[str, Check] = {
        "packages": packages,
        "data folder": data_folder,
        "disk": disk,
        "clock": clock,
        "ledger": ledger,
        "readings": readings,
        "broker": broker,
    }
    return [finding for name, check in checks.items() for finding in _survived(name, check, settings)]


def _survived(name: str, check: Check, settings: Settings) -> Iterator[Finding]:
    """Yield what a check finds; what the system does not let it look at is a finding too."""
    try:
        yield from check(settings)
    except OSError as problem:
        yield Finding(name, Verdict.BAD, Phrase(f"can't be examined: {problem}", f"无法检查：{problem}"))


def packages(_settings: Settings) -> Iterator[Finding]:
    """Check that no other distribution owns one of our five package names."""
    owners = packages_distributions()
    clashes = sorted({f"{name} ({other})" for name in OUR_NAMES for other in owners.get(name, []) if other != "meterwatch"})
    if clashes:
        names = ", ".join(clashes)
        text = Phrase(
            f"other packages own our names: {names}; give meterwatch an environment of its own",
            f"其他软件包占用了名称：{names}；请使用独立环境",
        )
        yield Finding("packages", Verdict.BAD, text)
    else:
        yield Finding("packages", Verdict.GOOD, Phrase("no other package owns our names", "包名无冲突"))


def data_folder(settings: Settings) -> Iterator[Finding]:
    """Check that the data folder is a folder, or can become one, that we may write in it, and that others can't read it."""
    folder, there = settings.data_dir, _nearest_there(settings.data_dir)
    mode = there.stat().st_mode
    if not stat.S_ISDIR(mode):
        text = Phrase(f"{there} is no folder: name another in data_dir", f"{there} 不是目录：请在 data_dir 中改用其他目录")
        yield Finding("data folder", Verdict.BAD, text)
    elif not os.access(there, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        en = f"this account can't write in {there}: give it the folder (chown), or run as the account that owns it"
        zh = f"当前账号不能写入 {there}：请将目录授权给该账号（chown），或改用目录所属账号运行"
        yield Finding("data folder", Verdict.BAD, Phrase(en, zh))
    elif there != folder:
        text = Phrase(f"{folder} will be made by the first start", f"{folder} 将在首次启动时创建")
        yield Finding("data folder", Verdict.GOOD, text)
    elif mode & stat.S_IRWXO:
        en = f"everybody on this machine can look into {folder}, where names and phones lie: chmod o-rwx {folder}"
        zh = f"本机所有账号均可查看 {folder}（内含姓名与电话）：请执行 chmod o-rwx {folder}"
        yield Finding("data folder", Verdict.WARNING, Phrase(en, zh))
    else:
        yield Finding("data folder", Verdict.GOOD, Phrase(f"{folder} is ours to write, and private", f"{folder} 可写且私密"))


def _nearest_there(path: Path) -> Path:
    """Return ``path``, or the nearest above it that is there as far as this account can see."""
    return next(found for found in (path, *path.absolute().parents) if os.access(found, os.F_OK, effective_ids=True))


def disk(settings: Settings) -> Iterator[Finding]:
    """Check that the data folder's disk can hold the journal at its bound."""
    free = shutil.disk_usage(_nearest_there(settings.data_dir)).free
    bound = settings.journal.max_bytes
    figures = f"{free / 2**30:.1f} GiB free, the journal may grow to {bound / 2**30:.1f} GiB"
    zh = f"可用 {free / 2**30:.1f} GiB，日志上限 {bound / 2**30:.1f} GiB"
    if free < _LOW_DISK:
        yield Finding(
            "disk", Verdict.BAD, Phrase(f"{figures}: make room, or nothing will be acknowledged", f"{zh}：空间不足，请清理")
        )
    elif free < bound:
        yield Finding(
            "disk",
            Verdict.WARNING,
            Phrase(f"{figures}: lower journal.max_bytes or use a larger disk", f"{zh}：请调低 journal.max_bytes 或扩容"),
        )
    else:
        yield Finding("disk", Verdict.GOOD, Phrase(figures, zh))


def clock(settings: Settings) -> Iterator[Finding]:
    """Check that the machine's clock is set and kept, and that business time has not been moved."""
    now = real_now()
    stamp = now.strftime("%Y-%m-%d %H:%M UTC")
    if now < _BUILT:
        yield Finding("clock", Verdict.BAD, Phrase(f"the clock says {stamp}: set it", f"系统时间为 {stamp}：请校时"))
    elif _synchronized() == "no":
        yield Finding(
            "clock",
            Verdict.WARNING,
            Phrase(f"{stamp}, not synchronized: start an NTP service", f"{stamp}，未同步：请启用 NTP"),
        )
    else:
        yield Finding("clock", Verdict.GOOD, Phrase(stamp, stamp))
    if moved := _moved_to(settings):
        at = moved.strftime("%Y-%m-%d %H:%M UTC")
        yield Finding(
            "clock",
            Verdict.WARNING,
            Phrase(f"business time was moved to {at}: this ledger is a demonstration", f"业务时间被移至 {at}：这是演示台账"),
        )


def _moved_to(settings: Settings) -> datetime | None:
    with ExitStack() as opened:
        try:
            return open_books(settings, opened).ledger.clock.moved_to() if _ledger_is_there(settings) else None
        except (Refusal, Unavailable, OSError):
            return None  # the ledger's own check says so


def _ledger_is_there(settings: Settings) -> bool:
    """Return whether there is something to look at: the doctor makes no files, least of all under another account."""
    _, file, path = settings.ledger_url.partition("sqlite:///")
    return not file or Path(path).exists()


def _synchronized() -> str:
    """Return what the system says of its clock: yes, no, or unknown."""
    program = shutil.which("timedatectl")
    if program is None:
        return "unknown"
    command = [program, "show", "--property=NTPSynchronized", "--value"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return done.stdout.strip() or "unknown"


def ledger(settings: Settings) -> Iterator[Finding]:
    """Check that the ledger opens and a registry is in it."""
    with ExitStack() as opened:
        try:
            there = _ledger_is_there(settings)
            registry = open_books(settings, opened).registry.load() if there else Registry.empty()
        except (Refusal, Unavailable) as problem:
            yield Finding("ledger", Verdict.BAD, _said(problem))
            return
    if registry.number == 0:
        text = Phrase(
            "no registry yet: `meterwatch registry import DIR`", "尚无档案：请运行 `meterwatch registry import 目录`"
        )
        yield Finding("ledger", Verdict.WARNING, text)
    else:
        count = int(registry.points.active.sum())
        text = Phrase(
            f"registry snapshot {registry.number}, {count} usage points", f"第 {registry.number} 版档案，{count} 个用户点"
        )
        yield Finding("ledger", Verdict.GOOD, text)


def readings(settings: Settings) -> Iterator[Finding]:
    """Check that the reading store answers."""
    kind = settings.readings.store
    if kind == "sqlite" and not (settings.data_dir / parts.READINGS_FILE).exists():
        text = Phrase("none yet: the first start of the service makes the file", "尚无数据文件：服务首次启动时创建")
        yield Finding("readings", Verdict.GOOD, text)
        return
    with ExitStack() as opened:
        try:
            parts.open_readings(settings, opened, read_only=True).read_totals(0, 0)
        except (Refusal, Unavailable) as problem:
            yield Finding("readings", Verdict.BAD, _said(problem))
            return
    yield Finding("readings", Verdict.GOOD, Phrase(f"{kind} answers", f"{kind} 正常"))


def _said(problem: Refusal | Unavailable) -> Phrase:
    return Phrase(str(problem), problem.say(Lang.ZH) if isinstance(problem, Refusal) else str(problem))


def broker(settings: Settings) -> Iterator[Finding]:
    """Check that the broker lets us in, keeps our session as long as we ask, and takes QoS 1."""
    options = settings.mqtt
    if options is None:
        yield Finding(
            "broker", Verdict.BAD, Phrase("the settings name no broker ([mqtt] host)", "设置中没有消息服务器（[mqtt] host）")
        )
        return
    try:
        limits = probe(options).limits
    except Unavailable as problem:
        yield Finding("broker", Verdict.BAD, _said(problem))
        return
    reached = f"{options.host}:{options.port}"
    if not limits:
        text = Phrase(
            f"{reached} lets us in; MQTT 3.1.1 can't tell its limits", f"{reached} 可连接；MQTT 3.1.1 无法告知限制"
        )
        yield Finding("broker", Verdict.GOOD, text)
        return
    shown = ", ".join(f"{name} {value}" for name, value in limits.items() if value is not None)
    yield Finding("broker", Verdict.GOOD, Phrase(f"{reached} lets us in; {shown}", f"{reached} 可连接；{shown}"))
    expiry = limits["SessionExpiryInterval"] or 0
    if expiry < min(options.session_expiry_s, _WEEK_S):
        en = f"the broker forgets our session after {expiry} s, not {options.session_expiry_s} s: raise its session expiry"
        zh = f"会话仅保留 {expiry} 秒（要求 {options.session_expiry_s} 秒）：请调大服务器会话有效期"
        yield Finding("broker", Verdict.WARNING, Phrase(en, zh))
    if (limits["MaximumQoS"] or 0) < 1:
        lossy = Phrase("the broker allows only QoS 0: readings can be lost on the way", "服务器仅支持 QoS 0：读数可能丢失")
        yield Finding("broker", Verdict.BAD, lossy)
