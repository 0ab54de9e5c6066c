"""Faults of the broker while imports run and wait: nothing is lost or doubled, and the worker comes back by itself."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.cli.servers import PrivateRabbitMQ
from tests.acceptance.conftest import PAIRS, Servers, forget_queues
from tests.acceptance.faults import (
    HELD_ROWS,
    PATIENCE,
    RECONNECTED,
    Held,
    all_committed_once,
    count_logged,
    held_imports,
    insert,
)
from tests.servers import empty
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

PUBLISH_SECONDS = 0.5
MAX_IMPORTS = 60


@pytest.fixture(scope="module", params=PAIRS, ids="+".join)
def lasting(
    request: pytest.FixtureRequest,
    start_fragile: Callable[[str, str], Servers],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Stack, Servers]]:
    """A stack that outlives every fault of this file."""
    servers = start_fragile(*request.param)
    empty(servers[0])
    forget_queues(servers[1])
    folder = tmp_path_factory.mktemp("lasting")
    values = {**PATIENCE, "publish_timeout_seconds": PUBLISH_SECONDS, "batch_bytes": 128 * 1024}
    stack = Stack(folder, servers[0].url, servers[1].url(), find_port(), **values)
    try:
        yield stack.start(), servers
    finally:
        stack.kill()


@pytest.fixture
def stack(lasting: tuple[Stack, Servers]) -> Iterator[Stack]:
    """It, emptied; afterwards it is the same worker, which works."""
    stack, servers = lasting
    empty(servers[0])
    worker = stack.pid("worker")
    yield stack
    assert stack.pid("worker") == worker and stack.is_ready("worker")


@pytest.fixture
def broker(lasting: tuple[Stack, Servers]) -> PrivateRabbitMQ:
    return lasting[1][1]


class Rows(dict[str, int]):
    """Imports of a test (id → rows); the first two of them are held until `release`."""

    def __init__(self, held: Held) -> None:
        super().__init__({held.start(): HELD_ROWS for _ in range(2)})
        self.release = held.release


@contextmanager
def two_running(stack: Stack, servers: Servers, folder: Path) -> Iterator[Rows]:
    """While two imports wait in mid-load, a test adds others; at the end all complete, each at its first attempt."""
    with held_imports(stack, servers[0], folder) as held:
        rows = Rows(held)
        yield rows
        held.release()
        found = all_committed_once(stack, rows)
    assert [row["attempt"]["number"] for row in found] == [1] * len(rows)


def insert_quickly(stack: Stack, rows: Rows, imports: int) -> None:
    """Submit imports, each answered in time whatever the broker does."""
    for _ in range(imports):
        begun = time.perf_counter()
        rows[insert(stack, 100)] = 100
        assert time.perf_counter() - begun < patience()  # without the bound it would be for ever


@pytest.mark.parametrize("how", ["killed", pytest.param("stopped", marks=pytest.mark.long)])
def test_the_broker_restarts_while_imports_run_and_wait(
    stack: Stack, lasting: tuple[Stack, Servers], broker: PrivateRabbitMQ, tmp_path: Path, how: str
) -> None:
    connected = count_logged(stack, "worker", RECONNECTED)
    with two_running(stack, lasting[1], tmp_path) as rows:
        insert_quickly(stack, rows, 3)
        broker.kill() if how == "killed" else broker.stop()
        insert_quickly(stack, rows, 2)
        stopped = insert(stack, 100)
        # no worker is needed for that; one that has just loaded another may have claimed it without a hint
        assert stack.get(f"/stop/{stopped}").json()["state"] in ("stopped", "stopping")
        broker.start()
        broker.wait_ready(patience(120))
        wait_for(lambda: count_logged(stack, "worker", RECONNECTED) > connected, "the worker is back")
        assert {stack.find(id)["state"] for id in list(rows)[:2]} == {"running"}
    wait_for(lambda: stack.find(stopped)["state"] == "stopped", "the stopped import is stopped")


@pytest.mark.in_turn
def test_every_connection_is_closed_again_and_again(
    stack: Stack, lasting: tuple[Stack, Servers], broker: PrivateRabbitMQ, tmp_path: Path
) -> None:
    connected = count_logged(stack, "worker", RECONNECTED)
    with ThreadPoolExecutor(1) as pool, two_running(stack, lasting[1], tmp_path) as rows:
        for release in (lambda: None, rows.release):  # while two wait in mid-load, then while all are loaded
            release()
            closing = pool.submit(close_connections, broker, 2)
            for _ in range(MAX_IMPORTS):  # a slow `rabbitmqctl` must not mean more than a worker can load in time
                if closing.done():
                    break
                insert_quickly(stack, rows, 1)
            closing.result()
    assert count_logged(stack, "worker", RECONNECTED) > connected


@pytest.mark.in_turn
def test_the_disk_of_the_broker_is_full(
    stack: Stack, lasting: tuple[Stack, Servers], broker: PrivateRabbitMQ, tmp_path: Path
) -> None:
    connected = count_logged(stack, "worker", RECONNECTED)
    with two_running(stack, lasting[1], tmp_path) as rows:
        insert_quickly(stack, rows, 2)
        broker.control("set_disk_free_limit", str(10**15))
        try:
            insert_quickly(stack, rows, 2)
            close_connections(broker, 1)
            wait_for(lambda: count_logged(stack, "worker", RECONNECTED) > connected, "the worker is back")
            rows.release()
            wait_for(lambda: stack.count() >= 2 * HELD_ROWS, "what ran before has ended")
            insert_quickly(stack, rows, 2)
        finally:
            broker.control("set_disk_free_limit", "50MB")


def close_connections(broker: PrivateRabbitMQ, times: int) -> None:
    for _ in range(times):
        broker.control("close_all_connections", "by a test")
