"""Numbers, ids and JSON that make no sense are refused in words."""

import pytest

from tests.acceptance.routes.bodies import MISSING, check_problem, file_of, line, nothing_kept
from tests.stack import Stack

pytestmark = pytest.mark.in_turn


def test_a_number_of_rows_that_is_none(stack: Stack) -> None:
    out_of_range = ["0", "-1", "-0", "1000000000000", "9" * 30, "9" * 3000, "10000001"]
    no_number = [
        "abc",
        "1.5",
        "1e3",
        "0x10",
        "+5",
        "%205",
        "5%20",
        "1_000",
        "%00",
        "%D9%A1",
        "NaN",
        "5;1",
        "--1",
        "%0a1",
    ]
    with nothing_kept(stack):
        for endpoint in ("/insert/", "/dpd_insert/"):
            for number in out_of_range:
                document = check_problem(stack.post(endpoint + number), 422, "invalid-content")
                assert "from 1 to 10,000,000" in document["detail"] and len(document["detail"]) < 200
                (mistake,) = document["errors"]
                assert (mistake["minimum"], mistake["maximum"]) == (1, 10_000_000)
                assert document["success"] is False and document["message"] == document["detail"]
            for number in no_number:
                document = check_problem(stack.get(endpoint + number), 400, "bad-request")
                assert document["errors"] == [{"field": "n"}] and "whole number" in document["detail"]
        for number in out_of_range[:4]:
            document = check_problem(stack.post("/v1/imports", json={"generate": int(number)}), 422, "invalid-content")
            assert document["errors"][0]["field"] == "generate"


BAD_JSON: list[tuple[str, int, str | None]] = [
    ('{"generate": "5"}', 422, "generate"),
    ('{"generate": 1.0}', 422, "generate"),
    ('{"generate": 1e400}', 422, "generate"),
    ('{"generate": NaN}', 422, "generate"),
    ('{"generate": true}', 422, "generate"),
    ('{"generate": null}', 422, "generate"),
    ("{}", 422, "generate"),
    ('{"generate": 1, "rows": 2}', 422, "rows"),
    ('{"generate": 1, "dataset": "users"}', 422, "dataset"),
    ('{"generate": 1, "dataset": ["orders"]}', 422, "dataset"),
    ('{"generate": 1, "dataset": "\\ud800"}', 422, "dataset"),
    ('{"generate": 1, "seed": "A"}', 422, "seed"),
    ('{"generate": 1, "seed": "a/../b"}', 422, "seed"),
    ('{"generate": 1, "seed": "' + "a" * 25 + '"}', 422, "seed"),
    ('{"generate": 1, "seed": 7}', 422, "seed"),
    ('{"generate": ' + "1" * 5000 + "}", 400, None),
    ("[" * 10_000, 400, None),
    ('{"a":' * 10_000, 400, None),
    ("[1]", 400, None),
    ('"generate"', 400, None),
    ('{"generate": 1', 400, None),
    ("", 400, None),
    ("\xff", 400, None),
    (" " * 70_000 + '{"generate": 1}', 413, None),
]


def test_a_json_request_that_makes_no_sense(stack: Stack) -> None:
    kinds = {400: "bad-request", 413: "request-entity-too-large", 422: "invalid-content"}
    with nothing_kept(stack):
        for text, status, field in BAD_JSON:
            body = text.encode("latin-1")
            for data in (body, iter([body])):  # with its length, and in chunks
                answer = stack.post("/v1/imports", data=data, headers={"Content-Type": "application/json"})
                document = check_problem(answer, status, kinds[status])
                named = [mistake["field"] for mistake in document.get("errors", [])]
                assert named == ([field] if field else []), text[:40]


def test_an_id_that_nobody_has(stack: Stack) -> None:
    asks = [stack.get, stack.get, stack.post, stack.get, stack.post]
    paths = ["/status/{}", "/stop/{}", "/stop/{}", "/v1/imports/{}", "/v1/imports/{}/stop"]
    with nothing_kept(stack):
        for id in MISSING:
            for ask, path in zip(asks, paths, strict=True):
                kind = "not-found" if "%2f" in id else "import-not-found"
                document = check_problem(ask(path.format(id)), 404, kind)
                if kind == "import-not-found" and not path.startswith("/v1"):
                    assert document["success"] is False and document["task_id"] == document["import_id"]


def test_stop_is_as_true_the_second_time(stack: Stack) -> None:
    stopped, committed = (stack.get(f"/insert/{rows}").json()["task_id"] for rows in (3_000_000, 5))
    stack.wait_rows(stopped)
    for _ in range(2):
        assert stack.get(f"/stop/{stopped}").json()["success"] is True
        assert stack.post(f"/v1/imports/{stopped}/stop").json()["state"] in ("stopping", "stopped")
    stack.wait_state(committed)
    failed = stack.send(file_of(line(quantity="0"))).json()["id"]
    stack.wait_state(failed)
    for id, state, words in ((committed, "committed", "too late"), (failed, "failed", "nothing to stop")):
        for path in (f"/stop/{id}", f"/v1/imports/{id}/stop") * 2:
            document = check_problem(stack.post(path), 409, "already-decided")
            assert (document["import_id"], document["state"]) == (id, state) and words in document["detail"]
        assert stack.find(id)["state"] == state
    assert stack.wait_state(stopped)["state"] == "stopped"
    assert stack.post(f"/v1/imports/{stopped}/stop").json()["state"] == "stopped"
    assert stack.count() == 5
