"""A pause takes running imports back to the queue and keeps others there; a stop, an undo and a commit go on."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import Servers
from tests.backout import Backout
from tests.stack import Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

LARGE = 200_000


@pytest.fixture(autouse=True)
def resumed(stack: Stack) -> Iterator[None]:
    yield
    for one in stack.get("/v1/pauses").json()["pauses"]:
        path = {"all": "/v1", "dataset": f"/v1/datasets/{one['name']}", "import": f"/v1/imports/{one['name']}"}
        stack.post(f"{path[one['scope']]}/resume")


def start(stack: Stack, rows: int = LARGE) -> str:
    answer = stack.post("/v1/imports", json={"dataset": "orders", "generate": rows})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def act(stack: Stack, path: str, status: int = 202) -> Any:
    answer = stack.post(path)
    assert answer.status_code == status, answer.text
    return answer.json()


def events(stack: Stack, id: str) -> list[str]:
    return [line["event"] for line in stack.find(id)["timeline"]]


def test_a_running_import_goes_back_to_the_queue(stack: Stack, servers: Servers) -> None:
    before = stack.count()
    id = start(stack)
    stack.wait_rows(id)
    held = act(stack, f"/v1/imports/{id}/pause")
    assert (held["state"], held["phase"], held["paused"]) == ("queued", "paused", True)
    assert stack.get(f"/status/{id}").json()["status"] in ("PENDING", "paused")
    other = start(stack, 10)
    assert stack.wait_state(other)["state"] == "committed", "others go on"
    found = stack.find(id)
    assert (found["state"], found["attempt"]["number"], found["rows_kept"]) == ("queued", 0, 0)
    wait_for(lambda: rows_of(servers, found["number"]) == 0, "what it had loaded is undone while it waits")
    act(stack, f"/v1/imports/{id}/pause")  # again changes nothing
    assert not act(stack, f"/v1/imports/{id}/resume")["paused"]
    done = stack.wait_state(id)
    assert (done["state"], done["attempt"]["number"], stack.count() - before) == ("committed", 1, LARGE + 10)
    names = events(stack, id)
    assert names.count("paused") == names.count("resumed") == 1, names
    late = stack.post(f"/v1/imports/{id}/pause")
    assert late.status_code == 409 and "too late" in late.json()["detail"]


def rows_of(servers: Servers, number: int) -> int:
    with servers[0].root() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        cursor.execute("SELECT COUNT(*) FROM orders WHERE import_no = %s", (number,))
        [count] = cursor.fetchone() or (0,)
        return int(count)


@pytest.mark.parametrize(("path", "scope"), [("/v1", "all"), ("/v1/datasets/orders", "dataset")])
def test_what_is_accepted_meanwhile_waits(stack: Stack, path: str, scope: str) -> None:
    running = start(stack)
    stack.wait_rows(running)
    [pause] = act(stack, f"{path}/pause", 200)["pauses"]
    assert (pause["scope"], pause["name"]) == (scope, "orders" if scope == "dataset" else "")
    later = start(stack, 10)
    for id in (running, later):
        wait_for(lambda id=id: stack.find(id)["paused"], "it is shown as paused")
    ready = stack.get("/readyz").json()
    assert ready["status"] == "degraded" and "paused at" in ready["parts"]["pauses"]
    assert "backout resume" in ready["parts"]["pauses"]
    refused = stack.get("/dpd_insert/5")
    assert refused.status_code == 409 and "paused" in refused.json()["detail"], "its client would wait for the answer"
    stopped = act(stack, f"/v1/imports/{running}/stop")
    assert stack.wait_state(running)["state"] == "stopped", stopped
    act(stack, f"/v1/imports/{later}/resume")
    assert stack.find(later)["paused"], "the wider pause holds it still"
    assert act(stack, f"{path}/resume", 200) == {"pauses": []}
    assert stack.wait_state(later)["state"] == "committed"
    assert "pauses" not in stack.get("/readyz").json()["parts"]


def test_a_pause_ends_with_what_it_holds(stack: Stack) -> None:
    id = start(stack)
    act(stack, f"/v1/imports/{id}/pause")
    act(stack, f"/v1/imports/{id}/stop")
    stack.wait_state(id)
    wait_for(lambda: not stack.get("/v1/pauses").json()["pauses"], "the sweeper forgot it")
    body = {"name": "shelf_two", "columns": [{"name": "word", "type": "text", "length": 5}]}
    assert stack.post("/v1/datasets", json=body).status_code == 201
    act(stack, "/v1/datasets/shelf_two/pause", 200)
    dropped = stack.http.delete(f"{stack.url}/v1/datasets/shelf_two?confirm=shelf_two", timeout=patience())
    assert dropped.status_code == 204 and not stack.get("/v1/pauses").json()["pauses"]
    for verb in ("pause", "resume"):
        assert act(stack, f"/v1/datasets/shelf_two/{verb}", 422)["errors"][0]["field"] == "dataset"
    assert stack.post("/v1/imports/00000000-0000-4000-8000-000000000000/pause").status_code == 404


def test_the_command_line(backout: Backout, stack: Stack) -> None:
    assert "all, at" in backout.run("pause", "--all")
    id = start(stack, 10)
    wait_for(lambda: stack.find(id)["paused"], "it waits")
    assert "queued, paused" in backout.run("status", id) and "  paused  " in backout.run("list", "--limit=1")
    assert f"{id}  paused" in backout.run("pause", id)
    assert "nothing" not in backout.run("resume", "--all"), "the import is still paused by its own pause"
    assert backout.ask("resume", id)["answers"][0]["paused"] is False
    backout.run("watch", id)
    assert "too late" in backout.try_("pause", id, code=4).stderr
    for wrong in ((), (id, "--all"), ("--all", "--dataset=orders")):
        assert "choose what" in backout.try_("pause", *wrong, code=2).stderr
