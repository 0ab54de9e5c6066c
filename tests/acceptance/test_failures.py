"""Failures that users meet: what was accepted is never lost, what was refused left nothing, and all mends itself."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from app.cli.servers import PrivateRabbitMQ
from tests.acceptance.conftest import PAIRS, Stack, find_port, wait_for
from tests.conftest import DatabaseServer, empty, new_broker, new_database

ROWS = 80_000
PUBLISH_SECONDS = 0.5
SLACK_SECONDS = 1.5  # a busy machine


@pytest.fixture(scope="module", params=PAIRS, ids="+".join)
def fragile(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[tuple[DatabaseServer, PrivateRabbitMQ]]:
    """Servers of this file's own, which its tests kill and start again."""
    database = new_database(request.param[0], servers_folder / f"fragile-{request.param[0]}")
    broker = new_broker(request.param[1], servers_folder / f"fragile-{request.param[1]}")
    yield database, broker
    database.server.kill()
    broker.kill()


@pytest.fixture
def stack(fragile: tuple[DatabaseServer, PrivateRabbitMQ], tmp_path: Path) -> Iterator[Stack]:
    """A stack on them, in an empty installation and a vhost of its own."""
    database, broker = fragile
    for server in (database.server, broker):
        if not server.is_running:
            server.start()
        server.wait_ready()
    empty(database)
    broker.control("add_vhost", tmp_path.name)
    broker.control("set_permissions", "-p", tmp_path.name, "backout", ".*", ".*", ".*")
    stack = Stack(tmp_path, database.url, broker.url(tmp_path.name), find_port(), batch_bytes=128 * 1024)
    try:
        yield stack.start()
    finally:
        stack.kill()


