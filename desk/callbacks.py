"""What providers call: receipts, stored before they are acknowledged (docs/formats.md §8)."""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from meterwatch.core.clock import Clock, real_now
from meterwatch.core.errors import Unavailable
from meterwatch.core.instants import to_ms
from meterwatch.core.model.messages import MessageState, Receipt

MAX_BODY = 64 * 1024
MAX_SKEW_S = 300
_STAMP = re.compile(r"[0-9]{1,12}")
Sign = Callable[[str, str, bytes], str]


class _Report(msgspec.Struct, forbid_unknown_fields=True):
    reference: str
    state: Literal["delivered", "undelivered"]
    at: datetime


@dataclass(frozen=True)
class ReceiptDesk:
    """Takes receipts. ``secrets`` by channel; ``sign(secret, timestamp, body)`` is what both sides compute."""

    accept: Callable[[Receipt], bool]
    clock: Clock
    secrets: Mapping[str, str]
    sign: Sign

    async def post(self, request: Request) -> Response:
        """Answer 204 once the receipt is stored, known or not; 400, 401, 404, 413 or 503 with a reason otherwise."""
        channel = request.path_params["channel"]
        secret = self.secrets.get(channel)
        if not secret:
            return _error(404, f"no channel {channel!r} takes receipts")
        body = await _read(request)
        if body is None:
            return _error(413, f"a receipt has at most {MAX_BODY} bytes")
        if not self._signed(request, secret, body):
            return _error(401, "the signature or its timestamp is wrong")
        try:
            report = _read_report(body)
        except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as problem:
            return _error(400, str(problem))
        try:
            await run_in_threadpool(self._store, channel, report, body.decode())
        except Unavailable:
            return _error(503, "the ledger does not answer; send the receipt again")
        return Response(status_code=204)

    def _signed(self, request: Request, secret: str, body: bytes) -> bool:
        stamp = request.headers.get("meterwatch-timestamp", "")
        given = request.headers.get("meterwatch-signature", "")
        fresh = _STAMP.fullmatch(stamp) is not None and abs(to_ms(real_now()) // 1000 - int(stamp)) <= MAX_SKEW_S
        return hmac.compare_digest(self.sign(secret, stamp, body).encode(), given.encode()) and fresh

    def _store(self, channel: str, report: _Report, raw: str) -> None:
        state = MessageState(report.state)
        self.accept(Receipt(channel, report.reference, state, report.at, self.clock.now(), raw))


def _read_report(body: bytes) -> _Report:
    """Return what a body reports, its time in UTC; raises what says why it can't be understood."""
    found = msgspec.json.decode(body, type=_Report)
    if found.at.tzinfo is None:
        raise ValueError("at: a time with its zone is needed, e.g. 2026-01-31T08:00:00+08:00")
    if not (0 < len(found.reference) <= 80 and found.reference.isprintable()):
        raise ValueError("reference: 1 to 80 printable characters")
    found.at = found.at.astimezone(UTC)
    return found


async def _read(request: Request) -> bytes | None:
    """Return the body, None if it is larger than allowed; no more than that is ever held."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)
