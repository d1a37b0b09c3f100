"""The service: the roles of one process, plugged together.

``step(now)`` does everything that is due at ``now``, and nothing else does. In production a metronome calls it with the
present time; a demonstration or a test moves the clock and calls it.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import ClassVar, Protocol

from desk.app import Health, create_app
from desk.callbacks import ReceiptDesk
from desk.server import Server
from meterwatch.app import metrics, parts
from meterwatch.app.books import audit_key, open_books
from meterwatch.app.engine import Engine
from meterwatch.app.notify import Notify
from meterwatch.app.schedule import Metronome
from meterwatch.app.settings import Settings
from meterwatch.core.clock import elapsed
from meterwatch.core.errors import Unavailable
from meterwatch.core.model.messages import Receipt
from notifier import receipts
from notifier.channels.webhook import sign

log = logging.getLogger(__name__)

ROLES = ("engine", "notify", "desk")
ALIVE_S = 300.0  # a process whose steps stand still for longer should be restarted; a large backfill may take a minute
_MEASURE_S = 0.9  # gauges are set once a second, not at every step of a moved clock: counting takes longer than stepping


class Role(Protocol):
    """A part of the service that may run in a process of its own."""

    name: ClassVar[str]

    @property
    def crash(self) -> str:
        """What broke for good; empty while nothing did."""

    def start(self) -> None:
        """Start the role's threads."""

    def step(self, now: datetime) -> None:
        """Do all of this role that is due at ``now``; raises Unavailable when a part of the world is not there."""

    def measure(self, now: datetime) -> None:
        """Set this role's gauges; raises Unavailable when the ledger is not there."""

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next row of this role falls due, None if none is known."""

    def stop(self) -> None:
        """Stop the threads; what was received is safe when it returns."""

    def problems(self) -> Sequence[str]:
        """Return what keeps this role from its work, in words for an operator; empty when it is ready."""


class Service:
    """One process: some roles, and an HTTP server for their health."""

    def __init__(self, settings: Settings, roles: Sequence[str] = ROLES) -> None:
        """Open everything the roles need; nothing runs yet. Raises Refusal or Unavailable if something can't be had."""
        self.settings = settings
        self._opened = ExitStack()
        self._failures: dict[str, str] = {}
        self._measured_at: dict[str, float] = {}
        self._stepped_at = dict.fromkeys(roles, elapsed())
        self.over = threading.Event()
        try:
            self.books = open_books(settings, self._opened)
            self.engine = self._engine() if "engine" in roles else None
            found: list[Role | None] = [self.engine, self._notify() if "notify" in roles else None]
            self.roles = [role for role in found if role is not None]
            self.server = Server(
                create_app(self.health, self._receipts() if "desk" in roles else None), self._address(roles)
            )
        except BaseException:
            self._opened.close()
            raise

    def _engine(self) -> Engine:
        store = parts.open_readings(self.settings, self._opened)
        journal = parts.open_journal(self.settings, self._opened)
        return Engine(self.settings, self.books, store, journal, parts.subscriber(self.settings))

    def _notify(self) -> Notify:
        place, channels = parts.site(self.settings), parts.channels(self.settings)
        return Notify(self.books, place, channels, self.settings.outbox, audit_key(self.settings))

    def _receipts(self) -> ReceiptDesk:
        def accept(receipt: Receipt) -> bool:
            return receipts.accept(self.books.ledger.outbox, receipt)

        return ReceiptDesk(accept, self.books.clock, {"webhook": self.settings.channels.webhook.secret}, sign)

    def _address(self, roles: Sequence[str]) -> str:
        desk = self.settings.desk
        if "desk" in roles:
            return desk.listen
        return desk.engine_listen if "engine" in roles else desk.notify_listen

    # --- running -------------------------------------------------------------------------------------------------

    def start(self) -> str:
        """Start the roles' threads and the HTTP server; return the address it listens on."""
        address = self.server.start()
        for role in self.roles:
            role.start()
        return address

    def step(self, now: datetime) -> None:
        """Do everything that is due at ``now`` in every role of this process."""
        self._step(self.roles, now)

    def _step(self, roles: Sequence[Role], now: datetime) -> None:
        for role in roles:
            role.step(now)
            metrics.LAST_STEP.labels(role.name).set(now.timestamp())
            if elapsed() - self._measured_at.get(role.name, -_MEASURE_S) >= _MEASURE_S:
                role.measure(now)
                self._measured_at[role.name] = elapsed()
        if self.books.ledger.clock.moved_to() is not None:
            self.books.ledger.clock.stepped([role.name for role in roles], now)
        self._stepped_at.update({role.name: elapsed() for role in roles})

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next row falls due, None if none is known."""
        return min((due for role in self.roles if (due := role.next_due(now))), default=None)

    def run(self, until: Callable[[], bool] | None = None) -> str:
        """Step every role once a second until ``over`` is set; return what crashed, empty after a clean stop."""
        metronome = Metronome({role.name: self._beat(role) for role in self.roles})
        metronome.start()
        try:
            while not self.over.wait(1.0) and not (until and until()):
                pass
        finally:
            metronome.stop()
        return self.crash

    def _beat(self, role: Role) -> Callable[[], None]:
        def beat() -> None:
            try:
                self._step([role], self.books.clock.now())
                self._failures.pop(role.name, None)
            except Unavailable as problem:
                log.warning("%s: %s; the next step tries again", role.name, problem)
                self._failures[role.name] = str(problem)
                metrics.STEP_FAILURES.labels(role.name).inc()
            except Exception as problem:
                log.exception("%s crashed", role.name)
                self._crashed = f"{role.name}: {problem!r}"
                self.over.set()
            if role.crash:
                self.over.set()

        return beat

    _crashed = ""

    @property
    def crash(self) -> str:
        """What broke for good; empty while nothing did."""
        return self._crashed or next((role.crash for role in self.roles if role.crash), "")

    def health(self) -> Health:
        """Return how this process is."""
        problems = {role.name: list(role.problems()) for role in self.roles}
        for name, text in list(self._failures.items()):  # a copy: a beat may change them meanwhile
            problems[name].append(text)
        stands = standing({role.name: self._stepped_at[role.name] for role in self.roles}, elapsed())
        for name, seconds in stands.items():
            problems[name].append(f"no step was completed for {seconds:.0f} s")
        return Health(not self.crash and not stands, problems)

    def stop(self) -> None:
        """Stop everything; the next start goes on where this one stopped."""
        for role in self.roles:
            role.stop()
        self.server.stop()
        self._opened.close()


def standing(stepped_at: Mapping[str, float], now: float) -> dict[str, float]:
    """Return the roles whose last step was completed too long ago, and how many seconds ago; all times of one clock."""
    return {name: now - at for name, at in stepped_at.items() if now - at > ALIVE_S}
