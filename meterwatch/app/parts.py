"""The only place that names concrete adapters: from settings to open parts."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import astuple, replace
from datetime import timedelta
from typing import Any

from detectors.rules import RULES
from ingest.codecs import CODECS
from ingest.codecs.codec import Codec
from ingest.journal import Journal
from ingest.mqtt import Subscriber
from meterwatch.app.evaluation import RuleSet
from meterwatch.app.settings import Settings
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.ports import Channel, ReadingStore
from meterwatch.stores.readings_sqlite import SqliteReadings
from meterwatch.stores.sqlite_files import make_folder
from notifier.channels import CHANNELS
from notifier.site import Site

READINGS_FILE = "readings.db"
JOURNAL_FOLDER = "journal"

_NO_BROKER = Phrase(
    "the settings name no broker: add a [mqtt] section with host = ... (`meterwatch init` writes an example)",
    "设置中没有消息服务器：请添加 [mqtt] 段并填写 host（`meterwatch init` 可生成示例）",
)


def open_readings(settings: Settings, opened: ExitStack, *, read_only: bool = False) -> ReadingStore:
    """Return the reading store the settings name, closed with ``opened``."""
    store: ReadingStore
    if settings.readings.store == "influxdb" and settings.influxdb is not None:
        from meterwatch.stores.readings_influx import InfluxReadings  # noqa: PLC0415 - its client takes long to import

        store = InfluxReadings(settings.influxdb)
    elif read_only:
        store = SqliteReadings.read_only(settings.data_dir / READINGS_FILE)
    else:
        store = SqliteReadings(settings.data_dir / READINGS_FILE)
    opened.callback(store.close)
    return store


def open_journal(settings: Settings, opened: ExitStack) -> Journal:
    """Return the journal in the data folder, closed with ``opened``."""
    make_folder(settings.data_dir)
    journal = Journal(settings.data_dir / JOURNAL_FOLDER, settings.journal)
    opened.callback(journal.close)
    return journal


def subscriber(settings: Settings) -> Subscriber:
    """Return a Subscriber for the settings' broker, not started; raises Refusal if they name none."""
    if settings.mqtt is None:
        raise Refusal(_NO_BROKER)
    return Subscriber(settings.mqtt)


def codecs(settings: Settings) -> Sequence[Codec]:
    """Return the codecs of the settings."""
    kinds = {codec.kind: codec for codec in CODECS}
    return [kinds[mapping.kind].build(mapping) for mapping in settings.codecs]


def channels(settings: Settings) -> Sequence[Channel]:
    """Return every channel whose settings are complete: messages may wait on one that is no longer routed."""
    options = {kind: getattr(settings.channels, kind.name) for kind in CHANNELS}
    return [kind(found) for kind, found in options.items() if "" not in astuple(found)]


def rule_set(settings: Settings) -> RuleSet:
    """Return the rules with the options the settings give them."""
    options = {rule.name: getattr(settings.rules, rule.name) for rule in RULES}
    close_after = timedelta(hours=settings.site.close_after_h)
    return RuleSet(RULES, options, settings.daily, settings.site.lunar, close_after)


def site(settings: Settings) -> Site:
    """Return what routing needs to know of the place."""
    return Site(settings.site.time_zone, settings.site.calendar, settings.routing, settings.complaints)


def with_broker(settings: Settings, **changes: Any) -> Settings:
    """Return settings with some of the broker's changed, e.g. another port."""
    return settings.model_copy(update={"mqtt": replace(settings.mqtt, **changes)}) if settings.mqtt else settings
