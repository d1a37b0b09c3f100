"""Stored readings, opened to look at. A module of its own: most commands need no reading store."""

from meterwatch.app import parts
from meterwatch.cli.session import Session
from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Phrase
from meterwatch.core.model.registry import Registry
from meterwatch.core.ports import ReadingStore

_NONE_YET = Phrase(
    "there are no readings yet: the first start of the service (`meterwatch run`) makes the file",
    "尚无读数：服务首次启动（`meterwatch run`）时创建数据文件",
)


def stored_readings(opened: Session, registry: Registry) -> ReadingStore:
    """Return the reading store, read-only and closed with the session; raises Refusal if there is none yet."""
    settings = opened.settings
    if settings.readings.store == "sqlite" and not (settings.data_dir / parts.READINGS_FILE).exists():
        raise Refusal(_NONE_YET)
    store = parts.open_readings(settings, opened.opened, read_only=True)
    store.know(registry.codes)
    return store
