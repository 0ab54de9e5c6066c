"""The worker: gunicorn's own with threads, whose threads never wait for a client that has not sent its request.

gunicorn gives a thread to each new connection, and closes connections in its main loop, where it waits for the client.
Here the main loop reads heads and small bodies without waiting, discards what refused requests still send, and closes.
What waits there has a total deadline, and when there is too much of it, the oldest goes.
"""

import errno
import selectors
import socket
from collections import deque
from contextlib import suppress
from functools import partial
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from time import monotonic
from typing import Any

from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, UnsupportedTransferCoding
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from app.web.connection import DISCARD_BYTES, Connection
from app.web.paced_socket import PacedSocket

REQUEST_SECONDS = 10.0  # for a head, and again for a small body
DISCARD_SECONDS = 5.0  # for what a refused request still sends, and for a client to close
OTHER_FILES = 400  # of logs, uploads and connections to the database


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """See the module. `pending_conns` are sending a request, `leaving` what no one reads any more, and `unread` have
    not read the answers to earlier requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaving: deque[Connection] = deque()
        self.unread: deque[Connection] = deque()

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """End a server that is asked for TLS, whose heads only a thread could read."""
        if cfg.is_ssl:
            log.error("TLS is not done here: put a proxy in front")
            raise SystemExit(2)

    def init_process(self) -> None:
        """Have as many files as connections need, and as the application needs besides."""
        wanted, (soft, hard) = self.cfg.worker_connections + OTHER_FILES, getrlimit(RLIMIT_NOFILE)
        if soft < wanted:
            most = wanted if hard == RLIM_INFINITY else min(wanted, hard)
            setrlimit(RLIMIT_NOFILE, (most, hard))
            self.worker_connections = most - OTHER_FILES
        super().init_process()

    # --- the main loop ------------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Take a new connection, and begin to read."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._close_oldest()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        if self.nr_conns >= self.worker_connections - 1:
            self._close_oldest()
        self.nr_conns += 1
        conn = Connection(self.cfg, PacedSocket.adopt(sock), client, listener.getsockname())
        if not self._read(conn):  # most requests are here already
            self._await(conn)

    def enqueue_req(self, conn: Connection) -> None:
        """Give it to a thread, unless an answer would not even fit into what is to be sent."""
        if conn.can_write():
            super().enqueue_req(conn)
        else:
            self._wait(conn, self.unread, REQUEST_SECONDS, self._write_on, selectors.EVENT_WRITE)

    def _write_on(self, conn: Connection, client: PacedSocket) -> None:
        self._forget(conn, self.unread)
        super().enqueue_req(conn)

    def on_client_socket_readable(self, conn: Connection, client: PacedSocket) -> None:
        """A kept connection begins its next request."""
        self._forget(conn, self.keepalived_conns)
        if not self._read(conn):
            self._await(conn)

    def on_pending_socket_readable(self, conn: Connection, client: PacedSocket) -> None:
        """A request goes on."""
        had_head = conn.has_head
        if self._read(conn):
            self._forget(conn, self.pending_conns)
        elif conn.has_head and not had_head:
            self._forget(conn, self.pending_conns)
            self._await(conn)

    def _read(self, conn: Connection) -> bool:
        """Whether it need not be awaited any more: a thread has it, or it is closed."""
        try:
            if not conn.receive():
                return False
        except BlockingIOError:
            return False
        except (OSError, EOFError):
            self._close(conn)
            return True
        self.enqueue_req(conn)
        return True

    def _await(self, conn: Connection) -> None:
        self._wait(conn, self.pending_conns, REQUEST_SECONDS, self.on_pending_socket_readable)

    def finish_request(self, conn: Connection, fs: Any) -> None:
        """A thread is done: await the next request, after what is left of this one, or close."""
        goes_on = not fs.cancelled() and fs.exception() is None and fs.result()
        conn.sock.keep_pace(None, None)
        try:
            conn.sock.setblocking(False)
            if goes_on:
                self._go_on(conn)
                return
            conn.rest = DISCARD_BYTES
            conn.sock.shutdown(socket.SHUT_WR)
            # with bytes unread, closing at once could take the answer from the client
            self._wait(conn, self.leaving, DISCARD_SECONDS, partial(self._discard, is_closing=True))
        except OSError:
            self._close(conn)

    def _go_on(self, conn: Connection) -> None:
        if conn.rest:
            self._wait(conn, self.leaving, DISCARD_SECONDS, self._discard)
        elif conn.take_back():
            self.enqueue_req(conn)
        elif conn.has_begun:
            self._await(conn)
        else:
            self._wait(conn, self.keepalived_conns, self.cfg.keepalive, self.on_client_socket_readable)

    def _discard(self, conn: Connection, client: PacedSocket, is_closing: bool = False) -> None:
        try:
            is_all = conn.discard()
        except BlockingIOError:
            return
        except (OSError, EOFError):
            is_all = is_closing = True
        if is_all:
            self._forget(conn, self.leaving)
            if is_closing:
                self._close(conn)
            else:
                self._go_on(conn)

    def murder_pending(self) -> None:
        """End what took too long: a request whose body did not come is answered, all else is closed."""
        now = monotonic()
        for waiting in (self.pending_conns, self.leaving, self.unread):
            while waiting and waiting[0].timeout <= now:
                conn = waiting[0]
                self._forget(conn, waiting)
                if conn.has_head and waiting is self.pending_conns:
                    self.enqueue_req(conn)
                else:
                    self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        for waiting in (self.keepalived_conns, self.pending_conns, self.leaving, self.unread):
            for conn in waiting:
                conn.timeout = min(conn.timeout, deadline)

    def _close_oldest(self) -> None:
        for waiting in (self.pending_conns, self.unread, self.leaving, self.keepalived_conns):
            if waiting:
                conn = waiting[0]
                self._forget(conn, waiting)
                self._close(conn)
                return

    def _wait(
        self, conn: Connection, among: deque[Connection], seconds: float, then: Any, event: int = selectors.EVENT_READ
    ) -> None:
        conn.timeout = monotonic() + (seconds if self.alive else min(seconds, STOP_KEEPALIVE_LINGER))
        among.append(conn)
        self.poller.register(conn.sock, event, partial(then, conn))

    def _forget(self, conn: Connection, among: deque[Connection]) -> None:
        among.remove(conn)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    # --- a thread -----------------------------------------------------------------------------------------------------

    def handle(self, conn: Connection) -> bool:
        """Answer a request; whether the connection goes on."""
        try:
            conn.begin()
        except LimitRequestHeaders as error:
            self.handle_error(None, conn.sock, conn.client, error)
            return False
        return bool(super().handle(conn))

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Run the application. An answer says that the connection ends where the end of the body can't be found."""
        asked = req.should_close
        req.should_close = lambda: asked() or conn.is_lost(req.body)
        return bool(super().handle_request(req, conn))

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        return conn.end() and keepalive  # no thread waits for what is left of a body

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that can't be read. What was sent is never a fault of the server: gunicorn would answer a
        transfer coding that it lacks with 501."""
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader("TRANSFER-ENCODING", req=req)
        super().handle_error(req, client, addr, exc)
