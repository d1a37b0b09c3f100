"""What holds for every test."""

import os

import pytest


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With METERWATCH_NO_SKIP=1, as in CI, a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("METERWATCH_NO_SKIP") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
