"""Failures that users meet: what was accepted is never lost, what was refused left nothing, and all mends itself."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.acceptance.conftest import Servers
from tests.acceptance.faults import committed_once, insert
from tests.stack import Stack
from tests.waiting import patience, wait_for

ROWS = 40_000
PUBLISH_SECONDS = 0.5


@pytest.fixture
def stack(fragile_stack: Stack) -> Stack:
    # so that a load lasts long enough to be met in its midst, and isn't finished before its worker goes
    fragile_stack.settings |= {"batch_bytes": 32 * 1024, "shutdown_grace_seconds": 0.2}
    return fragile_stack.start()


def test_an_import_is_accepted_while_the_broker_is_frozen_and_runs_when_it_is_back(
    stack: Stack, fragile: Servers
) -> None:
    stack.wait_state(insert(stack, 10))  # every process has a connection to it
    os.killpg(fragile[1].pid, signal.SIGSTOP)
    try:
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            id = insert(stack, 1000)
            took.append(time.perf_counter() - begun)
        assert max(took) < patience()  # without the bound it would be for ever
        stopped = insert(stack, 1000)
        assert stack.get(f"/stop/{stopped}").json()["state"] == "stopped"  # no worker is needed for that
    finally:
        os.killpg(fragile[1].pid, signal.SIGCONT)
    assert stack.wait_state(id)["state"] == "committed"
    wait_for(lambda: stack.count() == 3 * 1000 + 10, "all imports")
    assert stack.find(stopped)["state"] == "stopped"


@pytest.mark.in_turn
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


@pytest.mark.in_turn
def test_a_stack_that_goes_down_in_mid_import_completes_it_afterwards(stack: Stack, fragile: Servers) -> None:
    id = insert(stack, ROWS)
    stack.wait_rows(id)
    for name in ("sweeper", "worker", "web"):
        stack.end(name)
    servers = (fragile[0].server, fragile[1])
    for server in servers:
        server.stop()
        server.start()
    for server in servers:
        server.wait_ready(patience(120))
    stack.start()
    committed_once(stack, id, ROWS)


def test_the_same_orders_twice_at_once_end_as_one_import_and_one_that_names_it(stack: Stack, tmp_path: Path) -> None:
    from app.formats.generate.orders import write_csv_sample  # noqa: PLC0415

    path = tmp_path / "same.csv"
    write_csv_sample(path, 5000, "same")
    keys = [{"Idempotency-Key": f"{stack.url}-{name}"} for name in ("one", "other")]  # both are meant
    ids = [stack.send(path.read_bytes(), headers=key).json()["id"] for key in keys]
    found = {id: stack.wait_state(id) for id in ids}
    assert sorted(row["state"] for row in found.values()) == ["committed", "failed"]
    (winner,) = [id for id, row in found.items() if row["state"] == "committed"]
    (error,) = [row["error"] for row in found.values() if row["error"]]
    assert error["code"] in ("duplicate_key", "key_in_use")
    assert error["other_import"] == winner and winner in error["message"]
    assert error["value"].startswith("SAME-") and error["value"] in error["message"]
    assert error["line"] >= 2
    assert stack.count() == 5000


@pytest.mark.in_turn
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


@pytest.mark.in_turn
def test_a_synchronous_import_whose_web_server_dies_is_rolled_back_and_not_tried_again(stack: Stack) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(requests.get, f"{stack.url}/dpd_insert/2000000", timeout=patience())
        row = wait_for(lambda: stack.get("/v1/imports?state=running").json()["imports"], "the import")[0]
        stack.wait_rows(row["id"])
        stack.kill("web")
        with pytest.raises(requests.ConnectionError):
            waiting.result(patience())
    stack.start("web")
    found = stack.wait_state(row["id"])
    assert (found["state"], found["error"]["code"], found["attempt"]["number"]) == ("failed", "gave_up", 1)
    assert stack.count() == 0
