"""Connections: what of a request has arrived, before a thread has to do with it."""

import re
import select

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import TConn

from app.web.paced_socket import Pace, PacedSocket

SMALL_BODY = 16 * 1024  # a body of at most so many bytes arrives before its request gets a thread
MAX_HEAD = 64 * 1024
PIECE_BYTES = 64 * 1024
DISCARD_BYTES = 256 * 1024**2
READ_GRACE, READ_RATE, READ_STALL = 60.0, 1000.0, 60.0  # of a larger body: see `Pace`
WRITE_GRACE, WRITE_RATE = 30.0, 10_000.0  # of an answer

# gunicorn refuses a line that ends without a carriage return: it need not wait for more
_END = re.compile(rb"\r\n\r\n|(?<!\r)\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:", re.IGNORECASE)


class Connection(TConn):  # type: ignore[misc] # gunicorn has no types
    """One client's connection. The web server reads heads and small bodies here without a thread.

    Attributes:
        rest: how many bytes of the answered request's body are still to come, and are read for nothing.
        has_head: whether a request's whole head is here, but not its body.
    """

    sock: PacedSocket

    def __init__(self, cfg: object, sock: PacedSocket, client: object, server: object) -> None:
        super().__init__(cfg, sock, client, server)
        self.data_ready = True  # a thread need not wait for the first byte
        self.rest = 0
        self._received = bytearray()
        self._needed: int | None = None

    @property
    def has_head(self) -> bool:
        return self._needed is not None

    @property
    def has_begun(self) -> bool:
        return bool(self._received)

    def can_write(self) -> bool:
        """Whether there is room for an answer; a client that reads makes some."""
        poll = select.poll()
        poll.register(self.sock, select.POLLOUT)
        return bool(poll.poll(0))

    def receive(self) -> bool:
        """Read what is there, without waiting; whether a thread should go on with it. Raises OSError (BlockingIOError
        where nothing is there), and EOFError when the client is gone."""
        piece = self.sock.recv(SMALL_BODY)
        if not piece:
            if self.has_head:
                return True  # the body was cut off, and the answer says so
            raise EOFError
        self._received += piece
        return self._is_enough(len(piece))

    def take_back(self) -> bool:
        """Go on with what the parser has read beyond the request that was answered; whether that is a request."""
        self._received = bytearray(self.parser.unreader.take_buffered())
        return self.has_begun and self._is_enough(len(self._received))

    def _is_enough(self, new: int) -> bool:
        if self._needed is None:
            end = _END.search(self._received, max(0, len(self._received) - new - 3))
            if end is None:
                return len(self._received) > MAX_HEAD
            self._needed = end.end() + self._find_small_body(end.end())
        return len(self._received) >= self._needed

    def _find_small_body(self, end: int) -> int:
        length = _LENGTH.search(self._received, 0, end)
        if length is None or int(length[1]) > SMALL_BODY or _EXPECT.search(self._received, 0, end):
            return 0
        return int(length[1])

    def begin(self) -> None:
        """A thread begins with a request: the parser gets what was read. Raises `LimitRequestHeaders`."""
        self.sock.setblocking(True)
        self.init()
        received, self._received = bytes(self._received), bytearray()
        needed, self._needed = self._needed, None
        if needed is None and b"\r\n" in received:  # of a line that does not end the parser has words of its own
            raise LimitRequestHeaders(f"a head has at most {MAX_HEAD:,} bytes")
        self.parser.unreader.unread(received)
        is_late = needed is None or len(received) < needed
        reading = Pace(grace=0.01) if is_late else Pace(READ_GRACE, READ_RATE, READ_STALL)
        self.sock.keep_pace(reading, Pace(WRITE_GRACE, WRITE_RATE))

    @staticmethod
    def is_lost(body: Body) -> bool:
        """Whether what is left of this body is too much to read it for nothing, or of unknown length."""
        if isinstance(body.reader, LengthReader):
            return bool(body.failed or body.reader.length > DISCARD_BYTES)
        return bool(body.failed or not isinstance(body.reader, ChunkedReader) or body.reader.parser is not None)

    def end(self) -> bool:
        """A thread has answered; whether the client may send another request, after `rest` bytes."""
        self.rest = 0
        body = self.parser.mesg.body
        reader = body.reader
        if self.is_lost(body):
            return False
        if isinstance(reader, ChunkedReader):
            return True
        early = self.parser.unreader.take_buffered()
        self.parser.unreader.unread(early[reader.length :])
        self.rest, reader.length = max(0, reader.length - len(early)), 0
        return True

    def discard(self) -> bool:
        """Read for nothing what is there of the `rest`; whether that was all. Raises OSError and EOFError as
        `receive`."""
        piece = self.sock.recv(min(self.rest, PIECE_BYTES))
        if not piece:
            raise EOFError
        self.rest -= len(piece)
        return self.rest == 0
