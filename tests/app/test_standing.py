"""When a process counts as standing still."""

import pytest

from meterwatch.app.service import ALIVE_S, standing


@pytest.mark.parametrize(
    ("notify", "engine", "found"),
    [
        (ALIVE_S, ALIVE_S, {}),
        (ALIVE_S + 1, 0.0, {"notify": ALIVE_S + 1}),
        (0.0, ALIVE_S + 2, {"engine": ALIVE_S + 2}),
        (ALIVE_S + 1, ALIVE_S + 2, {"notify": ALIVE_S + 1, "engine": ALIVE_S + 2}),
    ],
)
def test_each_role_is_looked_at_by_itself(notify: float, engine: float, found: dict[str, float]) -> None:
    now = 10_000.0
    assert standing({"notify": now - notify, "engine": now - engine}, now) == found
