"""The driver: PyMySQL's connection, with what a bulk load and many connections need of it."""

import select
import ssl
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from socket import gethostname
from typing import Any, ClassVar

from pymysql import converters
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CLIENT, COMMAND, CR, ER
from pymysql.cursors import Cursor
from pymysql.err import InternalError, OperationalError
from pymysql.protocol import MysqlPacket, OKPacketWrapper

WANTS_ENCRYPTION = (ER.ACCESS_DENIED_ERROR, 3159)  # an account's REQUIRE SSL; the server's require_secure_transport
PACKET_BYTES = 64 * 1024  # of lines: PyMySQL's 16 KiB cost a load 3 %, more than 64 gain nothing


class DriverConnection(Connection):
    """Encrypts where the server can, and sends lines from memory.

    A server on this machine is met so once; then it does so only if the URL or the server asks for it: no one is on the
    way there, and the handshake is 2.7 of the 3.5 ms of processor time that a connection to MySQL costs the two.

    PyMySQL would read the system's certificates for each connection, 21 ms of processor time, and it uses none of them
    unless it verifies the server's. To LOAD DATA LOCAL it would send whichever file the server names; here no
    file is ever read, whatever the server asks for: it gets the lines of `load`, or nothing.
    """

    _unverified: "_Resuming | None" = None
    _is_near: ClassVar[dict[Any, bool]] = {}  # of each address: whether to do without encryption there
    _address: Any = None
    _has_loaded = False

    def has_hung_up(self) -> bool:
        """Whether the server has closed the connection, as far as is known here; it is not asked. A server that
        was asked nothing sends nothing, unless it ends the connection."""
        socket = self._sock  # type: ignore[attr-defined]
        if socket is None:
            return True
        poll = select.poll()
        poll.register(socket, select.POLLIN)
        return bool(poll.poll(0))

    def load(self, statement: str, lines: bytes) -> tuple[int, int]:
        """Run a LOAD DATA LOCAL and send it these lines; returns how many rows were loaded, and how many warnings there
        were, at most 65,535. Raises PyMySQL's errors, and others when the connection is killed in mid-send.

        From the second on, lines follow their statement before the server has asked for them: it would have nothing to
        do meanwhile, 3 to 4 % of a load. One that refuses the statement hangs up at the first line, whatever it says,
        since a packet that opens a command has the number 0 (MySQL Internals, "MySQL Packets").
        """
        self._execute_command(COMMAND.COM_QUERY, statement)  # type: ignore[attr-defined]
        after = self._send_lines(lines) if self._has_loaded else None
        self._next_seq_id = 1
        if not self._read_packet().is_load_local_packet():  # type: ignore[no-untyped-call]
            raise InternalError(f"the server did not ask for the lines of: {statement}")
        self._next_seq_id = self._send_lines(lines) if after is None else after
        done = OKPacketWrapper(self._read_packet())  # type: ignore[no-untyped-call]
        self._has_loaded = True
        return int(done.affected_rows), int(done.warning_count)

    @property
    def is_broken_off(self) -> bool:
        """Whether rows of a streamed result are still to be read, or were given up and the connection with them."""
        return not self.open or bool(self._result and self._result.unbuffered_active)

    def _send_lines(self, lines: bytes) -> int:
        """Returns the number of the packet that answers them."""
        self._next_seq_id = 2
        rest = memoryview(lines)
        for start in range(0, len(rest), PACKET_BYTES):
            self.write_packet(bytes(rest[start : start + PACKET_BYTES]))
        self.write_packet(b"")  # which says that nothing follows
        return self._next_seq_id

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        if sslp:
            return super()._create_ssl_ctx(sslp)  # type: ignore[misc, no-any-return]
        if DriverConnection._unverified is None:
            DriverConnection._unverified = _Resuming(ssl.PROTOCOL_TLS_CLIENT)
        return DriverConnection._unverified

    def connect(self, sock: Any = None) -> None:
        try:
            super().connect(sock)
        except OperationalError as error:
            if error.args[0] not in WANTS_ENCRYPTION or not self._is_plain_by_choice():
                raise
            self._is_near[self._address] = False
            super().connect(sock)
        encrypted = self._sock  # type: ignore[attr-defined]
        if isinstance(encrypted, ssl.SSLSocket) and isinstance(encrypted.context, _Resuming):
            # what it said after the handshake has been read by now, and with it what the next handshake is cut short by
            with suppress(OSError):  # it hung up; the next use of the connection raises
                encrypted.context.met[encrypted.getpeername()] = encrypted.session
            if self._address not in self._is_near:
                self._is_near[self._address] = self._is_loopback() and self._ask_hostname() == gethostname()

    def _is_loopback(self) -> bool:
        return isinstance(self._address, tuple) and ip_address(self._address[0]).is_loopback

    def _ask_hostname(self) -> str:
        # behind an address of this machine there may be a forwarder's, and behind that a network
        with self.cursor(Cursor) as cursor:
            cursor.execute("SELECT @@hostname")
            (name,) = cursor.fetchone() or ("",)
            return str(name) if name != "localhost" else ""  # as many a machine is called

    def _request_authentication(self) -> None:
        self._address = self._sock.getpeername()  # type: ignore[attr-defined]
        if self._is_plain_by_choice():
            self.server_capabilities &= ~CLIENT.SSL  # type: ignore[attr-defined]
        super()._request_authentication()  # type: ignore[misc]

    def _is_plain_by_choice(self) -> bool:
        return not self._ssl_required and self._is_near.get(self._address, False)  # type: ignore[attr-defined]

    def _read_column(self) -> bytes:
        """The next packet of those that describe a result's columns; `_read_packet` does as much for each of them as
        for a whole answer."""
        head = self._read_bytes(4)  # type: ignore[attr-defined]
        if head[3] != self._next_seq_id:
            self._force_close()  # type: ignore[attr-defined]
            raise OperationalError(CR.CR_SERVER_LOST, f"packet {head[3]} came instead of {self._next_seq_id}")
        self._next_seq_id = (self._next_seq_id + 1) % 256
        data: bytes = self._read_bytes(int.from_bytes(head[:3], "little"))  # type: ignore[attr-defined]
        if data[:1] == b"\xff":
            MysqlPacket(data, self.encoding).raise_for_error()
        return data

    def _read_query_result(self, unbuffered: bool = False) -> int:
        # as PyMySQL has it, but for the class
        result = _Result(self)
        self._result = None
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows or 0


