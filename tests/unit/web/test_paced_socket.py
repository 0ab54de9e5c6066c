"""A thread waits for a client for a limited time, whatever the client does meanwhile."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import sleep

import pytest
from gunicorn.http.body import Body as GunicornBody, LengthReader
from gunicorn.http.unreader import SocketUnreader
from werkzeug.exceptions import RequestTimeout

from app.domain.errors import BadRequest
from app.routes.request_body import Body
from app.web.paced_socket import Pace, PacedSocket

Pair = tuple[PacedSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with PacedSocket.adopt(ours) as paced, theirs:
        yield paced, theirs


def test_a_body_that_stops_is_given_up(pair: Pair) -> None:
    ours, theirs = pair
    ours.keep_pace(Pace(grace=100, stall=0.2), None)
    body = Body(GunicornBody(LengthReader(SocketUnreader(ours), 10)), 10)
    theirs.sendall(b"12345")
    with pytest.raises(RequestTimeout, match="0 bytes were read"):
        body.read(10)


def test_bytes_that_drip_do_not_count_as_progress(pair: Pair) -> None:
    """gunicorn reads on until it has what was asked for: each byte would begin a new wait."""
    ours, theirs = pair
    ended = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            while not ended.wait(0.02):
                theirs.send(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        ours.keep_pace(Pace(grace=0.5, rate=1000), None)
        with pytest.raises(RequestTimeout):
            Body(GunicornBody(LengthReader(SocketUnreader(ours), 100_000)), 100_000).read(100_000)
    finally:
        ended.set()
        dripping.join()


def test_only_waiting_for_the_client_counts(pair: Pair) -> None:
    ours, theirs = pair
    ours.keep_pace(Pace(grace=0.05), None)
    theirs.sendall(b"12345")
    sleep(0.2)  # a disk that is slow
    assert ours.recv(3) + ours.recv(10) == b"12345"


def test_a_client_that_does_not_read_is_given_up(pair: Pair) -> None:
    ours, _ = pair
    ours.keep_pace(None, Pace(grace=0.2, rate=1e9))
    with pytest.raises(ConnectionResetError, match="not read"):
        ours.sendall(bytes(100_000_000))


def test_a_body_that_was_cut_off_is_refused() -> None:
    with pytest.raises(BadRequest, match="5 of 10 bytes"):
        Body(io.BytesIO(b"12345"), 10).read_all(100)
