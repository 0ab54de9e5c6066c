"""Bodies of broken clients and attackers: refused without an import, and in words."""

import http.client
import json
import socket
from pathlib import Path

import pytest

from tests.acceptance.routes.bodies import (
    check_problem,
    failure,
    file_of,
    line,
    nothing_kept,
    raw_post,
    send_raw,
    uploads,
)
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn


def test_a_body_that_was_cut_off_is_no_import(stack: Stack) -> None:
    """Whole rows of a file that goes on: nobody could tell them from a whole file later."""
    body = file_of(line(), line(order_number="A-2"))
    form = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + body
    multipart = "multipart/form-data; boundary=XX"
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    chunked = raw_post("Transfer-Encoding: chunked")
    cut = [
        (raw_post("Content-Length: 100000"), body),
        (raw_post(f"Content-Length: {len(body) + 1}"), body),
        (raw_post("Content-Length: 500", content_type="application/json"), b'{"generate": 5}'),
        (raw_post("Transfer-Encoding: chunked", content_type="application/json"), b'f\r\n{"generate": 5}\r\n'),
        (chunked, chunk),
        (chunked, chunk + b"0\r\n"),
        (chunked, chunk[: len(body)]),
        (chunked, chunk + b"zz\r\n"),
        (chunked, chunk[:-2] + b"XX0\r\n\r\n"),
        (chunked, b"-5\r\n" + chunk),
        (chunked, b"ffffffffffffffff\r\n" + body),
        (raw_post(f"Content-Length: {len(form)}", content_type=multipart), form),
        (raw_post(f"Content-Length: {len(form)}", content_type=multipart), form[:-20]),
        (raw_post(f"Content-Length: {len(form) + 10}", content_type=multipart), form + b"\r\n--XX"),
        (raw_post("Transfer-Encoding: chunked", content_type=multipart), b"%x\r\n%s\r\n" % (len(form), form)),
    ]
    with nothing_kept(stack):
        for pieces in cut:
            check_problem(send_raw(stack, *pieces), 400, "bad-request")
        # a client that resets the connection gets no answer, and leaves nothing either
        for pieces in (cut[0], cut[4]):
            connection = socket.create_connection(("127.0.0.1", stack.port), 10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"".join(pieces))
            wait_for(lambda: list(stack.spool.glob("*.part")), "the upload began")
            connection.close()
            wait_for(lambda: not list(stack.spool.glob("*.part")), "the upload ended")


def test_a_refusal_leaves_the_connection_as_it_was(stack: Stack) -> None:
    """Else the client's next request, on a connection that is said to be kept, is lost."""
    with socket.create_connection(("127.0.0.1", stack.port), 20) as connection:
        for path, status in (("/v1/imports?dataset=nope", 422), ("/v1/nope", 404), ("/livez", 405)):
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
            connection.sendall(head.encode() + bytes(2_000_000))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == status and json.loads(answer.read())["status"] == status


def test_a_length_that_lies(stack: Stack) -> None:
    body = file_of(line(), line(order_number="A-2"))
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with nothing_kept(stack):
        for headers in (
            ["Content-Length: -5"],
            ["Content-Length: abc"],
            ["Content-Length: +5"],
            ["Content-Length: 0x5"],
            ["Content-Length: 5, 6"],
            ["Content-Length: 5", "Content-Length: 6"],
            ["Content-Length : 5"],
            [f"Content-Length: {len(chunk)}", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: identity"],
            ["Transfer-Encoding: xchunked"],
            ["Content-Length:\n 5"],
        ):
            assert send_raw(stack, raw_post(*headers), chunk).status_code in (400, 501), headers
        # larger than the limit: refused before it is sent
        for length in ("99999999999999999999999", "10737418241"):
            check_problem(send_raw(stack, raw_post(f"Content-Length: {length}")), 413, "content-too-large")
        # what follows a body that is too short for its headers is never a part of it, nor a request behind our back
        for head in ("POST /v1/imports?dataset=nope", "POST /v1/nope"):
            inside = b"POST /insert/3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            request = f"{head} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inside)}\r\n\r\n".encode()
            assert send_raw(stack, request, inside).status_code in (404, 422)
        broken = b"zz\r\nPOST /insert/3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        check_problem(send_raw(stack, raw_post("Transfer-Encoding: chunked"), broken), 400, "bad-request")
    # too small: the file ends where it said, here inside the last row
    short = send_raw(stack, raw_post(f"Content-Length: {len(body) - 12}", "Connection: close"), body)
    error = failure(stack, short)
    assert (error["code"], error["line"]) == ("bad_quote", 3) and stack.count() == 0


