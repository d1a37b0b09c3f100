"""What holds for every test."""

import os

import pytest

LONGEST = (
    "scenes/test_same_month",
    "edges/test_kill",
    "app/test_clocks",
    "docs/test_readme",
    "properties/test_outbox_machine",
    "properties/test_duty_machine",
)
"""Begun first, so that no worker is left with one of them when the others are done."""


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: tests wait for servers and disks a third of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest."""
    items.sort(key=lambda item: not any(name in item.path.as_posix() for name in LONGEST))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With METERWATCH_NO_SKIP=1, as in CI, a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("METERWATCH_NO_SKIP") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
