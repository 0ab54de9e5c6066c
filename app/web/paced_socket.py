"""Sockets on which a thread waits for a client for a limited time only."""

import errno
import select
import socket
from time import monotonic
from typing import Any


class Pace:
    """How slow a client may be: `grace` seconds in all, one more for every `rate` bytes that went over, and never more
    than `stall` seconds at once.

    Only the time that a thread waits for the client counts: a slow disk or database is not the client's fault.
    """

    def __init__(self, grace: float, rate: float = float("inf"), stall: float = float("inf")) -> None:
        self.count = 0
        self._grace, self._rate, self._stall = grace, rate, stall
        self._waited = 0.0

    def wait(self, sock: socket.socket, event: int) -> None:
        """Wait until the client has done something. Raises TimeoutError if it is too slow."""
        left = min(self._grace + self.count / self._rate - self._waited, self._stall)
        poll, began = select.poll(), monotonic()
        poll.register(sock, event)
        is_there = left > 0 and poll.poll(left * 1000)
        self._waited += monotonic() - began
        if not is_there:
            raise TimeoutError(f"the client is too slow: {self.count:,} bytes in {self._waited:.0f} s")


class PacedSocket(socket.socket):
    """A client's blocking socket. Without a pace it behaves as any other.

    All that gunicorn reads and writes goes through `recv` and `sendall`, so none of its loops can wait for longer.
    """

    _reading: Pace | None = None
    _writing: Pace | None = None

    @classmethod
    def adopt(cls, other: socket.socket) -> "PacedSocket":
        """The same connection as `other`, which is given up."""
        family, kind, protocol = other.family, other.type, other.proto
        return cls(family, kind, protocol, fileno=other.detach())

    def keep_pace(self, reading: Pace | None, writing: Pace | None) -> None:
        """From now on the client must be as fast as this."""
        self._reading, self._writing = reading, writing

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Raises TimeoutError where nothing comes, or too slowly."""
        pace = self._reading
        if pace is None:
            return super().recv(size, flags)
        while True:
            try:
                data = super().recv(size, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                pace.wait(self, select.POLLIN)
            else:
                pace.count += len(data)
                return data

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Raises ConnectionResetError for a client that does not read what it asked for."""
        pace = self._writing
        if pace is None:
            super().sendall(data, flags)
            return
        rest = memoryview(data)
        while rest:
            try:
                sent = self.send(rest, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                try:
                    pace.wait(self, select.POLLOUT)
                except TimeoutError as error:  # gunicorn logs this one with a traceback, a reset quietly
                    raise ConnectionResetError(errno.ECONNRESET, f"the answer is not read: {error}") from None
            else:
                pace.count += sent
                rest = rest[sent:]
