"""The classic endpoints: existing scripts' paths, verbs and fields; and what every answer of `/v1` has in common."""

import json
import threading
from collections.abc import Callable

import pytest
import requests

from tests.acceptance.routes.bodies import check_problem, file_of, line
from tests.acceptance.routes.scripts import CLASSIC_PROBLEM, UNKNOWN, fields
from tests.stack import Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn


@pytest.mark.parametrize("ask", ["get", "post"])
def test_insert_answers_at_once_and_the_orders_come(stack: Stack, ask: str) -> None:
    document = fields(getattr(stack, ask)("/insert/1500"), message=str, task_id=str)
    assert set(document) == {"message", "task_id", "state", "estimated_seconds"}
    assert document["state"] == "queued" and "1500" in document["message"]
    status = fields(
        stack.get(f"/status/{document['task_id']}"), task_id=str, status=str, state=str, progress=float, message=str
    )
    assert status["task_id"] == document["task_id"]
    stack.wait_state(document["task_id"])
    assert stack.get("/get_data/count").json() == {"success": True, "count": 1500, "data": []}


def test_insert_without_a_number_takes_its_default(stack: Stack) -> None:
    for ask in (stack.get, stack.post):
        document = fields(ask("/insert"), task_id=str)
        assert stack.find(document["task_id"])["rows_total"] == 100_000
        fields(stack.get(f"/stop/{document['task_id']}"), task_id=str, message=str)
    wait_for(lambda: stack.count() == 0, "nothing is left")


def test_the_same_key_inserts_once(stack: Stack) -> None:
    headers = {"Idempotency-Key": "classic-1"}
    first = fields(stack.get("/insert/700", headers=headers))
    again = fields(stack.post("/insert/700", headers=headers))
    assert again["task_id"] == first["task_id"] and "before" in again["message"]
    document = check_problem(stack.post("/insert/701", headers=headers), 422, "key-reused")
    assert document["import_id"] == document["task_id"] == first["task_id"] and document["success"] is False
    for key in ("", "k" * 201, "tab\tbed"):
        check_problem(stack.post("/insert/700", headers={"Idempotency-Key": key}), 400, "bad-request")
    stack.wait_state(first["task_id"])
    # the synchronous one knows the same keys
    done = fields(stack.get("/dpd_insert/700", headers=headers))
    assert done["task_id"] == first["task_id"] and stack.count() == 700
    assert len(stack.get("/v1/imports").json()["imports"]) == 1


@pytest.mark.parametrize("ask", ["get", "post"])
def test_dpd_insert_answers_when_the_orders_are_there(stack: Stack, ask: str) -> None:
    answer = getattr(stack, ask)("/dpd_insert/2500")
    document = fields(answer, message=str, task_id=str)
    assert set(document) == {"message", "task_id"} and "2500" in document["message"]
    assert stack.count() == 2500
    found = stack.find(document["task_id"])
    assert (found["state"], found["rows_done"], found["attempt"]["number"]) == ("committed", 2500, 1)
    assert answer.headers["Deprecation"].startswith("@") and int(answer.headers["Deprecation"][1:]) > 1_700_000_000
    assert answer.headers["Link"] == '</insert>; rel="successor-version"'


def test_dpd_insert_that_is_stopped_says_so(stack: Stack) -> None:
    answers: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(requests.get(f"{stack.url}/dpd_insert/3000000", timeout=patience()))
    )
    asking.start()
    (found,) = wait_for(lambda: stack.get("/v1/imports?state=running").json()["imports"], "it runs")
    stack.wait_rows(found["id"])
    assert stack.get(f"/stop/{found['id']}").status_code == 200
    asking.join(patience())
    document = check_problem(answers[0], 409, "stopped")
    assert document["task_id"] == found["id"] and document["success"] is False
    assert stack.wait_state(found["id"])["state"] == "stopped" and stack.count() == 0