def test_a_form_that_is_none(stack: Stack) -> None:
    good = file_of(line())

    def part(name: bytes, data: bytes, extra: bytes = b"") -> bytes:
        return b'--XX\r\nContent-Disposition: form-data; name="' + name + b'"' + extra + b"\r\n\r\n" + data + b"\r\n"

    file = part(b"file", good, b'; filename="a.csv"')
    end = b"--XX--\r\n"
    forms: list[tuple[bytes, int, str]] = [
        (b"", 400, "boundary"),
        (b"garbage", 400, "boundary"),
        (file, 400, "boundary"),
        (file.replace(b"XX", b"YY") + b"--YY--", 400, "boundary"),
        (b"--XX\r\n\r\nabc\r\n" + end, 400, "boundary"),
        (b"--XX\r\nContent-Disposition: nonsense\r\n\r\nabc\r\n" + end, 400, "has no file"),
        (part(b"file", good) + end, 400, "has no file"),
        (file + file + end, 400, "one file"),
        (part(b"note", b"a" * 2_000_000) + file + end, 413, "at most"),
        (part(b"note", b"a") * 50 + file + end, 413, "at most"),
        (part(b"file", good, b'; filename="a"; x="' + b"a" * 2_000_000 + b'"') + end, 413, "at most"),
        (part(b"file", b"", b'; filename=""') + end, 422, "empty"),
        (part(b"file", good, b'; filename="\xff.csv"') + end, 400, "multipart"),
    ]
    kinds = {400: "bad-request", 413: "request-entity-too-large", 422: "invalid-content"}
    with nothing_kept(stack):
        for body, status, words in forms:
            answer = stack.send(body, "multipart/form-data; boundary=XX")
            assert words in check_problem(answer, status, kinds[status])["detail"], body[:80]
        check_problem(stack.send(file + end, "multipart/form-data"), 400, "bad-request")
        # a field beside the file that is no option may be one that was misspelt
        answer = stack.send(part(b"note", b"hello") + file + end, "multipart/form-data; boundary=XX")
        assert check_problem(answer, 422, "invalid-content")["errors"] == [{"field": "note", "reason": "unknown"}]
    answer = stack.send(part(b"encoding", b"utf-8") + file + end, "multipart/form-data; boundary=XX")
    assert stack.wait_state(answer.json()["id"])["state"] == "committed"


NAMES = [
    ("../../../../tmp/backout-escaped", None),
    ("/tmp/backout-escaped", None),
    ("..", None),
    (".", None),
    ("night.csv\0.sh", "night.csv\ufffd.sh"),
    ("night\r\nSet-Cookie: x=1.csv", "night\ufffd\ufffdSet-Cookie: x=1.csv"),
    ("\x1b[2J\x1b]0;owned\x07.csv", "\ufffd[2J\ufffd]0;owned\ufffd.csv"),
    ("evil\u202evsc.exe", "evil\ufffdvsc.exe"),
    ("x" * 3000, "x" * 255),
    ("<img src=x onerror=alert(1)>\"'&.csv", None),
    ("'; DROP TABLE imports; --", None),
    ("{{ 7*7 }}%s%n.csv", None),
    ("Bestellungen 💶 März.csv", None),
]


def test_a_hostile_file_name_is_only_ever_a_name(stack: Stack) -> None:
    stray = Path("/tmp/backout-escaped")
    stray.unlink(missing_ok=True)
    shown = {}
    for number, (name, expected) in enumerate(NAMES):
        body = file_of(line(order_number=f"N-{number}"))
        answer = stack.send(body, params={"file_name": name})
        assert answer.status_code == 202, answer.text
        assert answer.json()["source"]["name"] == (expected or name)
        assert not [field for field in answer.headers if field.lower() == "set-cookie"]
        shown[answer.json()["id"]] = expected or name
    long = "y" * 10_000 + ".csv"
    answer = stack.post("/v1/imports", files={"file": (long, file_of(line(order_number="N-long")), "text/csv")})
    shown[answer.json()["id"]] = long[:255]
    answer = stack.send(file_of(line(order_number="N-head")), headers={"X-File-Name": "../" * 2000})
    shown[answer.json()["id"]] = ("../" * 2000)[:255]
    for id, name in shown.items():
        done = stack.wait_state(id)
        assert (done["state"], done["source"]["name"]) == ("committed", name)
    assert not stray.exists()
    assert uploads(stack) >= set(shown)
    assert all(len(name.removesuffix(".rejects").partition(".")[0]) == 36 for name in uploads(stack))
    page = stack.get("/", headers={"Accept": "text/html"}).text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page and "<img src=x" not in page and "{{ 7*7 }}" in page
    assert "\x1b" not in page and "\0" not in page
