"""What scenes are played in."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.scene import USED, Office, opened
from tests.support.settings import no_environment

_DAYS = 60
NO_DIGEST = 'digest_at = ""'
"""The morning's messages have a scene of their own."""
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether a scene failed: then it does not fail a second time over what was left unread."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture
def office(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Office]]:
    """Return a function that opens the office at a moment; at the scene's end every message must have been read out."""
    no_environment(monkeypatch)
    monkeypatch.setenv("METERWATCH_LANG", "zh-CN")
    monkeypatch.chdir(tmp_path)
    opening: list[Office] = []
    with ExitStack() as stack:

        def open_at(
            start: str,
            *,
            used: Mapping[str, float] = USED,
            days: int = _DAYS,
            routing: str = NO_DIGEST,
            settings: str = "",
            **files: str | bytes | None,
        ) -> Office:
            scene = opened(
                tmp_path, capsys, monkeypatch, start, files, used=used, days=days, routing=routing, settings=settings
            )
            opening.append(stack.enter_context(scene))
            return opening[-1]

        yield open_at
        if not request.node.stash.get(_failed, False):
            for one in opening:
                one.nothing_more()
