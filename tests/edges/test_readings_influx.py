"""InfluxDB goes away, refuses, is set up wrongly or stands behind a proxy: nothing is lost, nothing refused in vain."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import numpy as np
import pytest
import urllib3

from meterwatch.core.clock import real_now
from meterwatch.core.errors import Refusal, Unavailable
from meterwatch.core.instants import to_ms
from meterwatch.core.model.phrase import Lang
from meterwatch.core.model.readings import AppendStatus, DayTotals, ReadingBatch
from meterwatch.stores import readings_influx
from meterwatch.stores.influx import Influx, InfluxOptions
from meterwatch.stores.influx_setup import prepare
from meterwatch.stores.readings_influx import InfluxReadings
from tests.support.influx import ACCOUNT, TOKEN, Influxd

pytestmark = pytest.mark.xdist_group("influxd")

NEW, DUPLICATE, CONFLICT, REFUSED = AppendStatus
REGISTER, FLOW = 201, 221
DAY = 86_400_000
NOW = to_ms(real_now())
TODAY = real_now().toordinal()
CODES = ("G-1", "G-2", "G-3")


def batch(
    times: Sequence[int], *, points: Sequence[int] | int = 0, kind: int = REGISTER, received_at: int = 1
) -> ReadingBatch:
    size = len(times)
    columns = (np.broadcast_to(points, size), np.full(size, kind), times, np.arange(size) + 0.5, np.zeros(size))
    return ReadingBatch.of(*columns, np.full(size, received_at))


@contextmanager
def opened(options: InfluxOptions, codes: Sequence[str] = CODES) -> Iterator[InfluxReadings]:
    with closing(InfluxReadings(options)) as store:
        store.know(codes)
        yield store


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


class TestAway:
    def test_what_failed_while_it_was_down_succeeds_unchanged(self, influxd: Influxd) -> None:
        with opened(influxd.options()) as store:
            assert (store.append(batch([NOW])).status == NEW).all()
            offered = batch([NOW, NOW + 1, NOW + 2])
            influxd.kill()
            try:
                for call in (lambda: store.append(offered), lambda: store.read(0, NOW), store.count):
                    with pytest.raises(Unavailable, match=influxd.url):
                        call()
                with pytest.raises(Unavailable):
                    store.write_totals(DayTotals.of([1], [0], [1.0], [1.0], [1.0], [0]))
            finally:
                influxd.start()
            assert store.append(offered).status.tolist() == [NEW] * 3
            assert store.append(offered).status.tolist() == [NEW] * 3
            assert store.count() == 3

    def test_a_write_that_timed_out_may_have_happened(self, influxd: Influxd) -> None:
        with opened(replace(influxd.options(), timeout_s=0.5)) as store:
            store.append(batch([NOW]))
            offered = batch([NOW + 1, NOW + 2])
            influxd.freeze()
            try:
                with pytest.raises(Unavailable):
                    store.append(offered)
            finally:
                influxd.thaw()
            assert store.append(offered).status.tolist() == [NEW] * 2
            assert store.append(replace(offered, received_at=offered.received_at + 1)).status.tolist() == [DUPLICATE] * 2
            assert store.count() == 3

    def test_it_is_not_asked_before_it_is_needed(self) -> None:
        with opened(InfluxOptions("http://127.0.0.1:9", "o", "t", timeout_s=0.2)) as store:
            assert len(store.append(ReadingBatch.empty())) == 0
            with pytest.raises(Unavailable):
                store.append(batch([NOW]))


class TestRefused:
    def test_readings_older_than_the_retention_cost_only_themselves(self, influxd: Influxd) -> None:
        offered = batch(
            [NOW, NOW - 30 * DAY, NOW - DAY, NOW - 31 * DAY, NOW - 30 * DAY, NOW - 60 * DAY], points=[0, 0, 1, 2, 0, 1]
        )
        with opened(influxd.options(retention_days=7)) as store:
            for _ in range(2):
                answer = store.append(offered)
                assert answer.status.tolist() == [NEW, REFUSED, NEW, REFUSED, REFUSED, REFUSED]
                assert np.isnan(answer.kept_value).all()
            assert store.read(0, NOW).time.tolist() == [NOW, NOW - DAY]

    def test_a_code_that_no_tag_can_hold_costs_only_its_own(self, influxd: Influxd) -> None:
        codes = ("G-1", "ends in \\", "two\nlines", "", "中 文")
        with opened(influxd.options(), codes) as store:
            for _ in range(2):
                answer = store.append(batch([NOW] * 5, points=range(5)))
                assert answer.status.tolist() == [NEW, REFUSED, REFUSED, REFUSED, NEW]
            assert store.read(0, NOW).usage_point.tolist() == [0, 4]
            assert store.read(0, NOW, np.arange(5, dtype=np.int32)).usage_point.tolist() == [0, 4]
            store.write_totals(DayTotals.of([TODAY] * 5, range(5), [1.0] * 5, [1.0] * 5, [np.nan] * 5, [0] * 5))
            assert store.read_totals(TODAY, TODAY).usage_point.tolist() == [0, 4]

    def test_a_time_beyond_nanoseconds_costs_only_itself(self, influxd: Influxd) -> None:
        with opened(influxd.options()) as store:
            answer = store.append(batch([NOW, 9_223_372_036_855, -(2**60), 9_223_372_036_854]))
            assert answer.status.tolist() == [NEW, REFUSED, REFUSED, NEW]
            assert len(store.read(-(2**62), 2**62)) == 2

    def test_a_field_of_another_type_costs_only_its_reading_type(self, influxd: Influxd) -> None:
        options = influxd.options()
        with closing(Influx(options)) as influx:
            influx.write(options.bucket, [f"readings,usage_point=G-1 gas_flow=1i {NOW}"])
        with opened(options) as store:
            both = ReadingBatch.join([batch([NOW], kind=FLOW), batch([NOW])])
            assert store.append(both).status.tolist() == [REFUSED, NEW]

    def test_totals_older_than_their_retention_are_left_out(self, influxd: Influxd) -> None:
        options = replace(influxd.bare_options(), totals_retention_days=30)
        prepare(options, onboard=ACCOUNT)
        with opened(options) as store:
            store.write_totals(DayTotals.of([TODAY, TODAY - 90], [0, 0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0, 0]))
            assert store.read_totals(0, TODAY).day.tolist() == [TODAY]


class TestManyPoints:
    """Above a number of usage points a query names none of them, and the store chooses from the answer."""

    def test_the_answers_are_the_same(self, influxd: Influxd, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(readings_influx, "_NAMED_POINTS", 1)
        options = influxd.options()
        with opened(options) as store:
            store.append(batch([NOW, NOW, NOW - DAY], points=[0, 2, 1]))
            store.write_totals(DayTotals.of([TODAY] * 3, range(3), [1.0] * 3, [1.0] * 3, [1.0, 2.0, np.nan], [0] * 3))
        with opened(options, ["G-1", "G-2"]) as fresh:
            assert fresh.append(batch([NOW, NOW - DAY], points=[0, 1], received_at=2)).status.tolist() == [
                DUPLICATE,
                CONFLICT,
            ]
            assert fresh.append(batch([NOW, NOW], points=[0, 1])).status.tolist() == [NEW, NEW]
            assert fresh.read(0, NOW).usage_point.tolist() == [0, 1, 1]
            assert fresh.read(0, NOW, np.array([0, 5], np.int32)).usage_point.tolist() == [0]
            assert fresh.count() == 4
            assert fresh.read_totals(TODAY, TODAY).usage_point.tolist() == [0, 1]
            assert fresh.read_totals(TODAY, TODAY, np.array([1, 5], np.int32)).usage_point.tolist() == [1]


class TestSetUpWrongly:
    def test_the_message_says_what_to_do(self, influxd: Influxd) -> None:
        good = influxd.options()
        for options, advice in (
            (replace(good, token="wrong"), "the token is not valid; check the token in the settings"),  # noqa: S106
            (replace(good, bucket="nowhere"), "run `meterwatch influx init`"),
            (replace(good, org="nobody"), "run `meterwatch influx init`"),
        ):
            with opened(options) as store, pytest.raises(Unavailable, match=advice) as raised:
                store.append(batch([NOW]))
            assert options.token not in str(raised.value)

    def test_a_token_that_may_not_write(self, influxd: Influxd) -> None:
        good = influxd.options()
        with opened(replace(good, token=influxd.token_for_reading(good.bucket))) as store:
            assert store.count() == 0
            with pytest.raises(Unavailable, match="it must be allowed to read and write both buckets"):
                store.append(batch([NOW]))

    def test_secrets_do_not_show(self, influxd: Influxd) -> None:
        assert TOKEN not in repr(influxd.bare_options())
        assert ACCOUNT.password not in repr(ACCOUNT)


class TestPrepare:
    def test_it_makes_everything_once(self, tmp_path: Path) -> None:
        with Influxd(tmp_path) as fresh:
            options = fresh.bare_options(retention_days=400)
            with pytest.raises(Refusal, match="was never set up: name a user and a password"):
                prepare(options)
            assert [step.say(Lang.EN) for step in prepare(options, onboard=ACCOUNT)] == [
                "server set up with organization utility, user admin",
                "bucket readings 1: is there, keeps 400 days (0 = for ever)",
                "InfluxQL mapping of readings 1: made",
                "bucket totals 1: made, keeps 0 days (0 = for ever)",
                "InfluxQL mapping of totals 1: made",
            ]
            for onboard in (ACCOUNT, None):
                again = prepare(options, onboard=onboard)
                assert not any(step.changed for step in again)
                assert again[0].say(Lang.ZH) == "服务器：此前已初始化"
            with opened(options) as store:
                assert store.append(batch([NOW])).status.tolist() == [NEW]
                assert len(store.read(0, NOW)) == 1

    @pytest.mark.parametrize("days", [1, 3, 0, 4000])
    def test_it_changes_the_retention(self, influxd: Influxd, days: int) -> None:
        options = influxd.options(retention_days=400)
        changed = replace(options, retention_days=days, totals_retention_days=days)
        steps = prepare(changed)
        assert [step.changed for step in steps] == [False, True, False, days != 0, False]
        assert steps[1].say(Lang.EN) == f"bucket {options.bucket}: now keeps {days} days (0 = for ever)"
        assert not any(step.changed for step in prepare(changed))

    def test_an_admin_token_serves_where_our_own_may_not(self, influxd: Influxd) -> None:
        options = replace(influxd.bare_options(), token=influxd.token_for_reading(influxd.options().bucket))
        with pytest.raises(Refusal, match="finds no organization utility"):
            prepare(options)
        assert any(step.changed for step in prepare(options, admin_token=TOKEN))

    def test_an_unknown_organization_is_named(self, influxd: Influxd) -> None:
        with pytest.raises(Refusal, match="finds no organization nobody"):
            prepare(replace(influxd.options(), org="nobody"))

    def test_a_token_that_is_not_valid(self, influxd: Influxd) -> None:
        with pytest.raises(Unavailable, match="the token is not valid"):
            prepare(influxd.options(), admin_token="wrong")  # noqa: S106

    def test_a_server_that_does_not_answer(self) -> None:
        with pytest.raises(Unavailable):
            prepare(InfluxOptions("http://127.0.0.1:9", "o", "t", timeout_s=0.2))


class Proxy(BaseHTTPRequestHandler):
    """Stands before InfluxDB, or where it is expected.

    It takes at most ``most`` lines and answers ``status``, whatever the server beyond it said to them. A query gets the
    server's answer; without one, ``found``.
    """

    protocol_version = "HTTP/1.1"
    beyond = ""
    most = 1000
    status = 204
    found = b"{}"
    taken: list[list[str]]
    asked: list[list[str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = self._forward(body) if self.beyond else self.found
        if self.path == "/query":
            self.asked.append(parse_qs(body.decode())["q"][0].split(";"))
            self._answer(200, told)
        elif len(lines := body.decode().splitlines()) > self.most:
            self._answer(413, b"<html>too large</html>")
        else:
            self.taken.append(lines)
            self._answer(self.status, b"" if self.status == 204 else b"<html>no</html>")

    def _forward(self, body: bytes) -> bytes:
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        return urllib3.request("POST", self.beyond + self.path, body=body, headers=headers).data

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxied(options: InfluxOptions | None = None, **how: object) -> Iterator[tuple[InfluxReadings, type[Proxy]]]:
    """Yield a store and the proxy it speaks to; with ``options`` the proxy stands before that server."""
    wanted = options or InfluxOptions("", "o", "t")
    proxy = type("Configured", (Proxy,), {"beyond": wanted.url, "taken": [], "asked": [], **how})
    with ThreadingHTTPServer(("127.0.0.1", 0), proxy) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            with opened(replace(wanted, url=f"http://127.0.0.1:{server.server_port}", batch_lines=8)) as store:
                yield store, proxy
        finally:
            server.shutdown()
            thread.join()


class TestBehindAProxy:
    def test_a_request_that_is_too_large_is_split(self) -> None:
        with proxied(most=3) as (store, proxy):
            assert (store.append(batch(range(NOW, NOW + 20))).status == NEW).all()
        lines = [line for request in proxy.taken for line in request]
        assert len(set(lines)) == len(lines) == 20

    def test_a_single_line_that_is_too_large_is_refused(self) -> None:
        with proxied(most=0) as (store, _):
            assert (store.append(batch([NOW, NOW + 1])).status == REFUSED).all()

    def test_no_request_holds_more_lines_than_asked_for(self) -> None:
        with proxied() as (store, proxy):
            store.append(batch(range(NOW, NOW + 20)))
        assert sorted(map(len, proxy.taken)) == [4, 8, 8]

    @pytest.mark.parametrize("status", [301, 400, 408, 422, 429, 500, 502, 503, 504])
    def test_what_is_not_the_fault_of_a_line_can_be_tried_again(self, status: int) -> None:
        with proxied(status=status) as (store, _), pytest.raises(Unavailable, match=str(status)):
            store.append(batch([NOW, NOW + 1]))

    @pytest.mark.parametrize(
        "found", [b"<html>login</html>", b'{"results":[{"error":"timeout"}]}', b'{"error":"x"}', b'{"results":[{"series":']
    )
    def test_an_answer_that_is_no_answer(self, found: bytes) -> None:
        with proxied(found=found) as (store, _), pytest.raises(Unavailable):
            store.read(0, NOW)

    def test_what_was_written_though_the_answer_was_lost_is_not_overwritten(self, influxd: Influxd) -> None:
        with proxied(influxd.options()) as (store, proxy):
            store.append(batch([NOW]))
            proxy.status = 502
            with pytest.raises(Unavailable):
                store.append(batch([NOW + 1, NOW + 2]))
            proxy.status = 204
            assert store.append(batch([NOW + 2, NOW + 3], received_at=2)).status.tolist() == [CONFLICT, NEW]
            assert store.append(batch([NOW + 1, NOW + 2])).status.tolist() == [NEW, NEW]


class TestLookUps:
    def test_what_lies_beyond_the_mark_is_written_unasked(self) -> None:
        with proxied() as (store, proxy):
            store.append(batch([NOW] * 3, points=range(3)))
            assert len(proxy.asked) == 1
            store.append(batch([NOW + 1] * 3, points=range(3)))
            store.append(batch([NOW + 1, NOW + 2], kind=REGISTER, points=[0, 0]).take(np.array([1])))
            assert len(proxy.asked) == 1
            store.append(batch([NOW + 1]))
            assert len(proxy.asked) == 2

    def test_a_meter_that_is_a_month_late_is_looked_up_alone(self) -> None:
        with proxied() as (store, proxy):
            store.append(batch([NOW] * 3, points=range(3)))
            store.append(batch([NOW - 30 * DAY, NOW, NOW], points=range(3)))
            late, others = sorted(proxy.asked[-1], key=len)
            assert f"time >= {NOW - 30 * DAY}ms AND time <= {NOW - 30 * DAY}ms" in late
            assert (r"/^(G\-1)$/" in late, r"/^(G\-2|G\-3)$/" in others) == (True, True)
