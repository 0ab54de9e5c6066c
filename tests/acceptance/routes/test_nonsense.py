"""No request is answered as if the server had failed: the ones that did, and a turn of random ones."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance.conftest import Servers
from tests.acceptance.routes.bodies import GOOD, check_problem, file_of, line, send_raw
from tests.fuzz import running
from tests.fuzz.nonsense import TEXTS, quoted
from tests.fuzz.sending import send
from tests.stack import Stack

NOT_UTF8 = b"id,Ann\xe9e\n1,2\n2,3\n"
FORM = "application/x-www-form-urlencoded"
REQUESTS = 1200


@pytest.mark.timeout(300)
def test_random_requests_are_never_answered_5xx(
    servers: Servers, new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    """A short turn of what `make fuzz` does for long; it says its seed and the request where one is."""
    stack = running.start(new_stack, replace(servers[0], database="one_test"), tmp_path)
    counts = running.run(stack, secrets.token_hex(4), requests=REQUESTS)
    assert counts[200] > 50 and counts[202] and counts[422] > 20, counts
    for name in ("web", "web-2"):
        assert "Traceback" not in stack.log(name).read_text()


@pytest.mark.in_turn
def test_json_that_is_nested_deeply(stack: Stack) -> None:
    for depth in (19, 500, 900, 5000):
        for deep in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
            file = f'[{{"id": 1, "more": {deep}}}, {{"id": 2, "more": 3}}]'.encode()
            for body in (file, file[1:-1].replace(b"}, {", b"}\n{")):
                for infer in ("true", "false"):
                    answer = stack.post(f"/v1/previews?infer={infer}", data=body)
                    assert answer.status_code == 200
                    looked_at = answer.json()
                    if infer == "true" and depth < 950:
                        assert looked_at["problem"] is None, answer.text
                    else:  # a line of NDJSON that is too deep is one reject
                        assert looked_at["problem"] or looked_at["rejected"] == 1, answer.text
            for path in ("/v1/imports", "/v1/datasets"):
                text = f'{{"name": "deep", "columns": [{{"name": "a", "type": "text"}}], "key": {deep}}}'
                answer = stack.post(path, data=text, headers={"Content-Type": "application/json"})
                assert answer.status_code in (400, 422), answer.text


def test_a_proposal_from_a_file_that_is_no_utf_8(stack: Stack) -> None:
    """The encoding has to be said; the proposal that is made then can be sent back."""
    found = stack.post("/v1/previews?infer=true", data=NOT_UTF8).json()
    assert found["problem"]["code"] == "not_utf8" and "`encoding`" in found["problem"]["reason"]
    assert found["file_format"]["columns"] is None
    check_problem(stack.post("/v1/datasets/inferred", data=NOT_UTF8), 422, "invalid-content")
    columns = quote(json.dumps({"Ann\udce9e": "year"}))
    for path in ("/v1/imports", "/v1/previews"):
        document = check_problem(stack.post(f"{path}?columns={columns}", data=NOT_UTF8), 422, "invalid-content")
        assert document["errors"][0]["field"] == "columns" and "`encoding`" in document["detail"]
    told = stack.post("/v1/datasets/inferred?encoding=latin-1&name=told", data=NOT_UTF8).json()
    assert [column["name"] for column in told["columns"]] == ["id", "Année"]
    assert stack.post("/v1/datasets", json=told).status_code == 201
    id = stack.post("/v1/imports?dataset=told&encoding=latin-1&format=csv", data=NOT_UTF8).json()["id"]
    assert stack.wait_state(id)["state"] == "committed"


HALF = "\ud800"
NO_DEFINITION: list[tuple[dict[str, Any], str]] = [
    ({"type": "enum", "choices": ["a", HALF]}, "half a character"),
    ({"type": "text", "default": HALF}, "half a character"),
    ({"type": "date", "formats": ["%Y-%m-%d %d"]}, "formats[0]"),
    ({"type": "datetime", "formats": ["%d.%m.%Y %Z%Z"]}, "formats[0]"),
    ({"type": "datetime", "zone": HALF}, "half a character"),
    ({"type": "text", HALF: 1}, "half a character"),
    ({"type": "text", "length": 10**400}, "length"),
]


@pytest.mark.in_turn
@pytest.mark.parametrize(("column", "words"), NO_DEFINITION)
def test_a_definition_that_is_none(stack: Stack, column: dict[str, Any], words: str) -> None:
    answer = stack.post("/v1/datasets", json={"name": "none", "columns": [{"name": "a", **column}]})
    assert words in check_problem(answer, 422, "invalid-content")["detail"]


@pytest.mark.in_turn
def test_half_a_character_in_a_body(stack: Stack) -> None:
    for body in ({"generate": 1, "dataset": HALF}, {"generate": 1, HALF: 2}, {"generate": [HALF]}):
        document = check_problem(stack.post("/v1/imports", json=body), 422, "invalid-content")
        assert "half a character" in document["detail"]


@pytest.mark.in_turn
def test_rejects_with_half_a_character_are_sent_whole(stack: Stack) -> None:
    """As CSV it is still no UTF-8, so that nothing is loaded instead of it when it is sent again."""
    row = {**GOOD, "sku": HALF}
    body = json.dumps(GOOD | {"order_number": "A-0"}).encode() + b"\n" + json.dumps(row).encode() + b"\n"
    id = stack.send(body, "application/x-ndjson", params={"on_error": "reject"}).json()["id"]
    assert stack.wait_state(id)["rows_rejected"] == 1
    rejects = stack.get(f"/v1/imports/{id}/rejects?format=csv").content
    assert rejects.count(b"\r\n") == 2 and HALF.encode("utf-8", "surrogatepass") in rejects
    again = stack.wait_state(stack.send(rejects).json()["id"])
    assert (again["state"], again["error"]["code"]) == ("failed", "not_utf8")


def test_a_text_that_a_column_of_an_adopted_table_can_not_have(servers: Servers, stack: Stack) -> None:
    with servers[0].root() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS old (word VARCHAR(9) PRIMARY KEY) CHARACTER SET latin1")
    assert stack.post("/v1/datasets", json={"name": "old", "adopt": True}).status_code == 201
    for path in ("rows", "rows/count"):
        answer = stack.get(f"/v1/datasets/old/{path}?filter[word]=💶")
        assert "characters" in check_problem(answer, 422, "invalid-content")["detail"]


@pytest.mark.in_turn
def test_a_form_of_parts_without_a_name(stack: Stack) -> None:
    for path in ("/v1/imports", "/v1/previews"):
        form = b"--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X\r\nContent-Disposition: form-data; name=file;"
        form += b" filename=a\r\n\r\n" + file_of(line()) + b"\r\n--X--\r\n"
        answer = stack.post(path, data=form, headers={"Content-Type": "multipart/form-data; boundary=X"})
        assert "no name" in check_problem(answer, 400, "bad-request")["detail"]


@pytest.mark.in_turn
def test_headers_that_only_a_proxy_may_set(stack: Stack) -> None:
    for header in ("Script_Name: /x", "SCRIPT_NAME: /v1", "Path_Info: /livez"):
        answer = send_raw(stack, f"GET /v1/imports HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
        assert answer.status_code in (200, 400), header


@pytest.mark.in_turn
def test_every_odd_text_in_every_place_of_a_list(stack: Stack) -> None:
    stack.post("/insert/3")
    for text in TEXTS:
        for address in (
            "/?cursor={}",
            "/v1/imports?cursor={}",
            "/v1/imports?dataset={}",
            "/v1/datasets/orders/rows?cursor={}",
            "/v1/datasets/orders/rows?filter[quantity]={}",
            "/v1/datasets/orders/rows?filter[unit_price]={}",
            "/v1/datasets/orders/rows?filter[ordered_at]={}",
            "/v1/datasets/orders/rows/count?filter[sku]={}",
            "/v1/datasets/{}",
            "/imports/{}",
        ):
            request = f"GET {address.format(quoted(text))} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            answer = send(stack.port, request.encode())
            assert answer.fault is None and 200 <= answer.status < 500, (request, answer)


@pytest.mark.in_turn
def test_a_session_and_a_form_that_are_none(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("alice:alice-0123456789abcdef\n")
    stack = new_stack(api_keys_file=keys).start("web")
    now = int(time.time())
    for cookie in (f"{now}.\xe9", f"{now}.", f"{now}.\xff\xfe", f"\xb2{now}.x"):
        for path in ("/", "/v1/imports"):
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: backout_session={cookie}\r\n\r\n"
            assert send_raw(stack, request.encode("latin-1")).status_code == 401
    form = f"Host: localhost\r\nContent-Type: {FORM}\r\n"
    for more, status, kind in (
        ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", 411, "length-required"),  # a stranger's may hold no thread
        ("Content-Length: 99\r\n\r\nkey=x", 400, "bad-request"),
    ):
        check_problem(send_raw(stack, f"POST /sign-in HTTP/1.1\r\n{form}{more}".encode()), status, kind)
    answer = stack.post("/sign-in", data=b"key=" + b"x" * 20_000, headers={"Content-Type": FORM})
    check_problem(answer, 413, "request-entity-too-large")
