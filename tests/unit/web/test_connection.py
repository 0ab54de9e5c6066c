"""What of a request has to arrive before it gets a thread."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest

from app.web.connection import MAX_HEAD, SMALL_BODY, Connection
from app.web.paced_socket import PacedSocket

Pair = tuple[Connection, socket.socket]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def post(*lines: str) -> bytes:
    return "\r\n".join(("POST / HTTP/1.1", *lines, "", "")).encode()


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    conn = Connection(SimpleNamespace(), PacedSocket.adopt(ours), "", "")
    with conn.sock, theirs:
        yield conn, theirs


@pytest.mark.parametrize(
    ("data", "is_request"),
    [
        (GET, True),
        (GET[:-1], False),
        (b"GET / HTTP/1.1\nHost", True),  # refused at once
        (post("Content-Length: 3") + b"ab", False),
        (post("Content-Length: 3") + b"abc", True),
        (post("content-length:3", "A: b") + b"abc" + GET, True),
        (post("A: b", "CONTENT-LENGTH: \t3 ") + b"ab", False),
        (post(f"Content-Length: {SMALL_BODY}"), False),
        (post(f"Content-Length: {SMALL_BODY + 1}"), True),
        (post("Content-Length: 3", "Expect: 100-continue"), True),
        (post("Transfer-Encoding: chunked"), True),
        (post("X-Content-Length: 3"), True),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_request_gets_a_thread_once_it_is_whole(pair: Pair, data: bytes, is_request: bool, size: int) -> None:
    conn, theirs = pair
    said = False
    for start in range(0, len(data), size):
        theirs.sendall(data[start : start + size])
        said = said or conn.receive()
    assert said is is_request


def test_a_head_without_an_end(pair: Pair) -> None:
    conn, theirs = pair
    received = 0
    while not conn.receive() if received else True:
        theirs.sendall(b"x" * 4096)
        received += 4096
    assert MAX_HEAD <= received <= MAX_HEAD + 2 * SMALL_BODY


def test_a_client_that_goes_away(pair: Pair) -> None:
    conn, theirs = pair
    theirs.sendall(GET[:5])
    assert not conn.receive()
    theirs.close()
    with pytest.raises(EOFError):
        conn.receive()


def test_a_body_that_is_cut_off_is_answered(pair: Pair) -> None:
    conn, theirs = pair
    theirs.sendall(post("Content-Length: 3") + b"a")
    assert not conn.receive()
    theirs.close()
    assert conn.receive()


def test_there_is_no_room_for_answers_to_a_client_that_does_not_read(pair: Pair) -> None:
    conn, theirs = pair
    assert conn.can_write()
    with suppress(BlockingIOError):
        while True:
            conn.sock.send(bytes(100_000))
    assert not conn.can_write()
    while not conn.can_write():
        theirs.recv(100_000)
