"""A flaky way to a web server: what a client sends is cut off, its answer is lost, or somebody else answers.

Each new connection meets the next trouble; when none is left, all goes through.
"""

import contextlib
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.proxy import NO_LINGER
from tests.waiting import patience

PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Cut:
    """The connection is reset once so many bytes of the request have passed."""

    after_bytes: int


@dataclass(frozen=True)
class LostAnswer:
    """The request arrives whole; the connection is reset instead of its answer."""


@dataclass(frozen=True)
class Answer:
    """Another answer than the server's, which is not asked."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


Trouble = Cut | LostAnswer | Answer


class FlakyWay:
    """Listens on a free port of loopback and passes on to another one there."""

    def __init__(self, port: int, *troubles: Trouble) -> None:
        self._target = port
        self._troubles = deque(troubles)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    @property
    def left(self) -> int:
        """How many troubles nobody has met yet."""
        return len(self._troubles)

    def _accept(self) -> None:
        handlers = []
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                trouble = self._troubles.popleft() if self._troubles else None
                handlers.append(threading.Thread(target=self._handle, args=(client, trouble)))
                handlers[-1].start()
        for handler in handlers:
            handler.join()

    def _handle(self, client: socket.socket, trouble: Trouble | None) -> None:
        client.settimeout(patience())
        with client, contextlib.suppress(OSError):
            if isinstance(trouble, Answer):
                _answer(client, trouble)
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                back = threading.Thread(target=_pass_on, args=(server, client, trouble))
                back.start()
                _forward(client, server, trouble)
                back.join()


def _answer(client: socket.socket, answer: Answer) -> None:
    """Read the request to its end, since a close with unread bytes would reset the connection."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(PIECE_BYTES)
    head, _, body = request.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None)
    while (len(body) < length) if length is not None else (b"chunked" in head and not body.endswith(b"0\r\n\r\n")):
        body += client.recv(PIECE_BYTES)
    headers = {"Content-Length": "0", "Connection": "close", **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} Trouble", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    client.sendall("\r\n".join(lines).encode())


def _forward(client: socket.socket, server: socket.socket, trouble: Trouble | None) -> None:
    left = trouble.after_bytes if isinstance(trouble, Cut) else None
    with contextlib.suppress(OSError):
        while piece := client.recv(PIECE_BYTES if left is None else min(left, PIECE_BYTES)):
            server.sendall(piece)
            if left is not None:
                left -= len(piece)
                if not left:
                    _reset(client)
                    break
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR if left is not None else socket.SHUT_WR)


def _pass_on(server: socket.socket, client: socket.socket, trouble: Trouble | None) -> None:
    with contextlib.suppress(OSError):
        while piece := server.recv(PIECE_BYTES):
            if isinstance(trouble, LostAnswer):
                _reset(client)
                server.shutdown(socket.SHUT_RDWR)
                return
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    client.shutdown(socket.SHUT_RDWR)
    client.close()
