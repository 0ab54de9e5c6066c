"""A stranger without a key, and a client with one, hold as many connections as they can: all others are answered."""

import http.client
import json
import socket
from contextlib import ExitStack, closing
from typing import Any

import pytest
import requests

from app.web.connection import SMALL_BODY
from tests.acceptance.routes.bodies import file_of, line
from tests.security import attacks
from tests.security.attacks import KEYS
from tests.stack import Stack
from tests.waiting import stretched, wait_for

LARGE = 50_000_000
UPLOAD = (
    "POST /v1/imports HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Type: text/csv\r\n"
    f"Content-Length: {LARGE}\r\n\r\n"
)


def livez(stack: Stack) -> int:
    """Answered on a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=stretched(15))) as connection:
        connection.request("GET", "/livez")
        return connection.getresponse().status


STRANGERS: dict[str, tuple[bytes, float | None]] = {
    "nothing": (b"", None),
    "heads": (attacks.HEAD, None),
    "heads that drip": (attacks.HEAD, 0.5),
    "sign-ins": (attacks.SIGN_IN, None),
    "sign-ins in chunks": (attacks.CHUNKED_SIGN_IN, None),
    "sign-ins after a go-ahead": (attacks.EXPECTING_SIGN_IN, None),
    "refused bodies that drip": (attacks.REFUSED, 0.5),
    "connections that stay": (attacks.LAST, None),
}


def test_strangers_silence_no_one(stack: Stack) -> None:
    """Of each kind more than there are threads (92). It is we who end them, and soon."""
    with ExitStack() as stays:
        held = {}
        for attack, (data, drip) in STRANGERS.items():
            held[attack] = stays.enter_context(attacks.hold(stack.port, 100, data, drip))
            assert all(livez(stack) == 200 for _ in range(3)), attack
        assert stack.get("/v1/imports").status_code == 200
        for attack, sockets in held.items():
            if attack == "sign-ins":
                answer = http.client.HTTPResponse(sockets[0])
                answer.begin()
                assert (answer.status, json.loads(answer.read())["type"]) == (408, "/problems/request-timeout")
            wait_for(lambda sockets=sockets: not attacks.count_open(sockets), f"the server ended all {attack}")
    assert "Traceback" not in stack.log("web").read_text()


def test_thousands_of_connections(stack: Stack) -> None:
    """As many as the server takes, and more: the oldest have to go, not the next client."""
    with attacks.hold(stack.port, 1300, attacks.HEAD) as held:
        assert livez(stack) == 200
        assert attacks.is_closed(held[0]) and not attacks.is_closed(held[-1])


@pytest.mark.parametrize("size", [9000, 2_000_000])
def test_bodies_in_small_pieces(stack: Stack, size: int) -> None:
    """Whatever the pieces, the application gets what was sent, and the connection goes on."""
    body = b"next=%2F&key=" + KEYS["bob"].encode() + b"&x=" + b"x" * size
    head = f"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    piece = max(1, size // 1000)
    with socket.create_connection(("127.0.0.1", stack.port), stretched(60)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            for start in range(0, len(head), 7):
                connection.sendall(head[start : start + 7])
            for start in range(0, len(body), piece):
                connection.sendall(body[start : start + piece])
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()
            assert answer.status == (303 if size < 10_000 else 413)


def test_requests_in_one_piece(stack: Stack) -> None:
    """The next request has begun, with the rest to come later."""
    request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.port), stretched(60)) as connection:
        connection.sendall(request * 3 + request[:20])
        reader = connection.makefile("rb")
        assert b"".join(reader.readline() for _ in range(3)) != b""
        connection.sendall(request[20:] + request.replace(b"/livez HTTP/1.1", b"/livez HTTP/1.0"))
        assert reader.read().count(b" 200 OK") == 4


def test_a_refused_body_in_chunks_ends_its_connection(stack: Stack) -> None:
    """Its end would have to be looked for. The answer says so, or the client's next request would be lost."""
    pieces = [b'{"generate": 5, "x": "', b"x" * 100_000, b'"}']
    for body, header in ((pieces, "close"), (pieces[::2], None)):
        answer = stack.post("/v1/imports", data=iter(body), headers={"Content-Type": "application/json"})
        assert answer.status_code == (413 if header else 422)
        assert (answer.headers.get("Connection") == "close") is (header is not None)


def hold_uploads(stack: Stack, key: str, count: int) -> tuple[ExitStack, list[dict[str, Any]]]:
    """Begin so many uploads and stop half-way; the answers to those that were refused."""
    held, refused = ExitStack(), []
    for _ in range(count):
        upload = held.enter_context(socket.create_connection(("127.0.0.1", stack.port), stretched(60)))
        before = count_uploads(stack)
        upload.sendall(UPLOAD.format(key=key).encode() + bytes(100_000))
        wait_for(lambda before=before, upload=upload: has_answer(upload) or count_uploads(stack) > before)
        if has_answer(upload):
            answer = http.client.HTTPResponse(upload)
            answer.begin()
            refused.append({"retry": answer.headers["Retry-After"], **json.loads(answer.read())})
    return held, refused


def count_uploads(stack: Stack) -> int:
    return len(list(stack.spool.glob("*.part")))


def has_answer(connection: socket.socket) -> bool:
    timeout = connection.gettimeout()
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(timeout)


def test_uploads_of_one_client(stack: Stack) -> None:
    """Alice stops in the midst of as many as she may: Bob can send his, and look."""
    held, refused = hold_uploads(stack, KEYS["alice"], 25)
    with held:
        assert {(one["status"], one["type"], one["limit"], one["most"]) for one in refused} == {
            (429, "/problems/too-many-at-once", "uploads", 20)
        }
        assert len(refused) == 5 and all(int(one["retry"]) > 0 for one in refused)
        file = file_of(*(line(order_number=f"A-{number}") for number in range(1000)))
        assert len(file) > SMALL_BODY
        url, types = f"{stack.url}/v1/imports", {"Content-Type": "text/csv"}
        assert as_client("bob").post(url, data=file, headers=types, timeout=stretched(60)).status_code == 202
        # what is small needs no place
        assert as_client("alice").post(url, json={"generate": 5}, timeout=stretched(60)).status_code == 202
    wait_for(lambda: not count_uploads(stack), "the uploads ended")
    held, refused = hold_uploads(stack, KEYS["alice"], 2)
    with held:
        assert not refused
    wait_for(lambda: not count_uploads(stack), "the uploads ended")


def test_streams_of_one_client(stack: Stack) -> None:
    with ExitStack() as held:

        def listen(name: str) -> requests.Response:
            stream = as_client(name).get(f"{stack.url}/v1/events", stream=True, timeout=stretched(60))
            return held.enter_context(stream)

        assert [listen("alice").status_code for _ in range(10)] == [200] * 10
        refused = listen("alice")
        assert (refused.status_code, refused.json()["limit"], refused.json()["most"]) == (429, "streams", 10)
        assert int(refused.headers["Retry-After"]) > 0
        assert listen("bob").status_code == 200


def as_client(name: str) -> requests.Session:
    session = requests.Session()
    session.headers["X-API-Key"] = KEYS[name]
    return session
