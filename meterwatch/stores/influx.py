"""InfluxDB 2 as we use it: line protocol in, InfluxQL out, and what its answers mean."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from meterwatch.core.errors import Unavailable
from meterwatch.stores.influx_options import InfluxOptions


class Series(msgspec.Struct):
    """A part of a query's answer: rows of values under column names, ``time`` in UTC milliseconds."""

    columns: list[str] = []
    values: list[list[Any]] = []
    tags: dict[str, str] = {}


class _Result(msgspec.Struct):
    series: list[Series] = []
    error: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


class _Complaint(msgspec.Struct):
    code: str = ""


_read_answer = msgspec.json.Decoder(_Answer).decode
_read_complaint = msgspec.json.Decoder(_Complaint).decode

_ADVICE: Mapping[int, str] = {
    401: "the token is not valid; check the token in the settings",
    403: "the token may not do this; it must be allowed to read and write both buckets",
    404: "no such organization, bucket or mapping; check the names in the settings, or run `meterwatch influx init`",
}


class Influx:
    """The HTTP side of one server. Every method raises Unavailable when it does not answer, or does not let us in."""

    def __init__(self, options: InfluxOptions) -> None:
        """Take the options; nothing is sent yet."""
        self.options = options
        self.client: Any = InfluxDBClient(
            options.url, options.token, org=options.org, timeout=round(options.timeout_s * 1000)
        )
        self._pool = self.client.api_client.rest_client.pool_manager

    def write(self, bucket: str, lines: Sequence[str]) -> list[int]:
        """Write line protocol in milliseconds; return the index of each line that may not have been taken, ascending.

        The server never names a line. It answers 422 when it took only some, so that a whole request is in doubt. Of a
        request that is too large or holds a line it can't read it takes nothing; halving finds that line.
        """
        size = self.options.batch_lines
        todo = [range(first, min(first + size, len(lines))) for first in range(0, len(lines), size)]
        doubtful: list[int] = []
        while todo:
            part = todo.pop()
            status = self._post_lines(bucket, "\n".join(lines[part.start : part.stop]))
            if status in {400, 413} and len(part) > 1:
                todo += [part[: len(part) // 2], part[len(part) // 2 :]]
            elif status in {400, 413, 422}:
                doubtful += part
        return sorted(doubtful)

    def query(self, database: str, statements: Sequence[str]) -> Iterator[Series]:
        """Run InfluxQL statements in one request; yield the rows found, a large series in several parts."""
        if not statements:
            return
        fields = {"q": ";".join(statements), "db": database, "epoch": "ms", "chunked": "true", "chunk_size": "10000"}
        with self.answering():
            response = self._post("/query", fields=fields, encode_multipart=False, preload_content=False)
            try:
                if response.status != 200:
                    raise self._unavailable(response.status, response.data)
                for line in response:
                    yield from self._series(line)
            finally:
                response.close()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Turn what goes wrong on the way to the server into Unavailable."""
        try:
            yield
        except ApiException as problem:
            raise self._unavailable(problem.status, problem.body) from problem
        except (HTTPError, msgspec.DecodeError) as problem:
            raise Unavailable(f"InfluxDB at {self.options.url}: {problem}") from problem

    def close(self) -> None:
        """Close the pooled connections."""
        self.client.close()

    def _post_lines(self, bucket: str, lines: str) -> int:
        """Return 204, or 400, 413 or 422 when the server blames the lines."""
        query = urlencode({"org": self.options.org, "bucket": bucket, "precision": "ms"})
        with self.answering():
            response = self._post(f"/api/v2/write?{query}", body=lines.encode())
            if response.status not in {204, 413} and not _blames_lines(response.status, response.data):
                raise self._unavailable(response.status, response.data)
            return response.status

    def _post(self, path: str, **how: Any) -> BaseHTTPResponse:
        headers = {"Authorization": f"Token {self.options.token}"}
        url = self.options.url.rstrip("/") + path
        response: BaseHTTPResponse = self._pool.request("POST", url, headers=headers, timeout=self.options.timeout_s, **how)
        return response

    def _series(self, line: bytes) -> Iterator[Series]:
        answer = _read_answer(line)
        for error in (answer.error, *(result.error for result in answer.results)):
            if error:
                raise self._unavailable(404 if "not found" in error else None, error)
        for result in answer.results:
            yield from result.series

    def _unavailable(self, status: int | None, body: bytes | str | None) -> Unavailable:
        text = body if isinstance(body, str) else (body or b"").decode(errors="replace")
        advice = _ADVICE.get(status or 0) or status or "the query failed"
        return Unavailable(f"InfluxDB at {self.options.url}: {advice} ({text.strip()[:300]})")


def _blames_lines(status: int, body: bytes) -> bool:
    """Tell a complaint of InfluxDB about lines from a 400 of something between us and it, which must not cost readings."""
    try:
        return status in {400, 422} and _read_complaint(body).code in {"invalid", "unprocessable entity"}
    except msgspec.DecodeError:
        return False


def tag_value(text: str) -> str:
    """Return a tag's value as line protocol writes it."""
    return re.sub(r"([,= ])", r"\\\1", text)


def select(columns: str, measurement: str, where: str = "", group_by: str = "") -> str:
    """Return an InfluxQL query. It binds no parameters in a regular expression: codes reach ``where`` through any_of."""
    return f'SELECT {columns} FROM "{measurement}" {where} {group_by}'  # noqa: S608


def any_of(texts: Iterable[str]) -> str:
    """Return an InfluxQL regular expression that matches exactly ``texts``.

    A chain of OR costs the server time by the square of its length, the expression by its length.
    """
    choices = (re.escape(text).replace("/", r"\/").replace("\n", "n") for text in texts)
    return f"/^({'|'.join(choices)})$/"