def insert(stack: Stack, rows: int) -> str:
    answer = stack.get(f"/insert/{rows}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["task_id"])


def committed_once(stack: Stack, id: str, rows: int) -> dict[str, Any]:
    found = stack.wait_state(id, seconds=90)
    assert (found["state"], found["rows_done"], found["error"]) == ("committed", rows, None)
    assert stack.count() == rows
    return found


@pytest.fixture
def unhelpful_broker(
    request: pytest.FixtureRequest, fragile: tuple[DatabaseServer, PrivateRabbitMQ]
) -> Callable[[], Callable[[], None]]:
    """Makes the broker down, frozen or blocking; what it returns mends it."""
    broker = fragile[1]

    def spoil() -> Callable[[], None]:
        if request.param == "down":
            broker.kill()
            return lambda: (broker.start(), broker.wait_ready())[-1]
        if request.param == "frozen":
            os.killpg(broker.pid, signal.SIGSTOP)
            return lambda: os.killpg(broker.pid, signal.SIGCONT)
        broker.control("set_vm_memory_high_watermark", "absolute", "1000000")
        return lambda: broker.control("set_vm_memory_high_watermark", "0.4") and None

    return spoil


@pytest.mark.parametrize("unhelpful_broker", ["down", "frozen", "blocking"], indirect=True)
def test_an_import_is_accepted_without_the_broker_and_runs_when_it_is_back(
    stack: Stack, unhelpful_broker: Callable[[], Callable[[], None]]
) -> None:
    insert_warm = insert(stack, 10)
    stack.wait_state(insert_warm)
    mend = unhelpful_broker()
    try:
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            id = insert(stack, 1000)
            took.append(time.perf_counter() - begun)
        assert max(took) < PUBLISH_SECONDS + SLACK_SECONDS
        stopped = insert(stack, 1000)
        assert stack.get(f"/stop/{stopped}").json()["state"] == "stopped"  # no worker is needed for that
    finally:
        mend()
    assert stack.wait_state(id, seconds=90)["state"] == "committed"
    wait_for(lambda: stack.count() == 3 * 1000 + 10, 60, "all imports")
    assert stack.find(stopped)["state"] == "stopped"


def test_the_database_dies_in_mid_load(stack: Stack, fragile: tuple[DatabaseServer, PrivateRabbitMQ]) -> None:
    database = fragile[0].server
    id = insert(stack, ROWS)
    stack.wait_rows(id)
    database.kill()
    answer = stack.post("/v1/imports", json={"generate": 10})
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"] == "application/problem+json"
    ready = stack.get("/readyz")
    assert ready.status_code == 503 and ready.json()["parts"]["database"] != "ok"
    assert stack.get("/livez").status_code == 200
    upload = stack.send(b"a,b\n1,2\n")
    assert upload.status_code in (422, 503)
    database.start()
    database.wait_ready()
    committed_once(stack, id, ROWS)
    assert len(stack.get("/v1/imports").json()["imports"]) == 1
    wait_for(lambda: not list(stack.spool.glob("*")), 5, "an empty spool")


@pytest.mark.parametrize("whole", [True, False], ids=["whole-worker", "one-child"])
def test_a_worker_killed_in_mid_load_is_made_up_for(stack: Stack, whole: bool) -> None:
    id = insert(stack, ROWS)
    found = stack.wait_rows(id)
    if whole:
        stack.kill("worker")
        stack.start("worker")
    else:
        (worker,) = {event["detail"]["worker"] for event in stack.find(id)["timeline"] if event["event"] == "running"}
        os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    found = committed_once(stack, id, ROWS)
    assert found["attempt"]["number"] == 2
    kinds = [event["event"] for event in found["timeline"]]
    assert kinds == ["queued", "running", "queued", "running", "committing", "committed"]


def test_a_worker_that_is_told_to_stop_hands_its_import_back(stack: Stack) -> None:
    stack.kill("worker")
    stack.settings["drain_seconds"] = 0.5
    stack.start("worker")
    id = insert(stack, 2_000_000)
    stack.wait_rows(id)
    begun = time.perf_counter()
    assert stack.end("worker") == 0
    assert time.perf_counter() - begun < 10
    found = stack.find(id)
    assert (found["state"], found["attempt"]["number"]) == ("queued", 0)
    assert stack.count() == 0
    stack.start("worker")
    stack.wait_state(id, "running", seconds=30)
    assert stack.get(f"/stop/{id}").status_code == 200
    assert stack.wait_state(id)["state"] == "stopped"


def test_a_stack_that_goes_down_in_mid_import_completes_it_afterwards(
    stack: Stack, fragile: tuple[DatabaseServer, PrivateRabbitMQ]
) -> None:
    id = insert(stack, ROWS)
    stack.wait_rows(id)
    for name in ("sweeper", "worker", "web"):
        stack.end(name)
    for server in fragile:
        ended = server.server if isinstance(server, DatabaseServer) else server
        ended.stop()
        ended.start()
        ended.wait_ready()
    stack.start()
    committed_once(stack, id, ROWS)


def test_the_same_orders_twice_at_once_end_as_one_import_and_one_that_names_it(stack: Stack, tmp_path: Path) -> None:
    from app.formats.generated import write_csv_sample  # noqa: PLC0415

    path = tmp_path / "same.csv"
    write_csv_sample(path, 20_000, "same")
    ids = [stack.send(path.read_bytes()).json()["id"] for _ in range(2)]
    found = {id: stack.wait_state(id) for id in ids}
    assert sorted(row["state"] for row in found.values()) == ["committed", "failed"]
    (winner,) = [id for id, row in found.items() if row["state"] == "committed"]
    (error,) = [row["error"] for row in found.values() if row["error"]]
    assert error["code"] in ("duplicate_key", "key_in_use")
    assert error["other_import"] == winner and winner in error["message"]
    assert error["value"].startswith("SAME-") and error["value"] in error["message"]
    assert error["line"] >= 2
    assert stack.count() == 20_000


def test_a_full_spool_is_said_and_leaves_no_file(stack: Stack, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("SKIPPED: only root may mount the small disk that this test fills")
    try:
        stack.kill("web")
        stack.settings["spool_dir"] = small
        stack.start("web")
        answer = stack.send(b"x" * 3_000_000)
        assert answer.status_code == 507
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "full" in answer.json()["detail"]
        assert not list(small.iterdir())
        assert not stack.get("/v1/imports").json()["imports"]
    finally:
        stack.kill("web")
        subprocess.run(["umount", str(small)], check=True)


def test_a_synchronous_import_whose_web_server_dies_is_rolled_back_and_not_tried_again(stack: Stack) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(requests.get, f"{stack.url}/dpd_insert/2000000", timeout=60)
        row = wait_for(lambda: stack.get("/v1/imports?state=running").json()["imports"], 30, "the import")[0]
        stack.wait_rows(row["id"])
        stack.kill("web")
        with pytest.raises(requests.ConnectionError):
            waiting.result(30)
    stack.start("web")
    found = stack.wait_state(row["id"])
    assert (found["state"], found["error"]["code"], found["attempt"]["number"]) == ("failed", "gave_up", 1)
    assert stack.count() == 0
