"""The XA verbs, the owner's lock and the kill: all that touches a transaction branch as such.

MariaDB manual, "XA Transactions"; MySQL 9 manual, 15.3.8. Branch names are written as hex literals, so that no byte of
them is ever text. A connection that owns a branch is never pooled, pinged or reconnected: that would leave the branch.
"""

import secrets
import socket
from collections.abc import Collection, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import pymysql

from app.db.driver import DriverConnection
from app.domain.errors import AttemptLost
from app.domain.xid import RawXid, Xid

XAER_NOTA = 1397  # no such branch, or (MariaDB) one that another connection still holds
XAER_RMERR = 1401  # of XA RECOVER on MySQL: the right for it is missing
XA_RBROLLBACK = 1402  # the branch is gone because the server rolled it back
UNKNOWN_THREAD = 1094
RELEASE_SECONDS = 2.0
POLL_SECONDS = 0.05
PROBE_FORMAT_ID = 0x424B5052  # another than a branch's
DETACH_SECONDS = 1.0  # thousands of times what a busy MariaDB was seen to need


class Branch:
    """One participation in a global transaction, on the connection that owns it."""

    def __init__(self, connection: DriverConnection, xid: Xid) -> None:
        self.connection = connection
        self.xid = xid

    def hold_owner_lock(self) -> None:
        """Take the name under which a killer finds this connection; raises `AttemptLost` if another has it.

        The server frees it only when the connection's transaction is wholly undone.
        """
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, 0)", (self.xid.lock_name(),))
            if cursor.fetchone() != (1,):
                raise AttemptLost(f"another connection owns branch {self.xid.lock_name()}")

    def start(self) -> None:
        """Begin the branch: from here on only a kill or a crash undoes it without a statement."""
        self._run("XA START")

    def end(self) -> None:
        """No more rows."""
        self._run("XA END")

    def prepare(self) -> None:
        """Make it durable: after this it survives any crash, in doubt until somebody commits or rolls it back."""
        self._run("XA PREPARE")

    def commit(self) -> None:
        """Finish a prepared branch; its rows and its receipt appear together."""
        self._run("XA COMMIT")

    def rollback(self) -> None:
        """Undo a prepared branch."""
        self._run("XA ROLLBACK")

    def cut(self) -> None:
        """End whatever the connection is doing, from another thread: its owner's call fails at once."""
        sock = self.connection._sock  # type: ignore[attr-defined]
        if sock is not None:
            with suppress(OSError):  # it is closed already
                sock.shutdown(socket.SHUT_RDWR)

    def abandon(self) -> None:
        """Drop the socket and send nothing: an open branch is undone by the server, a prepared one waits in doubt."""
        self.connection._force_close()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Say goodbye after a finished branch."""
        self.connection.close()

    def _run(self, verb: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(f"{verb} {_literal(self.xid.raw())}")


def list_prepared(session: "pymysql.Connection[Any]") -> list[RawXid]:
    """Every prepared branch on the server, foreign ones included (MySQL: needs XA_RECOVER_ADMIN).

    A foreign name may be any bytes. MariaDB sends them as such; MySQL sends text, which they need not be, unless
    it is asked for hexadecimal digits.
    """
    with session.cursor() as cursor:
        cursor.execute("XA RECOVER" if _is_mariadb(session) else "XA RECOVER CONVERT XID")
        return [_raw(*row) for row in cursor.fetchall()]


def find_fault(session: "pymysql.Connection[Any]") -> str | None:
    """What keeps this server from distributed transactions; None where they work. Nothing is left of the try.

    A Galera cluster has none of them; without XA_RECOVER_ADMIN MySQL hides what is prepared, and nothing is recovered.
    """
    probe = _literal(RawXid(PROBE_FORMAT_ID, b"backout-probe:" + secrets.token_hex(8).encode(), b"1"))
    try:
        list_prepared(session)
        with session.cursor() as cursor:
            for verb in ("XA START", "XA END", "XA ROLLBACK"):
                cursor.execute(f"{verb} {probe}")
    except pymysql.err.MySQLError as error:
        if error.args[0] == XAER_RMERR and not _is_mariadb(session):
            return "this user may not see what is prepared: grant it XA_RECOVER_ADMIN"
        return str(error.args[-1])
    return None


def release(session: "pymysql.Connection[Any]", xids: Collection[Xid]) -> list[Xid]:
    """Kill the owners of prepared branches; returns those branches that this session may finish now.

    What is still owned after `RELEASE_SECONDS` is left out. A MariaDB connection that ends gives up the branch's name
    first, then its owner's lock, and then lets go of the transaction itself. XA COMMIT or XA ROLLBACK in between is
    answered OK and does nothing: the branch is listed no more, and its locks stay until the server starts again. So
    nothing is finished sooner than `DETACH_SECONDS` after the owner's lock was seen free.
    """
    if not xids:
        return []
    until = monotonic() + RELEASE_SECONDS
    kill_owners(session, list(xids))
    while (owned := owners_of(session, list(xids))) and monotonic() < until:
        sleep(POLL_SECONDS)
    if _is_mariadb(session):
        sleep(DETACH_SECONDS)
    return [xid for xid in xids if xid not in owned]


def commit_prepared(session: "pymysql.Connection[Any]", xid: Xid) -> bool:
    """Commit a branch that was released; False where the server knows none that this session may finish.

    False proves nothing: only the receipt does.
    """
    return _finish(session, "XA COMMIT", xid)


def roll_back_prepared(session: "pymysql.Connection[Any]", xid: Xid) -> bool:
    """Roll back a branch that was released; False where the server knows none that this session may finish."""
    return _finish(session, "XA ROLLBACK", xid)


def owners_of(session: "pymysql.Connection[Any]", xids: Sequence[Xid]) -> dict[Xid, int]:
    """The connections that own these branches or whose undo is not over; branches without an owner are left out."""
    if not xids:
        return {}
    with session.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(['IS_USED_LOCK(%s)'] * len(xids))}", [xid.lock_name() for xid in xids])
        owners = cursor.fetchone() or ()
        return {xid: int(owner) for xid, owner in zip(xids, owners, strict=True) if owner is not None}


def kill_owners(session: "pymysql.Connection[Any]", xids: Sequence[Xid]) -> int:
    """Kill the connections that own these branches; returns how many there were.

    The connection, not the query: KILL QUERY would undo one statement and leave the branch open to be committed.
    """
    owners = owners_of(session, xids)
    with session.cursor() as cursor:
        for owner in owners.values():
            try:
                cursor.execute(f"KILL CONNECTION {owner}")
            except pymysql.err.MySQLError as error:
                if error.args[0] != UNKNOWN_THREAD:  # gone already: MySQL drops it at once and undoes it afterwards
                    raise
    return len(owners)


def _finish(session: "pymysql.Connection[Any]", verb: str, xid: Xid) -> bool:
    with session.cursor() as cursor:
        try:
            cursor.execute(f"{verb} {_literal(xid.raw())}")
        except pymysql.err.MySQLError as error:
            if error.args[0] in (XAER_NOTA, XA_RBROLLBACK):
                return False
            raise
    return True


def _is_mariadb(session: "pymysql.Connection[Any]") -> bool:
    return "MariaDB" in str(session.get_server_info())  # type: ignore[no-untyped-call]


def _raw(format_id: int, gtrid_length: int, bqual_length: int, data: bytes | str) -> RawXid:
    # the server shows the two joined, so they are split by the lengths it gives
    joined = data if isinstance(data, bytes) else bytes.fromhex(data.removeprefix("0x"))
    return RawXid(format_id, joined[:gtrid_length], joined[gtrid_length : gtrid_length + bqual_length])


def _literal(raw: RawXid) -> str:
    return f"X'{raw.gtrid.hex()}',X'{raw.bqual.hex()}',{raw.format_id}"
