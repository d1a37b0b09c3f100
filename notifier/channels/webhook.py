"""The webhook: HTTP POST to the site's own message platform (docs/formats.md §7).

At least once: every attempt carries the same idempotency key and notice number. Receipts come back on the callback API.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import ClassVar

import urllib3

from meterwatch.core.clock import real_now
from meterwatch.core.errors import TransportError
from meterwatch.core.instants import to_ms
from meterwatch.core.model.work import Guarantee, MessageState
from meterwatch.core.ports import Outgoing, Sent

_TRY_AGAIN = frozenset({408, 409, 425, 429})


@dataclass(frozen=True)
class WebhookOptions:
    """Where messages are posted."""

    url: str = ""
    """Address of the message platform."""
    secret: str = ""
    """Key both sides sign with (HMAC-SHA256)."""
    timeout_s: float = 10.0
    """Longest wait for an answer."""


class WebhookChannel:
    """Posts each message as signed JSON."""

    name: ClassVar[str] = "webhook"
    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    Options: ClassVar[type[WebhookOptions]] = WebhookOptions

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options
        self._pool = urllib3.PoolManager(timeout=options.timeout_s, retries=False)

    def send(self, outgoing: Outgoing) -> Sent:
        """Post the message; raises TransportError, permanent for an answer that says it will never be taken."""
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
            "Idempotency-Key": outgoing.message.key if outgoing.message.key.isascii() else outgoing.reference,
            "Meterwatch-Timestamp": stamp,
            "Meterwatch-Signature": sign(self._options.secret, stamp, payload),
        }


def sign(secret: str, stamp: str, payload: bytes) -> str:
    """Return the hex HMAC-SHA256 of ``stamp``, a dot and the payload: what both directions are signed with."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + payload, hashlib.sha256).hexdigest()


def _reference(data: bytes) -> str:
    """Return the platform's own id if its answer names one."""
    try:
        found = json.loads(data)
    except ValueError:
        return ""
    reference = found.get("id") if isinstance(found, dict) else None
    return reference[:80] if isinstance(reference, str) else ""
