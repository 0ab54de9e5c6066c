"""Waits. A wait guards against hanging, not against slowness: its limit grows with the slowness of this machine, which
the first process of a run measures once."""

import os
import tempfile
from collections.abc import Callable
from statistics import median
from time import monotonic, sleep
from typing import Any

HANG_SECONDS = 60.0  # whatever takes longer on an idle machine of ordinary speed hangs
MAX_SLOWNESS = 10.0
VARIABLE = "TESTS_SLOWNESS"  # set by the first process of a run for all that it starts
WORK_SECONDS = 0.06  # what `_work` takes on an idle core of 2023
WRITE_SECONDS = 0.02  # what `_write` takes on an ordinary disk


def _work() -> None:
    """Pure Python, as most of what the tests start is."""
    counts: dict[str, int] = {}
    for number in range(150_000):
        key = str(number % 1009)
        counts[key] = counts.get(key, 0) + number


def _write() -> None:
    """As a database commits."""
    with tempfile.TemporaryFile() as file:
        for _ in range(4):
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())


def _took(act: Callable[[], None]) -> float:
    began = monotonic()
    act()
    return monotonic() - began


def measure_slowness() -> float:
    """How many times longer than on an idle machine things take now, from 1 to `MAX_SLOWNESS`: by a bit of work, a bit
    of writing, or the processes that wait for a core."""
    work = median(_took(_work) for _ in range(5)) / WORK_SECONDS
    write = median(_took(_write) for _ in range(3)) / WRITE_SECONDS
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(max(1.0, work, write, waiting), MAX_SLOWNESS)


SLOWNESS = float(os.environ.get(VARIABLE) or measure_slowness())
os.environ[VARIABLE] = str(SLOWNESS)


def patience(seconds: float = HANG_SECONDS) -> float:
    """How many seconds to wait at most for what takes so many at most on an idle machine; never less than a minute."""
    return max(seconds, HANG_SECONDS) * SLOWNESS


def stretched(seconds: float) -> float:
    """So many seconds of an idle machine, on this one: for leases and limits that the tested programs keep to."""
    return seconds * SLOWNESS


def wait_for(
    condition: Callable[[], Any], what: str = "the condition", *, seconds: float | None = None, every: float = 0.05
) -> Any:
    """The condition's first truthy value. Raises AssertionError if none comes within `seconds` (by default
    `patience()`).

    It asks less often the longer it takes, a fifth of a second at most: asking takes the time of what it waits for.
    """
    limit = patience() if seconds is None else seconds
    began = monotonic()
    while not (value := condition()):
        waited = monotonic() - began
        if waited > limit:
            raise AssertionError(f"{what} did not come true within {limit:g} s")
        sleep(max(every, min(0.2, waited / 10)))
    return value
