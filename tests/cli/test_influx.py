"""``meterwatch influx init`` against a real InfluxDB."""

import pytest

from tests.support.influx import Influxd
from tests.support.terminal import Terminal


@pytest.fixture
def terminal(empty: Terminal) -> Terminal:
    path = empty.folder / "meterwatch.toml"
    path.write_text(f'{path.read_text()}\n[influxdb]\nurl = "http://127.0.0.1:1"\norg = "utility"\ntoken = "t"\n')
    return empty


def test_onboards_makes_everything_and_does_it_once(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with Influxd(terminal.folder / "influx") as server:
        monkeypatch.setenv("METERWATCH_INFLUXDB__URL", server.url)
        monkeypatch.setenv("METERWATCH_INFLUXDB__TOKEN", "all-access")
        assert "was never set up: name a user and a password" in terminal("influx", "init").err
        monkeypatch.setenv("METERWATCH_INFLUX_PASSWORD", "a good password")
        first = terminal("influx", "init", "--onboard", "admin", "--json")
        assert (first.code, [step["changed"] for step in first.data]) == (0, [True, False, True, True, True])
        again = terminal("influx", "init")
        assert again.code == 0
        assert again.out.splitlines()[0] == "server: was set up before"
        assert again.out.splitlines()[-1] == 'InfluxDB is ready; set readings.store = "influxdb" to use it'
        assert [step["changed"] for step in terminal("influx", "init", "--json").data] == [False] * 5
        assert "此前已初始化" in terminal("influx", "init", "--lang", "zh-CN").out


@pytest.mark.parametrize("password", [None, "", "short"])
def test_wants_a_password_for_the_first_account(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    if password is not None:
        monkeypatch.setenv("METERWATCH_INFLUX_PASSWORD", password)
    printed = terminal("influx", "init", "--onboard", "admin")
    assert printed.code == 1
    assert printed.err == "meterwatch: put a password of at least 8 characters into METERWATCH_INFLUX_PASSWORD\n"


def test_a_server_that_is_not_there_is_said(terminal: Terminal) -> None:
    printed = terminal("influx", "init")
    assert (printed.code, printed.out) == (1, "")
    assert printed.err.startswith("meterwatch: ")
    assert "Traceback" not in printed.err
