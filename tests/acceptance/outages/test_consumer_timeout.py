"""Longer than RabbitMQ's consumer timeout, which cuts off who keeps a message without acknowledging it."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests.acceptance.conftest import Servers
from tests.acceptance.faults import (
    HELD_ROWS,
    RECONNECTED,
    all_committed_once,
    consumer_timeout,
    count_logged,
    held_imports,
    insert,
)
from tests.stack import Stack
from tests.waiting import patience, wait_for

# RabbitMQ 3 looks once a minute unless told otherwise, RabbitMQ 4 acts on time
TIMES = [
    pytest.param((2, 0.5), id="2-s"),
    pytest.param((20, 60), id="20-s", marks=[pytest.mark.long, pytest.mark.timeout(400)]),
]


@pytest.fixture(params=TIMES)
def noticed_seconds(request: pytest.FixtureRequest, fragile: Servers) -> Iterator[float]:
    """Sets the timeout; after so long the broker has certainly noticed."""
    timeout, tick = request.param
    with consumer_timeout(fragile[1], timeout, tick):
        yield timeout + tick + 1


@pytest.mark.in_turn
def test_imports_that_run_longer_than_the_consumer_timeout_complete_once(
    fragile_stack: Stack, fragile: Servers, noticed_seconds: float, tmp_path: Path
) -> None:
    stack = fragile_stack
    stack.settings |= {
        "lock_wait_seconds": 300,
        "lease_seconds": 301,
        "small_import_slots": 0,
    }  # every slot is to be busy
    stack.start("web", "worker")  # no sweeper: a second hint at what has begun would wait in the busy worker
    worker = stack.pid("worker")
    with held_imports(stack, fragile[0], tmp_path) as held:
        rows = {held.start(): HELD_ROWS for _ in range(2)}
        until = monotonic() + noticed_seconds
        wait_for(lambda: monotonic() > until, seconds=noticed_seconds + 1)
        # what runs is acknowledged, so nobody is cut off
        assert count_logged(stack, "worker", RECONNECTED) == 1
        # what waits in a busy worker is not
        rows |= {insert(stack, 100): 100 for _ in range(3)}
        wait_for(
            lambda: count_logged(stack, "worker", RECONNECTED) == 2,
            "the worker is cut off",
            seconds=patience(noticed_seconds + 10),
        )
        held.release()
        found = all_committed_once(stack, rows)
    assert [row["attempt"]["number"] for row in found] == [1] * 5
    assert stack.is_ready("worker") and stack.pid("worker") == worker
