"""The same import once more, as a new one that names the old one."""

from pathlib import Path

import pytest

from tests.acceptance.routes.bodies import GOOD, check_problem, file_of, line
from tests.stack import Stack

pytestmark = pytest.mark.in_turn

BAD_LINE = line(quantity="two", order_number="N-2")


def test_a_failed_import_is_tried_again_as_it_was(stack: Stack) -> None:
    params = {"file_name": "night.csv", "on_error": "reject", "max_rejects": "0", "encoding": "utf-8"}
    old = stack.send(file_of(line(), BAD_LINE), params=params).json()
    assert stack.wait_state(old["id"])["state"] == "failed"
    answer = stack.post(f"/v1/imports/{old['id']}/retry")
    assert answer.status_code == 202
    new = answer.json()
    assert answer.headers["Location"] == f"/v1/imports/{new['id']}"
    assert new["retry_of"] == old["id"] != new["id"]
    for name in ("dataset", "source", "on_error", "max_rejects", "on_conflict", "bytes_total"):
        assert new[name] == old[name]
    ended = stack.wait_state(new["id"])
    assert (ended["state"], ended["error"]) == ("failed", stack.find(old["id"])["error"])
    assert stack.find(old["id"])["timeline"][-1]["detail"] == {"import": new["id"]}
    # each has a name of its own for the file, which is there once
    first, second = Path(stack.spool / old["id"]), Path(stack.spool / new["id"])
    assert first.stat().st_ino == second.stat().st_ino
    first.unlink()
    third = stack.post(f"/v1/imports/{new['id']}/retry").json()
    assert stack.wait_state(third["id"])["rows_rejected"] == 1
    document = check_problem(stack.post(f"/v1/imports/{old['id']}/retry"), 409, "file-forgotten")
    assert "send it again" in document["detail"]


def test_a_dry_run_is_imported_by_trying_again(stack: Stack) -> None:
    old = stack.send(file_of(line()), params={"dry_run": "true"}).json()
    assert stack.wait_state(old["id"])["state"] == "checked"
    new = stack.post(f"/v1/imports/{old['id']}/retry").json()
    assert not new["dry_run"]
    assert stack.wait_state(new["id"])["rows_kept"] == 1
    assert stack.get("/get_data").json()["data"][0]["order_number"] == GOOD["order_number"]


def test_generated_rows_are_the_same_ones(stack: Stack) -> None:
    old = stack.post("/v1/imports", json={"generate": 3_000_000}).json()
    stack.wait_state(old["id"], "running")
    document = check_problem(stack.post(f"/v1/imports/{old['id']}/retry"), 409, "nothing-to-retry")
    assert "not over" in document["detail"]
    stack.post(f"/v1/imports/{old['id']}/stop")
    stack.wait_state(old["id"], "stopped")
    new = stack.post(f"/v1/imports/{old['id']}/retry").json()
    assert (new["source"], new["rows_total"]) == (old["source"], 3_000_000)
    stack.post(f"/v1/imports/{new['id']}/stop")
    stack.wait_state(new["id"], "stopped")


def test_what_has_committed_is_not_imported_twice(stack: Stack) -> None:
    old = stack.post("/v1/imports", json={"generate": 5}).json()
    stack.wait_state(old["id"], "committed")
    check_problem(stack.post(f"/v1/imports/{old['id']}/retry"), 409, "nothing-to-retry")
    check_problem(stack.post("/v1/imports/nope/retry"), 404, "import-not-found")
    assert len(stack.get("/v1/imports").json()["imports"]) == 1
