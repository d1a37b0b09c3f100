"""Settings files for tests, read without what the machine's own environment says."""

import os
from pathlib import Path

import pytest

from meterwatch.app.settings import Settings
from meterwatch.app.settings_file import SettingsError, load

CODEC = """\
[[codecs]]
name = "gateway"
topics = ["m/+"]
meter = "$topic.1"
time = "ts"
sample_topic = "m/M1"
sample = '{"ts": 1672531200000, "total": 12.5}'

[[codecs.readings]]
type = "gas.register"
path = "total"
"""


FOR_TESTS = {"METERWATCH_CACHE", "METERWATCH_INFLUXD", "METERWATCH_MOSQUITTO", "METERWATCH_NO_SKIP"}


def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what would change settings, language or place."""
    for name in set(os.environ) - FOR_TESTS:
        if name.startswith(("METERWATCH_", "LC_")) or name in ("LANG", "LANGUAGE"):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    path = folder / "meterwatch.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    """Return what is wrong with the settings in ``path``, each as ``line: setting: what`` without the file's name."""
    with pytest.raises(SettingsError) as wrong:
        load(path)
    return [line.removeprefix(f"{path}:") for line in str(wrong.value).splitlines()]


def loaded(folder: Path, text: str) -> Settings:
    return load(write(folder, text))
