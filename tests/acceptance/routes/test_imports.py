"""One import, and the list of them."""

import http.client
import json
import time

from tests.acceptance.routes.bodies import check_problem, file_of, line
from tests.stack import Stack
from tests.waiting import patience


def test_an_etag_spares_an_answer_until_something_changed(stack: Stack) -> None:
    id, failed = stack.get("/dpd_insert/40").json()["task_id"], stack.send(file_of(line(quantity="0"))).json()["id"]
    stack.wait_state(failed)
    before = stack.get(f"/v1/imports/{id}").headers["ETag"]
    answer = stack.get(f"/v1/imports/{failed}")
    tag = answer.headers["ETag"]
    assert tag.startswith('W/"') and answer.headers["Cache-Control"] == "no-cache"
    for known in (tag, f'"other", {tag}', "*"):
        again = stack.get(f"/v1/imports/{failed}", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    for known in ('"other"', "nonsense", ""):
        assert stack.get(f"/v1/imports/{failed}", headers={"If-None-Match": known}).status_code == 200
    stack.get("/delete_all")
    changed = stack.get(f"/v1/imports/{id}", headers={"If-None-Match": before})
    assert changed.status_code == 200 and changed.headers["ETag"] != before and changed.json()["rows_deleted"] == 40


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
