"""Attacks of clients that hold on: bounded, on loopback only, and over when their block ends."""

import http.client
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep

from tests.waiting import patience

KEYS = {"alice": "alice-0123456789abcdef", "bob": "bob-0123456789abcdef"}
HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: "
SIGN_IN = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n"
_FORM = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED_SIGN_IN = _FORM + b"Transfer-Encoding: chunked\r\n\r\n"
EXPECTING_SIGN_IN = _FORM + b"Content-Length: 9000\r\nExpect: 100-continue\r\n\r\n"
REFUSED = b"POST /v1/nothing-here HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n"
LAST = b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n"


@contextmanager
def hold(port: int, count: int, data: bytes, drip: float | None = None) -> Iterator[list[socket.socket]]:
    """So many connections that send this and then nothing, or a byte more every `drip` seconds."""
    with ExitStack() as stack:
        sockets = []
        for _ in range(count):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", port), patience()))
            held.sendall(data)
            sockets.append(held)
        if drip is not None:
            ended = threading.Event()
            dripping = threading.Thread(target=_drip, args=(sockets, drip, ended), daemon=True)
            dripping.start()
            stack.callback(dripping.join)
            stack.callback(ended.set)
        yield sockets


def _drip(sockets: list[socket.socket], every: float, ended: threading.Event) -> None:
    while not ended.wait(every):
        for held in sockets:
            with suppress(OSError):
                held.send(b"x")


def is_closed(held: socket.socket) -> bool:
    """Whether the server has ended this connection; what it sent before is read."""
    timeout = held.gettimeout()
    held.setblocking(False)
    try:
        while held.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        held.settimeout(timeout)


def count_open(sockets: list[socket.socket]) -> int:
    """How many of them the server still keeps."""
    return sum(not is_closed(held) for held in sockets)


@dataclass
class Answers:
    """How long answers took, in milliseconds; `lost` are those that did not come."""

    milliseconds: list[float] = field(default_factory=list)
    lost: int = 0

    def percentile(self, share: float) -> float:
        """A lost one took forever."""
        ordered = sorted(self.milliseconds) + [float("inf")] * self.lost
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


def ask(port: int, path: str, seconds: float, headers: dict[str, str] | None = None, timeout: float = 5) -> Answers:
    """Ask again and again for so long, each time on a connection of its own."""
    answers, until = Answers(), monotonic() + seconds
    while monotonic() < until:
        began = monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            response.read()
            assert response.status == 200, response.status
            answers.milliseconds.append((monotonic() - began) * 1000)
        except OSError:
            answers.lost += 1
        finally:
            connection.close()
        sleep(0.01)
    return answers


def seconds_held(sockets: list[socket.socket], limit: float) -> float:
    """After how long the server has ended the last of them; `limit` if it does not."""
    began, left = monotonic(), list(sockets)
    while left and monotonic() - began < limit:
        left = [held for held in left if not is_closed(held)]
        sleep(0.1)
    return min(limit, monotonic() - began)


def open_streams(port: int, path: str, count: int, headers: str = "") -> tuple[ExitStack, int]:
    """Open so many streams; how many of them have begun within 10 s."""
    stack, waiting = ExitStack(), selectors.DefaultSelector()
    for _ in range(count):
        stream = stack.enter_context(socket.create_connection(("127.0.0.1", port), patience()))
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        waiting.register(stream, selectors.EVENT_READ)
    begun, until = 0, monotonic() + 10
    while begun < count and monotonic() < until:
        for key, _ in waiting.select(0.5):
            waiting.unregister(key.fileobj)
            begun += b" 200 " in key.fileobj.recv(65536)[:20]  # type: ignore[union-attr]
    waiting.close()
    return stack, begun
