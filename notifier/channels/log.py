"""The log: for trying things out. It names the notice and the person's code, never a number."""

import logging
from dataclasses import dataclass
from typing import ClassVar

from meterwatch.core.model.messages import Guarantee, MessageState
from meterwatch.core.ports import Outgoing, Sent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogOptions:
    """The log channel has no settings."""


class LogChannel:
    """Writes each message as one log line."""

    name: ClassVar[str] = "log"
    guarantee: ClassVar[Guarantee] = Guarantee.BEST_EFFORT
    Options: ClassVar[type[LogOptions]] = LogOptions

    def __init__(self, options: LogOptions) -> None:
        self.options = options

    def send(self, outgoing: Outgoing) -> Sent:
        """Log the message; never fails."""
        log.info("to %s: %s", outgoing.message.person, outgoing.text)
        return Sent(MessageState.ACCEPTED)
