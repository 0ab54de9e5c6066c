"""Restarts: of the database under load, of workers by every signal, and of one worker after the other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from app.cli.servers import PrivateMariaDB, PrivateMySQL
from tests.acceptance.conftest import PAIRS, Servers, forget_queues
from tests.acceptance.faults import HELD_ROWS, PATIENCE, Held, all_committed_once, count_logged, held_imports, insert
from tests.crash.breakpoints import Breakpoint
from tests.servers import empty
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

GOODBYES = 5  # what it asks of the broker at its end, one after the other


@pytest.mark.parametrize("how", ["killed", pytest.param("stopped", marks=pytest.mark.long)])
def test_the_database_restarts_while_imports_run_and_wait(
    fragile_stack: Stack, fragile: Servers, tmp_path: Path, how: str
) -> None:
    stack, database = fragile_stack, fragile[0].server
    # what comes after the two waits; they wait in mid-load for as long as this test takes to stop the database
    stack.settings |= {"small_import_slots": 0, "lock_wait_seconds": 8, "lease_seconds": 9}
    stack.start()
    with held_imports(stack, fragile[0], tmp_path) as held:
        restart_the_database(stack, database, {held.start(): HELD_ROWS for _ in range(2)}, how)


def restart_the_database(stack: Stack, database: PrivateMariaDB | PrivateMySQL, rows: dict[str, int], how: str) -> None:
    """While these two run and others wait."""
    rows |= {insert(stack, 500): 500 for _ in range(4)}
    worker = stack.pid("worker")
    database.kill() if how == "killed" else database.stop()
    answer = stack.post("/v1/imports", json={"generate": 10})
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"] == "application/problem+json"
    ready = stack.get("/readyz")
    assert ready.status_code == 503 and ready.json()["parts"]["database"] != "ok"
    assert stack.get("/livez").status_code == 200
    assert stack.send(b"a,b\n1,2\n").status_code in (422, 503)
    database.start()
    database.wait_ready(patience(120))
    begun = time.monotonic()
    found = all_committed_once(stack, rows)
    print(f"all were committed {time.monotonic() - begun:.1f} s after the database was back")  # noqa: T201
    assert [row["attempt"]["number"] for row in found] == [2, 2, 1, 1, 1, 1]
    assert stack.is_ready("worker") and stack.pid("worker") == worker
    assert len(stack.get("/v1/imports").json()["imports"]) == len(rows)
    wait_for(lambda: len(list(stack.spool.glob("[!.]*"))) == 2, "a spool without what was refused")


class Worker:
    """A worker of a stack, started with the grace that a test wants and held in mid-load where it wants."""

    def __init__(self, stack: Stack, held: Held, breakpoint: Breakpoint) -> None:
        self.stack, self.held, self.breakpoint = stack, held, breakpoint
        self.rows: dict[str, int] = {}
        self._told_at = 0.0

    def start(self, shutdown_grace_seconds: float) -> None:
        self.stack.settings["shutdown_grace_seconds"] = shutdown_grace_seconds
        self.stack.start("worker")

    def hold(self, imports: int) -> None:
        """Let it begin with so many imports, which wait in mid-load."""
        self.rows |= {self.held.start(): HELD_ROWS for _ in range(imports)}

    def signal(self, number: int = signal.SIGTERM) -> None:
        """To the main process alone."""
        self._told_at = time.monotonic()
        os.kill(self.stack.pid("worker"), number)

    def wait_logged(self, text: str) -> None:
        wait_for(lambda: count_logged(self.stack, "worker", text), text)

    def end(self) -> int:
        """Its exit code, which comes long before a held import would let it go."""
        code = self.stack.wait_end("worker", patience())
        print(f"ended {time.monotonic() - self._told_at:.1f} s after the signal")  # noqa: T201
        return code

    def states(self) -> list[tuple[str, int]]:
        found = [self.stack.find(id) for id in self.rows]
        return [(row["state"], row["attempt"]["number"]) for row in found]


@pytest.fixture(scope="module", params=PAIRS, ids="+".join)
def lasting(
    request: pytest.FixtureRequest,
    start_fragile: Callable[[str, str], Servers],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Stack, Servers]]:
    """A web server and a sweeper that outlive the workers."""
    servers = start_fragile(*request.param)
    empty(servers[0])
    folder = tmp_path_factory.mktemp("lasting")
    values = {**PATIENCE, "batch_bytes": 128 * 1024, "small_import_slots": 0, "test_breakpoints": folder}
    stack = Stack(folder, servers[0].url, servers[1].url(), find_port(), **values)
    stack.commands["worker"] = [sys.executable, "-m", "tests.crash.entry", "worker"]
    try:
        yield stack.start("web", "sweeper"), servers
    finally:
        stack.kill()


@pytest.fixture
def worker(lasting: tuple[Stack, Servers], tmp_path: Path) -> Iterator[Worker]:
    """No worker runs yet; whatever a test leaves unfinished must be completed by a later one."""
    stack, servers = lasting
    empty(servers[0])
    forget_queues(servers[1])
    breakpoint = Breakpoint(stack.folder)
    with held_imports(stack, servers[0], tmp_path) as held:
        worker = Worker(stack, held, breakpoint)
        yield worker
        breakpoint.release()
        held.release()
        if stack.is_running("worker"):
            stack.kill("worker")


@pytest.mark.in_turn
def test_a_worker_that_is_told_to_go_finishes_what_it_can(worker: Worker) -> None:
    worker.start(shutdown_grace_seconds=60)
    worker.hold(2)
    worker.signal()
    worker.wait_logged("Warm shutdown")
    worker.held.release()
    assert worker.end() == 0
    assert worker.states() == [("committed", 1)] * 2


@pytest.mark.in_turn
def test_a_worker_that_is_told_to_go_hands_back_what_it_cannot_finish(worker: Worker) -> None:
    stack = worker.stack
    worker.start(shutdown_grace_seconds=0.5)
    worker.hold(2)  # for much longer than the grace
    worker.rows |= {insert(stack, 100): 100 for _ in range(3)}
    worker.signal()
    assert worker.end() == 0
    assert worker.states() == [("queued", 0)] * 5
    assert stack.count() == 0
    worker.held.release()
    worker.start(shutdown_grace_seconds=0.5)
    found = all_committed_once(stack, worker.rows)
    assert [row["attempt"]["number"] for row in found] == [1] * 5
    worker.signal()
    assert worker.end() == 0  # an idle one


@pytest.mark.long
def test_a_worker_that_has_decided_ends_after_it_has_committed(worker: Worker) -> None:
    worker.start(shutdown_grace_seconds=0)
    worker.breakpoint.arm("decided")
    worker.rows[insert(worker.stack, 100)] = 100
    wait_for(lambda: worker.breakpoint.reached, "the decision")
    worker.signal()
    worker.wait_logged("Warm shutdown")
    with pytest.raises(subprocess.TimeoutExpired):
        worker.stack.wait_end("worker", 1.5)
    worker.breakpoint.release()
    assert worker.end() == 0
    assert worker.states() == [("committed", 1)]


@pytest.mark.long
@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([signal.SIGTERM, signal.SIGTERM], id="SIGTERM-twice"),
        pytest.param([signal.SIGINT], id="SIGINT"),
        pytest.param([signal.SIGINT, signal.SIGINT], id="SIGINT-twice"),
        pytest.param([signal.SIGQUIT], id="SIGQUIT"),
        pytest.param([signal.SIGTERM, signal.SIGQUIT], id="SIGTERM-SIGQUIT"),
    ],
)
def test_no_signal_loses_or_doubles_an_import(worker: Worker, numbers: list[int]) -> None:
    worker.start(shutdown_grace_seconds=1)
    worker.hold(2)
    worker.rows |= {insert(worker.stack, 100): 100 for _ in range(3)}
    for number in numbers:
        worker.signal(number)
    worker.end()
    assert worker.states() == [("queued", 0)] * 5
    worker.held.release()
    worker.start(shutdown_grace_seconds=1)
    found = all_committed_once(worker.stack, worker.rows)
    assert [row["attempt"]["number"] for row in found] == [1] * 5


@pytest.mark.long
def test_a_worker_ends_though_the_broker_is_silent(worker: Worker, lasting: tuple[Stack, Servers]) -> None:
    broker = lasting[1][1]
    worker.start(shutdown_grace_seconds=0.5)
    worker.hold(2)
    os.killpg(broker.pid, signal.SIGSTOP)
    try:
        worker.signal()
        worker.end()
        assert worker.states() == [("queued", 0)] * 2
    finally:
        os.killpg(broker.pid, signal.SIGCONT)
    worker.held.release()
    worker.start(shutdown_grace_seconds=0.5)
    all_committed_once(worker.stack, worker.rows)


@pytest.mark.long  # what one of them does that is told to go is tested above
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("restarts", "imports"), [(1, 12), (3, 30)])
def test_workers_are_restarted_one_after_the_other_under_load(worker: Worker, restarts: int, imports: int) -> None:
    stack, rows, restarted = worker.stack, worker.rows, Event()
    names = ("worker", "worker-2")
    stack.settings["shutdown_grace_seconds"] = 0.2
    stack.start(*names)

    def send_imports() -> None:
        """There are always some waiting and some running."""
        while len(rows) < imports or not restarted.is_set():
            rows[insert(stack, 2000)] = 2000
            wait_for(lambda: len(unfinished(stack)) < 6)

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_imports)
        try:
            for name in names * restarts:
                wait_for(lambda: unfinished(stack, "running") or sending.done(), "an import that runs")
                assert stack.end(name) == 0
                stack.start(name)
        finally:
            restarted.set()
        sending.result()
    found = all_committed_once(stack, rows)
    assert {row["attempt"]["number"] for row in found} == {1}
    stack.kill("worker-2")


def unfinished(stack: Stack, states: str = "queued,running") -> list[object]:
    return list(stack.get(f"/v1/imports?state={states}").json()["imports"])
