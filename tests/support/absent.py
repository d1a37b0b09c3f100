import os
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    if os.environ.get("METERWATCH_NO_SKIP") == "1":
        pytest.fail(f"{what}; skipping is forbidden here")
    pytest.skip(what)
