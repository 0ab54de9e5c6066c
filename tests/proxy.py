"""A proxy between our processes and a server, which cuts connections, freezes them, or loses the answer to a chosen
statement.

It runs on a thread of the test's process. To a client it offers no TLS, so that statements can be read: PyMySQL asks
for TLS where a server has it (MySQL makes itself a certificate) and does without where it has not. What speaks
another protocol than MySQL's, a broker's client for example, passes unread.
"""

import asyncio
import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

from tests.packets import Statements, without_tls

# What our processes send, as `lose_answer` takes it. A server sees, for the decision: UPDATE imports SET
# state='committing', …; INSERT INTO events …; COMMIT.
RECEIPT = r"^INSERT INTO receipts"
BULK_LOAD = r"^LOAD DATA LOCAL"
ENDED = r"^XA END"
PREPARE = r"^XA PREPARE"
DECISION = r"^UPDATE imports FORCE INDEX \(PRIMARY\) SET state='committing'"
DECISION_COMMIT = r"^COMMIT$"  # with after=DECISION
XA_COMMIT = r"^XA COMMIT"
RECORDED = r"^UPDATE imports FORCE INDEX \(PRIMARY\) SET state='committed'"
STOP = r"^UPDATE imports FORCE INDEX \(id\) SET state=CASE WHEN"

PIECE_BYTES = 256 * 1024
NO_LINGER = struct.pack("ii", 1, 0)  # close() sends RST then


class Trap:
    """Waits, once, for a statement. `sent` is the statement that it caught, with the one that led to it."""

    def __init__(self, statement: str, after: str | None) -> None:
        self._statement = re.compile(statement.encode())
        self._after = re.compile(after.encode()) if after is not None else None
        self.happened = threading.Event()
        self.sent = b""

    def catches(self, statement: bytes, seen: dict["Trap", bytes]) -> bool:
        """Whether this is the one; `seen` has what its connection has sent of the statements that lead to traps."""
        if (self._after is None or self in seen) and self._statement.search(statement):
            self.sent = seen.get(self, b"") + statement
            return True
        if self._after is not None and self._after.search(statement):
            seen[self] = statement
        return False


class Loss(Trap):
    """An answer that is to be lost, or a statement that is not to arrive."""

    def __init__(self, statement: str, after: str | None, arrives: bool) -> None:
        super().__init__(statement, after)
        self.arrives = arrives


class Hold(Trap):
    """A statement that is to be held back until it is released."""

    def __init__(self, statement: str, after: str | None) -> None:
        super().__init__(statement, after)
        self.released = asyncio.Event()


