"""The pipeline when a part of the world fails, or the process dies, at any call it makes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from ingest.journal import Journal, JournalOptions
from ingest.pipeline import PipelineOptions
from meterwatch.core.errors import Unavailable
from meterwatch.core.model.readings import ReadingBatch
from meterwatch.core.model.registry import Registry
from tests.support.room import Room, begin_days, mixed, opened
from tests.support.scratch import scratch
from tests.support.wrapped import Wrapped

STEPS = PipelineOptions(step_bytes=500)
T = TypeVar("T")


class Died(BaseException):
    """The process is gone; nothing may catch it."""


class Fault:
    """Counts the calls the pipeline makes and fails in one of them, before or after it had its effect."""

    def __init__(self, at: int, how: type[BaseException], *, late: bool) -> None:
        self.calls, self._at, self._how, self._late = 0, at, how, late

    def __call__(self, call: Callable[[], T]) -> T:
        self.calls += 1
        due = self.calls == self._at
        if due and not self._late:
            raise self._how("now")
        result = call()
        if due:
            raise self._how("too late")
        return result


class Faulty(Wrapped):
    """Lets the calls that are named go through ``fault``."""

    def __init__(self, wrapped: Any, fault: Fault, *names: str) -> None:
        super().__init__(wrapped)
        self._fault, self._names = fault, names

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        return (lambda *arguments: self._fault(lambda: found(*arguments))) if name in self._names else found


class Judged:
    """Live rules as the pipeline sees them, and what they were shown."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self.shown: set[tuple[int, int, float]] = set()

    def __call__(self, batch: ReadingBatch, _registry: Registry) -> None:
        self._fault(lambda: self.shown.update(zip(*(column.tolist() for column in batch.columns()[1:4]), strict=True)))


def room(folder: Path, fault: Fault, judged: Judged) -> AbstractContextManager[Room]:
    def make_journal(path: Path, options: JournalOptions | None) -> Journal:
        return cast("Journal", Faulty(Journal(path, options), fault, "read", "settle", "release"))

    return opened(
        folder,
        pipeline=STEPS,
        around_store=lambda store: Faulty(store, fault, "append"),
        around_ledger=lambda ledger: Faulty(ledger, fault, "begun_days", "settle"),
        make_journal=make_journal,
        on_new=judged,
    )


def lay(folder: Path) -> None:
    """Journal packets of every kind, none of them processed yet."""
    with opened(folder) as found:
        begin_days(found)
        found.put(*mixed())


def result(found: Room, judged: Judged) -> dict[str, Any]:
    found.check()
    return found.durable() | {"shown": judged.shown}


def outage(at: int, *, late: bool) -> tuple[dict[str, Any], int]:
    """Run everything with one call failing; return what is left and how many calls were made."""
    fault = Fault(at, Unavailable, late=late)
    judged = Judged(fault)
    with scratch() as folder:
        lay(folder)
        with room(folder, fault, judged) as found:
            while found.journal.released != found.journal.end:
                try:
                    found.pipeline.step()
                except Unavailable:
                    assert fault.calls == at
            return result(found, judged), fault.calls


def death(at: int, *, late: bool) -> tuple[dict[str, Any], int]:
    """Die in one call and start again; return what is left and how many calls were made until then."""
    fault = Fault(at, Died, late=late)
    judged = Judged(fault)
    with scratch() as folder:
        lay(folder)
        with room(folder, fault, judged) as found:
            try:
                found.drain()
            except Died:
                assert fault.calls == at
            calls = fault.calls
        with room(folder, fault, judged) as found:
            found.drain()
            return result(found, judged), calls


@pytest.mark.parametrize("run", [outage, death])
def test_whichever_call_fails_nothing_is_lost_and_nothing_doubled(run: Callable[..., tuple[dict[str, Any], int]]) -> None:
    undisturbed, calls = outage(0, late=False)
    assert all(undisturbed.values())
    assert calls > 20
    for late in (False, True):
        for at in range(1, calls + 1):
            left, made = run(at, late=late)
            assert left == undisturbed, f"call {at} of {calls}, {'after' if late else 'before'} it had its effect"
            assert made >= at
