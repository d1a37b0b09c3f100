"""The webhook: HTTP POST to the site's own message platform (docs/formats.md §7).

At least once: every attempt carries the same idempotency key and notice number. Receipts come back on the callback API.
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import msgspec
import urllib3

from meterwatch.core.clock import real_now
from meterwatch.core.errors import TransportError
from meterwatch.core.instants import to_ms
from meterwatch.core.model.messages import Guarantee, MessageState
from meterwatch.core.ports import Outgoing, Sent

_TRY_AGAIN = frozenset({408, 409, 425, 429})


@dataclass(frozen=True)
class WebhookOptions:
    """Where messages are posted."""

    url: str = ""
    """Address of the message platform."""
    secret: str = field(default="", repr=False)
    """Key both sides sign with (HMAC-SHA256)."""
    timeout_s: float = 10.0
    """Longest wait for an answer."""

    def __post_init__(self) -> None:
        if self.url and not re.match(r"https?://[^/\s]", self.url):
            raise ValueError(f"url: {self.url!r} is no address such as https://messages.example.com/meterwatch")
        if not 0 < self.timeout_s <= 20:
            raise ValueError("timeout_s: 0 to 20 seconds; a sender must be done long before its lease runs out")


class _Answer(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(max_length=80)] | int = ""

    @property
    def reference(self) -> str:
        return str(self.id)


class WebhookChannel:
    """Posts each message as signed JSON."""

    name: ClassVar[str] = "webhook"
    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    Options: ClassVar[type[WebhookOptions]] = WebhookOptions

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options
        self._pool = urllib3.PoolManager(timeout=options.timeout_s, retries=False)

    def send(self, outgoing: Outgoing) -> Sent:
        """Post the message; raises TransportError, permanent where it will never be taken."""
        if not outgoing.address:
            raise TransportError(f"{outgoing.message.person} has no phone number", permanent=True)
        payload = json.dumps(
            {
                "reference": outgoing.reference,
                "to": outgoing.address,
                "text": outgoing.text,
                "lang": outgoing.message.lang,
                "template": f"{outgoing.message.template}/{outgoing.message.template_version}",
                "expires_at": outgoing.message.expires_at.isoformat(),
            },
            ensure_ascii=False,
        ).encode()
        try:
            answer = self._pool.request("POST", self._options.url, body=payload, headers=self._headers(outgoing, payload))
        except urllib3.exceptions.HTTPError as problem:
            raise TransportError(f"webhook: {type(problem).__name__}", permanent=False) from problem
        if 200 <= answer.status < 300:
            return Sent(MessageState.ACCEPTED, _reference(answer.data) or outgoing.reference)
        permanent = 400 <= answer.status < 500 and answer.status not in _TRY_AGAIN
        raise TransportError(f"webhook: answered {answer.status}", permanent=permanent)

    def _headers(self, outgoing: Outgoing, payload: bytes) -> dict[str, str]:
        stamp = str(to_ms(real_now()) // 1000)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": hashlib.sha256(outgoing.message.key.encode()).hexdigest(),
            "Meterwatch-Timestamp": stamp,
            "Meterwatch-Signature": sign(self._options.secret, stamp, payload),
        }


def sign(secret: str, stamp: str, payload: bytes) -> str:
    """Return the hex HMAC-SHA256 of ``stamp``, a dot and the payload: what both directions are signed with."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + payload, hashlib.sha256).hexdigest()


def _reference(data: bytes) -> str:
    """Return the platform's own id if its answer names one that a receipt can carry."""
    try:
        return msgspec.json.decode(data, type=_Answer).reference
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
