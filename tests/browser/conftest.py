"""A real browser on a real stack: web server, worker and sweeper on MariaDB and RabbitMQ."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.servers import PrivateRabbitMQ
from tests.browser.person import Person
from tests.servers import DatabaseServer, add_vhost, empty
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

sync_api = pytest.importorskip("playwright.sync_api", reason="SKIPPED: playwright is not installed")

# the first one draws the same without windows of its own, for half of the work
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
# a container's root has no sandbox, and nothing of the browser's own may go outside
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
UNFINISHED = "queued,running,committing,stopping,failing,checking"


@pytest.fixture(scope="session")
def browser() -> Iterator["sync_api.Browser"]:
    if CHROMIUM is None:
        pytest.skip("SKIPPED: no Chromium to test the page with (Debian's package is called chromium)")
    sync_api.expect.set_options(timeout=patience() * 1000)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def installation(start_database: Callable[[str], DatabaseServer]) -> DatabaseServer:
    """The page is the same on both servers; MariaDB comes with Debian."""
    database = replace(start_database("mariadb"), database="browser")
    database.install()
    return database


@pytest.fixture(scope="session")
def broker(start_broker: Callable[[str], PrivateRabbitMQ]) -> PrivateRabbitMQ:
    return start_broker("rabbitmq-3")


@pytest.fixture(scope="session")
def running_stack(
    installation: DatabaseServer, broker: PrivateRabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    add_vhost(broker, "browser")
    folder = tmp_path_factory.mktemp("browser")
    # small batches, so that there is progress to be seen
    stack = Stack(folder, installation.url, broker.url("browser"), find_port(), batch_bytes=128 * 1024)
    try:
        yield stack.start()
    finally:
        stack.kill()


@pytest.fixture
def stack(running_stack: Stack, installation: DatabaseServer) -> Stack:
    """The running stack, without imports and rows."""
    for name in ("web", "worker", "sweeper"):
        if not running_stack.is_running(name):
            running_stack.start(name)
    for row in running_stack.get("/v1/imports?state=queued,running&limit=200").json()["imports"]:
        running_stack.post(row["links"]["stop"])
    wait_for(lambda: not running_stack.get(f"/v1/imports?state={UNFINISHED}").json()["imports"], "all ended")
    empty(installation)
    return running_stack


@pytest.fixture
def person(browser: "sync_api.Browser", stack: Stack, tmp_path: Path) -> Iterator[Person]:
    """Somebody with a browser window; at the end nothing of it went outside, and nothing was written to the console
    that speaks of a mistake of ours."""
    person = Person(browser, stack, tmp_path)
    yield person
    person.leave()
