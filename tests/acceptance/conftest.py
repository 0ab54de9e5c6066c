"""The whole of it: a web server, a worker and a sweeper as processes, on real servers, asked over HTTP."""

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import amqp
import pytest

from app.cli.servers import PrivateRabbitMQ
from app.queue import HANDLING_QUEUE, QUEUE
from tests.backout import Backout, install
from tests.servers import BROKERS, DATABASES, DatabaseServer, add_vhost, empty, new_broker, new_database
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

PAIRS = list(zip(DATABASES, BROKERS, strict=True))
Servers = tuple[DatabaseServer, PrivateRabbitMQ]
_INSTALLED: set[tuple[int, str]] = set()  # by this process: migrations that find nothing to do take time too


@pytest.fixture(scope="session", params=PAIRS, ids="+".join)
def servers(
    request: pytest.FixtureRequest,
    start_database: Callable[[str], DatabaseServer],
    start_broker: Callable[[str], PrivateRabbitMQ],
) -> Servers:
    """Both databases and both brokers, in pairs. The stacks have an installation of their own there: they live on while
    other tests run, and would claim their imports."""
    database, broker = request.param
    return installed(start_database(database), "acceptance"), start_broker(broker)


def installed(server: DatabaseServer, database: str) -> DatabaseServer:
    """Another installation of ours on the same server."""
    another = replace(server, database=database)
    if (server.server.port, database) not in _INSTALLED:
        another.install()
        _INSTALLED.add((server.server.port, database))
    return another


@pytest.fixture(scope="session")
def start_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Servers], Stack]]:
    """Starts the stack of each pair of servers when it is first asked for."""
    running: dict[str, Stack] = {}

    def start(servers: Servers) -> Stack:
        database, broker = servers
        if database.name not in running:
            folder = tmp_path_factory.mktemp("stack")
            stack = Stack(folder, database.url, broker.url(), find_port(), batch_bytes=256 * 1024)
            running[database.name] = stack
            stack.start()
        return running[database.name]

    yield start
    for stack in running.values():
        stack.kill()


@pytest.fixture(scope="session")
def running_stack(servers: Servers, start_stack: Callable[[Servers], Stack]) -> Iterator[Stack]:
    """Comes and goes with each file; its stack stays. A sweeper that nobody needs is not to take the time of others."""
    stack = start_stack(servers)
    stack.send_signal("sweeper", signal.SIGCONT)
    yield stack
    stack.send_signal("sweeper", signal.SIGSTOP)


@pytest.fixture
def stack(running_stack: Stack, servers: Servers) -> Stack:
    """A running stack without imports. Tests that kill or slow processes take `new_stack` instead."""
    for row in running_stack.get("/v1/imports?state=queued,running&limit=200").json()["imports"]:
        running_stack.post(row["links"]["stop"])
    unfinished = "/v1/imports?state=queued,running,committing,stopping,failing"
    wait_for(lambda: not running_stack.get(unfinished).json()["imports"], "all imports ended")
    empty(servers[0])
    return running_stack


@pytest.fixture(scope="session")
def find_vhost() -> Callable[[PrivateRabbitMQ, int], str]:
    """An empty virtual host of this number. It is made once: `rabbitmqctl` takes as long as half a stack."""
    made: set[tuple[str, int]] = set()

    def find(broker: PrivateRabbitMQ, number: int) -> str:
        vhost = f"one-test-{number}"
        if (broker.node, number) not in made:
            add_vhost(broker, vhost)
            made.add((broker.node, number))
        forget_queues(broker, vhost)
        return vhost

    return find


@pytest.fixture
def new_stack(
    servers: Servers, find_vhost: Callable[[PrivateRabbitMQ, int], str], tmp_path: Path
) -> Iterator[Callable[..., Stack]]:
    """Makes a stack for one test, with settings of its own, in an empty installation and vhost."""
    made: list[Stack] = []
    broker = servers[1]
    database = installed(servers[0], "one_test")
    empty(database)

    def make(**settings: object) -> Stack:
        vhost = find_vhost(broker, len(made))
        folder = tmp_path / f"stack-{len(made)}"
        folder.mkdir()
        values: dict[str, object] = {"batch_bytes": 256 * 1024, **settings}
        made.append(Stack(folder, database.url, broker.url(vhost), find_port(), **values))
        return made[-1]

    yield make
    for stack in made:
        stack.kill()


@pytest.fixture(scope="session")
def start_fragile(servers_folder: Path) -> Iterator[Callable[[str, str], Servers]]:
    """Starts pairs of servers that tests kill and start again; the files of one run share them."""
    running: dict[str, Servers] = {}

    def start(database: str, broker: str) -> Servers:
        if database not in running:
            running[database] = (
                new_database(database, servers_folder / f"fragile-{database}"),
                new_broker(broker, servers_folder / f"fragile-{broker}"),
            )
        return running[database]

    yield start
    for database, broker in running.values():
        database.server.kill()
        broker.kill()


@pytest.fixture(params=PAIRS, ids="+".join)
def fragile(request: pytest.FixtureRequest, start_fragile: Callable[[str, str], Servers]) -> Servers:
    """Servers that a test may kill; both run, with an empty installation and without a queue."""
    database, broker = start_fragile(*request.param)
    for server in (database.server, broker):
        if not server.is_running:
            server.start()
    for server in (database.server, broker):
        server.wait_ready(patience(120))
    empty(database)
    forget_queues(broker)
    return database, broker


@pytest.fixture
def fragile_stack(fragile: Servers, tmp_path: Path) -> Iterator[Stack]:
    """A stack on servers that may be killed; the test starts it."""
    database, broker = fragile
    stack = Stack(tmp_path, database.url, broker.url(), find_port(), batch_bytes=128 * 1024)
    try:
        yield stack
    finally:
        stack.kill()


def forget_queues(broker: PrivateRabbitMQ, vhost: str = "/") -> None:
    """Delete the queues with what waits in them."""
    address = f"127.0.0.1:{broker.port}"
    with amqp.Connection(host=address, userid="backout", password=broker.password, virtual_host=vhost) as connection:
        for queue in (QUEUE, HANDLING_QUEUE):
            connection.channel().queue_delete(queue)


@pytest.fixture(scope="session")
def backout_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line, installed once a run: the processes of one run share a folder."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "installed"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            install(folder)
            (folder / "complete").touch()
    return folder / "venv" / "bin" / "backout"


@pytest.fixture
def backout(backout_program: Path, stack: Stack, tmp_path: Path) -> Backout:
    """The command line on the running stack."""
    return Backout(backout_program, stack.url, tmp_path)
