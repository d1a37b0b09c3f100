import pytest

from tests.support.settings import no_environment


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    no_environment(monkeypatch)
