"""The classic endpoints: existing scripts' paths, verbs and fields; and what every answer of `/v1` has in common."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.acceptance.routes.test_request_body import check_problem, file_of, line
from tests.stack import Stack
from tests.waiting import patience, wait_for

UNKNOWN = "00000000-0000-4000-8000-000000000000"
CLASSIC_PROBLEM = {"type", "title", "status", "detail", "request_id", "success", "message", "task_id"}


def fields(answer: requests.Response, **types: type | tuple[type, ...]) -> dict[str, Any]:
    """The document of a successful classic answer, with these fields of these types and `success`."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json"), answer.text
    document = dict(answer.json())
    assert document.pop("success") is True
    for name, kind in types.items():
        assert isinstance(document[name], kind) and not (kind is int and document[name] is True), (name, document)
    return document


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


# --- /v1: one import, and the list ------------------------------------------------------------------------------------


def test_an_etag_spares_an_answer_until_something_changed(stack: Stack) -> None:
    id = stack.get("/dpd_insert/40").json()["task_id"]
    answer = stack.get(f"/v1/imports/{id}")
    tag = answer.headers["ETag"]
    assert tag.startswith('W/"') and answer.headers["Cache-Control"] == "no-cache"
    for known in (tag, f'"other", {tag}', "*"):
        again = stack.get(f"/v1/imports/{id}", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    for known in ('"other"', "nonsense", ""):
        assert stack.get(f"/v1/imports/{id}", headers={"If-None-Match": known}).status_code == 200
    stack.get("/delete_all")
    changed = stack.get(f"/v1/imports/{id}", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag and changed.json()["rows_deleted"] == 40


def test_the_list_is_paged_and_filtered(stack: Stack) -> None:
    ids = [stack.get("/dpd_insert/1").json()["task_id"] for _ in range(7)]
    failed = stack.send(file_of(line(quantity="0"))).json()["id"]
    stack.wait_state(failed)
    pages, following = [], "/v1/imports?limit=3&state=committed,failed"
    while following:
        page = stack.get(following).json()
        assert set(page) == {"imports", "next"}
        pages.append([found["id"] for found in page["imports"]])
        following = page["next"]
        if len(pages) == 1:
            ids.append(stack.get("/dpd_insert/1").json()["task_id"])  # what comes later moves nothing
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [id for page in pages for id in page] == [failed, *reversed(ids[:7])]

    def found(query: str) -> list[str]:
        page = stack.get(f"/v1/imports?{query}").json()
        assert page["next"] is None
        return [row["id"] for row in page["imports"]]

    assert found("") == found("limit=200") == found("dataset=orders") == [ids[7], failed, *reversed(ids[:7])]
    assert found("limit=9") == found("cursor=" + "9" * 300) == found("")
    assert found("state=failed") == found("state=failed,stopped&dataset=orders") == [failed]
    assert found("state=queued,running") == found("dataset=users") == found("cursor=0") == found("cursor=-5") == []
    for query, field in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("limit=1_0", "limit"),
        ("limit=" + "9" * 300, "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=1.5", "cursor"),
        ("cursor=%00", "cursor"),
        ("state=done", "state"),
        ("state=committed,Failed", "state"),
        ("state=%F0%9F%98%80", "state"),
    ]:
        document = check_problem(stack.get(f"/v1/imports?{query}"), 400, "bad-request")
        assert document["errors"] == [{"field": field}] and field in document["detail"]


def test_generated_orders_are_the_same_for_the_same_seed(stack: Stack) -> None:
    answer = stack.post("/v1/imports", json={"dataset": "orders", "generate": 50, "seed": "night7"})
    assert answer.status_code == 202 and answer.json()["source"] == {"kind": "generated", "rows": 50, "seed": "night7"}
    stack.wait_state(answer.json()["id"])
    again = stack.wait_state(stack.post("/v1/imports", json={"generate": 50, "seed": "night7"}).json()["id"])
    assert (again["state"], again["error"]["code"]) == ("failed", "duplicate_key")
    assert again["error"]["other_import"] == answer.json()["id"] and stack.count() == 50


def test_requests_follow_each_other_on_one_connection(stack: Stack) -> None:
    """Refused or not, an answer leaves the connection where the next request begins."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=patience())
    begun = time.monotonic()
    for verb, path, body, status in [
        ("POST", "/v1/imports", b"", 422),
        ("POST", "/v1/imports?dataset=nope", b"x" * 300_000, 422),
        ("POST", "/insert/x", b"x" * 300_000, 400),
        ("DELETE", "/v1/imports", b"x" * 300_000, 405),
        ("GET", "/livez", None, 200),
    ]:
        connection.request(verb, path, body, {"Content-Type": "text/csv"})
        socket = connection.sock
        answer = connection.getresponse()
        assert answer.status == status and json.loads(answer.read())
        assert connection.sock is socket and not answer.will_close
    connection.close()
    assert time.monotonic() - begun < patience()