class Proxy:
    """Stands before a server on loopback. `port` is where clients connect; all methods act at once, from any thread."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._accepting: asyncio.Task[None] | None = None
        self._refusing = False
        self.swallowed: bytes | None = (
            None  # what never arrives, of a protocol that passes unread; its connection hangs
        )
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.traps: list[Trap] = []
        self.connections: set[_Connection] = set()

    def start(self) -> "Proxy":
        """Begin to accept connections."""
        self._thread.start()

        def accept() -> None:
            self._accepting = self._loop.create_task(self._accept())

        self._do(accept)
        return self

    def close(self) -> None:
        """Reset every connection and end."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._listener.close()
        self._loop.close()

    def __enter__(self) -> "Proxy":
        return self if self._thread.is_alive() else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def cut(self) -> None:
        """Reset every present connection."""
        self._do(self._cut)

    def refuse(self) -> None:
        """Reset new connections at once; those that are there stay."""
        self._do(lambda: setattr(self, "_refusing", True))

    def accept(self) -> None:
        """Let new connections in again."""
        self._do(lambda: setattr(self, "_refusing", False))

    def freeze(self) -> None:
        """Let no byte pass; sockets stay open, and new connections hang."""
        self._do(self.flowing.clear)

    def thaw(self) -> None:
        """Let pass what waited, and what follows."""
        self._do(self.flowing.set)

    def lose_answer(self, statement: str, *, after: str | None = None, arrives: bool = True) -> Loss:
        """Reset, once, the connection that sends a statement which matches this regular expression.

        The server has executed it then, and its answer is thrown away; without `arrives` it never gets it. With
        `after`, only a connection counts that has sent a statement matching that since this call.
        """
        loss = Loss(statement, after, arrives)
        self._do(lambda: self.traps.append(loss))
        return loss

    def hold(self, statement: str, *, after: str | None = None) -> Hold:
        """Hold a matching statement back, once, and with it what its connection sends after it, until `release`."""
        hold = Hold(statement, after)
        self._do(lambda: self.traps.append(hold))
        return hold

    def release(self, hold: Hold) -> None:
        """Let a held statement pass, and hold none if it has not come yet."""
        self.forget(hold)
        self._do(hold.released.set)

    def forget(self, trap: Trap) -> None:
        """Take back what has not happened."""
        self._do(lambda: self.traps.remove(trap) if trap in self.traps else None)

    def _do(self, act: Callable[[], Any]) -> None:
        """Act on the loop's thread; returns when it is done."""

        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            if self._refusing:
                reset(client)
                continue
            connection = _Connection(self, client)
            self.connections.add(connection)
            connection.task.add_done_callback(lambda _, ended=connection: self.connections.discard(ended))

    def _cut(self) -> None:
        for connection in list(self.connections):
            connection.reset()

    async def _end(self) -> None:
        tasks = [connection.task for connection in self.connections]
        self._cut()
        if self._accepting is not None:
            self._accepting.cancel()
            tasks.append(self._accepting)
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection:
    """A client's connection and ours to the server."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client, self._server = client, socket.socket()
        self._loop = asyncio.get_running_loop()
        for sock in (self._client, self._server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._statements: Statements | None = None  # None: another protocol, or nobody has spoken yet
        self._client_spoke = False
        self._seen: dict[Trap, bytes] = {}
        self._losing: Loss | None = None
        self.task = asyncio.create_task(self._run())

    def reset(self) -> None:
        """Now: whoever waits for the task gets here too late."""
        self.task.cancel()
        for sock in (self._client, self._server):
            if sock.fileno() != -1:
                # before it closes: another connection's may get its number while the loop still watches that
                self._loop.remove_reader(sock)
                self._loop.remove_writer(sock)
            reset(sock)

    async def _run(self) -> None:
        try:
            await self._proxy.flowing.wait()
            await self._loop.sock_connect(self._server, ("127.0.0.1", self._proxy.target_port))
            async with asyncio.TaskGroup() as both:
                both.create_task(self._upward())
                both.create_task(self._downward())
        except* OSError:
            pass  # one of the two is gone, or an answer was lost: the other is to notice
        else:
            self._client.close()
            self._server.close()
        finally:
            reset(self._client)
            reset(self._server)

    async def _upward(self) -> None:
        while piece := await self._loop.sock_recv(self._client, PIECE_BYTES):
            await self._proxy.flowing.wait()
            self._client_spoke = True
            if self._statements is None:
                if self._proxy.swallowed is not None and self._proxy.swallowed in piece:
                    await asyncio.Event().wait()
                await self._loop.sock_sendall(self._server, piece)
                continue
            for data, statement in self._statements.split(piece):
                if statement is not None:
                    await self._judge(statement)
                await self._loop.sock_sendall(self._server, data)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_WR)

    async def _downward(self) -> None:
        greeting = b""
        while piece := await self._loop.sock_recv(self._server, PIECE_BYTES):
            await self._proxy.flowing.wait()
            if self._losing is not None:
                self._losing.happened.set()
                raise ConnectionResetError("this answer was to be lost")
            if not self._client_spoke:  # a MySQL server is the first to speak
                greeting += piece
                if len(greeting) < 4 + int.from_bytes(greeting[:3], "little"):
                    continue
                piece = without_tls(greeting)
                self._statements = Statements()
            await self._loop.sock_sendall(self._client, piece)
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_WR)

    async def _judge(self, statement: bytes) -> None:
        caught = [trap for trap in self._proxy.traps if trap.catches(statement, self._seen)]
        self._proxy.traps = [trap for trap in self._proxy.traps if trap not in caught]
        for trap in caught:
            if isinstance(trap, Hold):
                trap.happened.set()
                await trap.released.wait()
            elif isinstance(trap, Loss) and trap.arrives:
                self._losing = trap
            else:
                trap.happened.set()
                raise ConnectionResetError("this statement was to be lost")


def reset(sock: socket.socket) -> None:
    """Close with RST; nothing happens to one that is closed."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    sock.close()
