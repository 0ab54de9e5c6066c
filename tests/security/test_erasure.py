"""Erasures by the command line, on a running server: counts, questions, exit codes, and an audit without the value."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.security.test_tokens import as_client, make_token, new_web, run_backout  # noqa: F401 — a fixture
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn


def test_the_command_line_counts_asks_and_erases(new_web: Callable[..., Stack]) -> None:  # noqa: F811
    stack = new_web(tokens=1)
    root, operator = make_token(stack), make_token(stack, "op", "operator")
    assert stack.post("/dpd_insert/5", headers=as_client(root)).status_code == 200
    rows = stack.get("/v1/datasets/orders/rows", headers=as_client(root)).json()["rows"]
    email = rows[0]["email"]
    where = ("admin", "erase", "--where", f"email={email}")
    refused = run_backout(stack, operator, *where, "--yes")
    assert refused.returncode == 4 and "scope admin" in refused.stderr and email not in refused.stderr
    assert run_backout(stack, root, *where).returncode == 2  # no terminal to ask at
    for wrong in (("email",), ("email=x", "--where", "email=y"), ("surname=x",), ("quantity=many",)):
        done = run_backout(stack, root, "admin", "erase", "--yes", "--where", *wrong)
        assert done.returncode == 2 and "many" not in done.stderr, (wrong, done.stderr)
    counted = run_backout(stack, root, *where, "--dry-run")
    assert counted.returncode == 0 and "TO ERASE" in counted.stdout and "rows                   1" in counted.stdout
    waiting = stack.post("/insert/5", headers=as_client(root)).json()["task_id"]
    done = run_backout(stack, root, *where, "--yes", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and not found["complete"] and found["counts"]["rows"] == 1
    assert [one["import"] for one in found["left"]] == [waiting]
    assert stack.post(f"/v1/imports/{waiting}/stop", headers=as_client(root)).status_code in (200, 202)

    def read() -> list[dict[str, Any]]:
        return list(stack.get("/v1/audit?act=erase", headers=as_client(root)).json()["audit"])

    wait_for(
        lambda: ("denied", "op") in [(line["outcome"], line["client"]) for line in read()], "the denial is written"
    )
    lines = read()
    said = [(line["outcome"], line["client"], line["target"], line["reason"]) for line in lines]
    assert ("done", "root", "orders", "by email: rows 1") in said and ("done", "root", "orders", "by email") in said
    assert email not in json.dumps(lines) and email not in (stack.folder / "web.log").read_text()
