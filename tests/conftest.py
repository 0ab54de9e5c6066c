"""Real servers for the tests: private ones, started once a run, on loopback."""

import gc
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer, enumerate as enumerate_threads
from typing import Any

import pytest

from app.cli.servers import PrivateRabbitMQ
from app.lifecycle.services import Services, open_services
from tests.minutes import Minutes
from tests.servers import DATABASES, RUN_FOLDER, DatabaseServer, empty, make_settings, new_broker, new_database
from tests.waiting import patience

TEST_SECONDS = 300  # of a test without a limit of its own

SLOWEST = ("crash", "chaos", "outages", "browser", "acceptance", "integration")


def kind_of(path: str) -> str:
    """What a file needs, roughly: its folder below `tests`, or `outages` for servers that are killed and started."""
    folder = path.rpartition("tests/")[2].partition("/")[0]
    return "outages" if "/acceptance/outages/" in path else folder


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # what is collected stays: to look for garbage in it takes a tenth of the collection
    config.pluginmanager.register(Minutes(), "minutes")
    if RUN_FOLDER not in os.environ:
        os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="backout-run-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(RUN_FOLDER), ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long begin first, so that none of them runs alone at the end; else the order stays random."""
    places = {kind: place for place, kind in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(kind_of(item.path.as_posix()), len(SLOWEST)))


def pytest_collection_finish() -> None:
    """From here on there is garbage, though not in what was imported and collected."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each file is run by one process; one runs all that need servers to kill, and one all that need a browser and a
    stack for it, which are slow to start."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 — not without -n

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            kind = kind_of(nodeid)
            return kind if kind in ("outages", "browser") else super()._split_scope(nodeid)

    return Scheduling(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test may take longer on a slow machine. One that is marked `in_turn` runs on one of the databases, by its name;
    `make long` runs it on the other."""
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker(pytest.mark.property)
    given = item.get_closest_marker("timeout")
    item.add_marker(pytest.mark.timeout(patience(given.args[0] if given else TEST_SECONDS)), append=False)
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    server = next((params[name] for name in ("database", "servers", "fragile", "lasting") if name in params), None)
    if server is None or item.get_closest_marker("in_turn") is None:
        return
    database = server if isinstance(server, str) else server[0]
    name = item.nodeid.replace(server if isinstance(server, str) else "+".join(server), "")
    if zlib.crc32(name.encode()) % len(DATABASES) != DATABASES.index(database):
        item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="backout-tests-"))
    folder.chmod(0o755)  # the servers run under accounts of their own
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def start_database(servers_folder: Path) -> Iterator[Callable[[str], DatabaseServer]]:
    """Starts each server when it is first asked for."""
    running: dict[str, DatabaseServer] = {}

    def start(name: str) -> DatabaseServer:
        if name not in running:
            running[name] = new_database(name, servers_folder / name)
        return running[name]

    yield start
    for database in running.values():
        database.server.kill()


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, start_database: Callable[[str], DatabaseServer]) -> DatabaseServer:
    """Each database server in turn, emptied."""
    server = start_database(request.param)
    empty(server)
    return server


@pytest.fixture(scope="session")
def start_broker(servers_folder: Path) -> Iterator[Callable[[str], PrivateRabbitMQ]]:
    """Starts each broker when it is first asked for."""
    running: dict[str, PrivateRabbitMQ] = {}

    def start(name: str) -> PrivateRabbitMQ:
        if name not in running:
            running[name] = new_broker(name, servers_folder / name)
        return running[name]

    yield start
    for broker in running.values():
        broker.kill()


@pytest.fixture(autouse=True)
def _no_denial_is_written_later() -> Iterator[None]:
    """What a test was denied is written a second later: not into the tables of the next test."""
    yield
    while timers := [thread for thread in enumerate_threads() if isinstance(thread, Timer)]:
        for timer in timers:
            timer.cancel()
            timer.join()


@pytest.fixture
def services(database: DatabaseServer, tmp_path: Path) -> Iterator[Services]:
    """An installation without a broker: nothing loads here unless the test does it."""
    services = open_services(make_settings(database.url, tmp_path / "spool"))
    yield services
    services.database.dispose()