def test_status_in_celerys_words(stack: Stack) -> None:
    def status(id: str) -> tuple[str, str, float]:
        document = fields(stack.get(f"/status/{id}"), status=str, state=str, progress=float)
        return document["status"], document["state"], document["progress"]

    done = stack.get("/dpd_insert/10").json()["task_id"]
    assert status(done) == ("SUCCESS", "committed", 100.0)
    failed = stack.send(file_of(line(quantity="0"))).json()["id"]
    stack.wait_state(failed)
    assert status(failed)[:2] == ("FAILURE", "failed") and status(failed)[2] < 100
    assert fields(stack.get(f"/status/{failed}"))["message"].startswith("line 2: quantity is out of range")
    long = [stack.get("/insert/5000000").json()["task_id"] for _ in range(3)]  # two slots
    stack.wait_rows(long[0])
    assert status(long[0])[:2] == ("STARTED", "running")
    assert status(long[2]) == ("PENDING", "queued", 0.0)
    for id in long:
        document = fields(stack.post(f"/stop/{id}"), message=str, task_id=str, state=str)
        assert document["task_id"] == id and "stopped" in document["message"]
        assert status(id)[0] in ("STARTED", "REVOKED")
    for id in long:
        stack.wait_state(id)
        assert status(id)[:2] == ("REVOKED", "stopped")


def test_delete_all_counts_and_is_remembered(stack: Stack) -> None:
    ids = [stack.get(f"/dpd_insert/{rows}").json()["task_id"] for rows in (300, 20)]
    long = stack.get("/insert/5000000").json()["task_id"]
    for ask in (stack.get, stack.http.delete):
        url = "/delete_all" if ask == stack.get else f"{stack.url}/delete_all"
        document = check_problem(ask(url), 409, "imports-running")
        assert document["unfinished"] == 1 and set(document) >= CLASSIC_PROBLEM
    assert stack.count() == 320
    stack.get(f"/stop/{long}")
    stack.wait_state(long)
    assert fields(stack.get("/delete_all"), message=str, num_rows_deleted=int)["num_rows_deleted"] == 320
    assert stack.count() == 0
    for id, rows in zip(ids, (300, 20), strict=True):
        found = stack.find(id)
        assert (found["state"], found["rows_done"], found["rows_deleted"]) == ("committed", rows, rows)
        assert found["timeline"][-1]["event"] == "rows_deleted" and found["timeline"][-1]["detail"] == {"rows": rows}
    assert stack.find(long)["rows_deleted"] == 0
    document = fields(stack.http.delete(f"{stack.url}/delete_all", timeout=patience()))
    assert document == {"message": "0 orders were deleted", "num_rows_deleted": 0}


def test_get_data_is_streamed_and_equal_to_the_count(stack: Stack) -> None:
    stack.get("/dpd_insert/3000")
    with stack.http.get(f"{stack.url}/get_data", stream=True, timeout=patience()) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked" and answer.headers["Content-Type"] == "application/json"
        document = json.loads(answer.content)
    assert set(document) == {"success", "count", "data"} and document["success"] is True
    assert document["count"] == len(document["data"]) == stack.count() == 3000
    first = document["data"][0]
    assert first["row_no"] == 1 and first["unit_price"].count(".") == 1 and first["ordered_at"].endswith("Z")
    assert [row["row_no"] for row in document["data"]] == list(range(1, 3001))
    # a reader that leaves early holds nothing: the table can be emptied at once
    with stack.http.get(f"{stack.url}/get_data", stream=True, timeout=patience()) as answer:
        next(answer.iter_content(100))
    assert fields(stack.get("/delete_all"))["num_rows_deleted"] == 3000
    assert stack.get("/get_data").json() == {"success": True, "count": 0, "data": []}


def test_the_root_is_json_and_for_a_browser_the_page(stack: Stack) -> None:
    chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    for accept in (None, "*/*", "application/json", "application/json, text/html;q=0.5", "text/plain", "nonsense"):
        document = fields(stack.get("/", headers={"Accept": accept}), message=str)
        assert set(document) == {"message"}
    stack.get("/dpd_insert/7")
    for accept in (chrome, "text/html"):
        answer = stack.get("/", headers={"Accept": accept})
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "7 generated rows" in answer.text and "Committed" in answer.text
    assert stack.get("/static/page.css").status_code == 200


