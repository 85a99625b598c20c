"""Waiting for what another process or thread does: as long as it takes, for a busy machine takes many times as long."""

import time
from collections.abc import Callable

HUNG_SECONDS = 1800.0
"""After so long something hangs, on any machine; nothing is measured by it."""


def wait_until(there: Callable[[], object], what: Callable[[], str]) -> None:
    """Return once `there` is true. Where something hangs, AssertionError with `what` it was."""
    end = time.monotonic() + HUNG_SECONDS
    while not there():
        assert time.monotonic() < end, what()
        time.sleep(0.1)