class _Resuming(ssl.SSLContext):
    """What PyMySQL makes where nothing is verified, without reading certificates; with a server that was met before the
    handshake is cut short (RFC 8446, 2.2): 1 of 3 ms."""

    def __init__(self, *_: Any) -> None:
        self.check_hostname = False
        self.verify_mode = ssl.CERT_NONE
        self.met: dict[Any, ssl.SSLSession | None] = {}

    def wrap_socket(self, sock: Any, *_: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(sock, session=self.met.get(sock.getpeername()), **options)


@lru_cache(maxsize=1024)  # a statement's columns are described with each of its answers, in the same bytes
def _describe(columns: tuple[bytes, ...], encoding: str) -> tuple[Any, Any, Any]:
    """PyMySQL's own reading of them: fields, description and converters of a result."""
    told: Any = _Told(columns, encoding)
    result: Any = MySQLResult(told)
    result.field_count = len(columns)
    result._get_descriptions()
    return result.fields, result.description, result.converters


class _Told:
    """What has been read of a connection, read again."""

    use_unicode = True
    decoders = converters.decoders

    def __init__(self, columns: tuple[bytes, ...], encoding: str) -> None:
        self.encoding = encoding
        self._packets = iter((*columns, b"\xfe\0\0\0\0"))  # the last says that nothing follows

    def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        return packet_type(next(self._packets), self.encoding)


class _Result(MySQLResult):
    def _get_descriptions(self) -> None:
        connection: Any = self.connection
        columns = tuple(connection._read_column() for _ in range(self.field_count or 0))
        self.fields, self.description, self.converters = _describe(columns, connection.encoding)
        if not connection._read_packet().is_eof_packet():
            raise InternalError("the description of a result has no end")

    def _read_load_local_packet(self, first_packet: Any) -> None:
        connection: Any = self.connection
        connection.write_packet(b"")  # a file without a line
        self._read_ok_packet(connection._read_packet())  # type: ignore[attr-defined]

    def _finish_unbuffered_query(self) -> None:
        # PyMySQL reads the rest of what someone stopped to read, which takes as long as it is: the connection goes
        if self.unbuffered_active:
            self.unbuffered_active = False
            connection, self.connection = self.connection, None
            if connection is not None:
                connection._force_close()  # type: ignore[attr-defined]
