"""The settings: each room's options put together under the names of ``meterwatch.toml``."""

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ConfigDict, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from desk.options import DeskOptions
from detectors.daily import DailyOptions
from detectors.rules import RULES
from detectors.yearly import ClassOptions
from ingest.codecs.json_mapping import JsonMapping
from ingest.journal import JournalOptions
from ingest.mqtt_options import MqttOptions
from ingest.pipeline import PipelineOptions
from meterwatch.core.bounds import beyond
from meterwatch.core.calendar import WorkingCalendar, zone_problem
from meterwatch.stores.influx_options import InfluxOptions
from notifier.channels import CHANNELS
from notifier.judging import JudgingOptions
from notifier.outbox import OutboxOptions
from notifier.site import ComplaintOptions, RoutingOptions

ENV_PREFIX = "METERWATCH_"
ENV_DELIMITER = "__"
SECRETS = frozenset({("mqtt", "password"), ("influxdb", "token"), ("channels", "webhook", "secret")})


@dataclass(frozen=True)
class SiteOptions:
    """The place that is watched."""

    time_zone: str = "Asia/Shanghai"
    """IANA zone of offices, deadlines, and of usage points that name none."""
    lunar: bool = True
    """Compare days around Spring Festival with last year's day at the same distance from the festival."""
    close_after_h: float = 2.0
    """Hours after its end at which a meter day is first evaluated; at least 2, so that its edges are known."""
    working_days: tuple[date, ...] = ()
    """Dates offices work although the calendar says they rest."""
    resting_days: tuple[date, ...] = ()
    """Dates offices rest although the calendar says they work."""

    def __post_init__(self) -> None:
        found = [zone_problem(self.time_zone)]
        found += (f"{one}: a day's last interval may end two hours after it" for one in beyond(self, close_after_h=(2, 168)))
        if any(found):
            raise ValueError("; ".join(filter(None, found)))

    @property
    def calendar(self) -> WorkingCalendar:
        """China's working days with the site's own dates."""
        return WorkingCalendar.with_overrides(self.working_days, self.resting_days)


@dataclass(frozen=True)
class ReadingsOptions:
    """Where readings are stored."""

    store: Literal["sqlite", "influxdb"] = "sqlite"
    """``sqlite`` (a file in the data folder) or ``influxdb`` (see [influxdb])."""


@dataclass(frozen=True)
class LedgerOptions:
    """Where alerts, duties, messages and the registry are stored."""

    url: str = ""
    """SQLAlchemy address of the database; empty = an SQLite file in the data folder."""

    def __post_init__(self) -> None:
        if self.url and not re.match(r"sqlite:///.|postgresql(\+psycopg)?://.", self.url):
            raise ValueError("url: write sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME")


@dataclass(frozen=True)
class AuditOptions:
    """How the audit is sealed."""

    key_file: Path = Path("audit.key")
    """File with the key of the seal, relative to the data folder; made at first need. Keep a copy elsewhere: without it
    nothing sealed can be verified, and who has it can seal a forged audit."""


@dataclass(frozen=True)
class ViewerOptions:
    """Who the accounts of this machine are (RULES who-confidential)."""

    accounts: dict[str, str] = field(default_factory=dict)
    """Account name -> person of the registry. An account that is not listed sees codes and masked phones only."""
    may_act_as: tuple[str, ...] = ()
    """Accounts that may act as any person in office (--as PERSON); that they do is in the audit."""


_CLOSED = ConfigDict(extra="forbid")
RuleSettings: Any = create_model(
    "RuleSettings", __config__=_CLOSED, **cast("dict[str, Any]", {r.name: (type(r.options), r.options) for r in RULES})
)
ChannelSettings: Any = create_model(
    "ChannelSettings", __config__=_CLOSED, **cast("dict[str, Any]", {c.name: (c.Options, c.Options()) for c in CHANNELS})
)


class Settings(BaseSettings):
    """Everything that can be set; made by ``settings_file.load``, which puts file and environment together."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter=ENV_DELIMITER)

    data_dir: Path = Path("data")
    site: SiteOptions = SiteOptions()
    mqtt: MqttOptions | None = None
    codecs: tuple[JsonMapping, ...] = ()
    ingest: PipelineOptions = PipelineOptions()
    journal: JournalOptions = JournalOptions()
    readings: ReadingsOptions = ReadingsOptions()
    influxdb: InfluxOptions | None = None
    ledger: LedgerOptions = LedgerOptions()
    audit: AuditOptions = AuditOptions()
    daily: DailyOptions = DailyOptions()
    classes: ClassOptions = ClassOptions()
    rules: RuleSettings = RuleSettings()
    judging: JudgingOptions = JudgingOptions()
    routing: RoutingOptions = RoutingOptions()
    complaints: ComplaintOptions = ComplaintOptions()
    outbox: OutboxOptions = OutboxOptions()
    channels: ChannelSettings = ChannelSettings()
    desk: DeskOptions = DeskOptions()
    viewers: ViewerOptions = ViewerOptions()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where values come from: what the caller gives, and nothing else."""
        return (init_settings,)

    @classmethod
    def environment(cls) -> dict[str, Any]:
        """Return what the environment sets: ``METERWATCH_MQTT__PASSWORD`` is ``mqtt.password``.

        Raises pydantic_settings.SettingsError for a value that can't be read at all.
        """
        return EnvSettingsSource(cls)()

    @property
    def ledger_url(self) -> str:
        """The ledger's address, with the driver we speak PostgreSQL through."""
        url = self.ledger.url or f"sqlite:///{self.data_dir / 'ledger.db'}"
        return url.replace("postgresql://", "postgresql+psycopg://", 1)