def test_head_changes_nothing(stack: Stack) -> None:
    """What checks links, previews them or asks for their size sends HEAD."""
    stack.get("/dpd_insert/30")
    long = stack.get("/insert/5000000").json()["task_id"]
    for path in ("/insert", "/insert/5", "/dpd_insert", "/dpd_insert/5", f"/stop/{long}", "/delete_all"):
        answer = stack.http.head(stack.url + path, timeout=patience())
        assert answer.status_code == 405 and "HEAD" not in answer.headers["Allow"] and "GET" in answer.headers["Allow"]
        assert answer.content == b""
    for path in (
        "/",
        f"/status/{long}",
        "/get_data",
        "/get_data/count",
        "/v1/imports",
        f"/v1/imports/{long}",
        "/livez",
    ):
        assert stack.http.head(stack.url + path, timeout=patience()).status_code == 200
    assert stack.find(long)["state"] in ("queued", "running")
    stack.get(f"/stop/{long}")
    stack.wait_state(long)
    assert stack.count() == 30 and len(stack.get("/v1/imports").json()["imports"]) == 2


def test_every_error_is_a_problem_document(stack: Stack) -> None:
    wrong_verbs = [
        ("DELETE", "/insert/5", "GET, POST"),
        ("PUT", "/dpd_insert", "GET, POST"),
        ("DELETE", f"/stop/{UNKNOWN}", "GET, POST"),
        ("POST", f"/status/{UNKNOWN}", "GET"),
        ("POST", "/delete_all", "DELETE, GET"),
        ("DELETE", "/get_data", "GET"),
        ("POST", "/get_data/count", "GET"),
        ("PATCH", "/", "GET"),
        ("TRACE", "/", "GET"),
        ("BREW", "/", "GET"),
        ("PUT", "/v1/imports", "GET, POST"),
        ("DELETE", f"/v1/imports/{UNKNOWN}", "GET"),
        ("GET", f"/v1/imports/{UNKNOWN}/stop", "POST"),
        ("POST", "/livez", "GET"),
    ]
    for verb, path, allowed in wrong_verbs:
        answer = stack.http.request(verb, stack.url + path, timeout=patience())
        document = check_problem(answer, 405, "method-not-allowed")
        assert verb in document["detail"] and path in document["detail"]
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == set(allowed.split(", "))
        assert ("success" in document) == (not path.startswith(("/v1", "/livez")))
    for path in ("/nope", "/insert/", "/insert/5/", "/v1", "/v1/imports/", "/v1/imports/a/b", "/static/nope", "/%ff"):
        document = check_problem(stack.get(path), 404, "not-found")
        assert ("success" in document) == path.startswith("/insert")
    for path in (f"/status/{UNKNOWN}", f"/stop/{UNKNOWN}"):
        document = check_problem(stack.get(path), 404, "import-not-found")
        assert set(document) == CLASSIC_PROBLEM | {"import_id"}
        assert (document["success"], document["task_id"], document["message"]) == (False, UNKNOWN, document["detail"])
    assert set(check_problem(stack.get("/insert/x"), 400, "bad-request")) == CLASSIC_PROBLEM | {"errors"}
    assert set(check_problem(stack.get("/v1/nope"), 404, "not-found")) == {
        *("type", "title", "status", "detail", "request_id")
    }
    # what is broken here, not there: said without a trace of how
    check_problem(stack.post("/v1/imports", json={}), 422, "invalid-content")
    check_problem(stack.send(b"%PDF-1.7\n"), 415, "unsupported-format")
    check_problem(stack.post("/v1/imports", data=b"{" * 70_000, headers={"Content-Type": "application/json"}), 413,
                  "request-entity-too-large")  # fmt: skip


@pytest.mark.in_turn
def test_a_fault_of_ours_shows_nothing_of_the_inside(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(spool_dir="/dev/null/spool", test_endpoints=0).start("web")
    answer = stack.send(file_of(line()), headers={"X-Request-ID": "find-me"})
    document = check_problem(answer, 500, "unexpected")
    assert document["request_id"] == "find-me" and "/dev/null" not in answer.text and "Error" not in document["detail"]
    (entry,) = [
        json.loads(text)
        for text in stack.log("web").read_text().splitlines()
        if text.startswith("{") and "unexpected_error" in text
    ]
    assert entry["request_id"] == "find-me" and "NotADirectoryError" in entry["exception"]
    assert stack.get("/readyz").status_code == 503 and "spool" in stack.get("/readyz").json()["parts"]
    # and with the endpoints for tests off, nothing is deleted
    for ask in (stack.http.get, stack.http.delete):
        document = check_problem(ask(f"{stack.url}/delete_all", timeout=patience()), 403, "not-enabled")
        assert "BACKOUT_TEST_ENDPOINTS" in document["detail"] and document["success"] is False
