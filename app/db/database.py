"""Connections: a pool for the ledger, fresh ones of their own for transaction branches."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from math import inf
from time import monotonic
from typing import Any, NoReturn, cast

import pymysql
from pymysql.constants import CLIENT, ER
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import (
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
    ProgrammingError,
    TimeoutError as PoolExhausted,
)
from sqlalchemy.pool import NullPool

from app.db.driver import DriverConnection
from app.db.failures import sentence, translate, write_json
from app.domain.errors import DatabaseUnavailable, DatasetInUse

__all__ = ["Connection", "Database"]  # a function that begins a transaction has its connection as an argument

CONNECT_SECONDS = 3
LEDGER_REPLY_SECONDS = 20  # how long one ledger statement may take before its connection counts as dead
LEDGER_LOCK_SECONDS = 5
LEDGER_IDLE_SECONDS = 10  # a process that freezes between an UPDATE and its COMMIT locks an import for no longer
POOL_SECONDS = 5  # how long a request of a crowd waits until another gives a connection back
UNUSED_SECONDS = 1  # a connection that was in use a moment ago is not asked whether it is still there
LONG_REPLY_SECONDS = 300  # a chunk waits for locks and for a busy server; the heartbeat ends an attempt much sooner
DEFINE_SECONDS = 5  # DDL waits for who reads the table and on prepared branches, by default for up to a year
SESSION_PAUSE_SECONDS = 3600  # the server's patience between chunks and inside one, longer than any pause of ours


class Database:
    """One server: the ledger, and the rows beside it."""

    def __init__(self, url: URL, *, lock_wait_seconds: int = 10, pool_size: int = 10) -> None:
        self.url = url
        self.lock_wait_seconds = lock_wait_seconds
        self._pool_size = pool_size

    @cached_property
    def _engine(self) -> Engine:
        return _engine(
            self.url,
            pool_size=self._pool_size,
            max_overflow=self._pool_size,
            pool_timeout=POOL_SECONDS,
            # every transaction here ends before its connection is returned: a rollback would be in vain
            pool_reset_on_return=None,
            pool_recycle=1800,
            isolation_level="READ COMMITTED",
            connect_args=_ledger_arguments(LEDGER_REPLY_SECONDS, f", wait_timeout = {LEDGER_IDLE_SECONDS}"),
        )

    @cached_property
    def _patient_engine(self) -> Engine:
        # REPEATABLE READ would lock the gaps between the rows that it changes, where imports load
        return _engine(
            self.url,
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
            connect_args=_ledger_arguments(LONG_REPLY_SECONDS),
        )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or rolls back on any exception.

        Raises `DatabaseUnavailable` where the server can't be reached, hangs up, lacks a table or keeps a lock long;
        `InvalidContent` for a text that it can't take.
        """
        with _reachable(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def begin_long(self) -> Iterator[Connection]:
        """`begin` for statements that work on many rows, on a connection of their own."""
        with _reachable(), self._patient_engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One consistent view for reading many rows, however many statements; raises as `begin`."""
        with (
            _reachable(),
            self._patient_engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        ):
            try:
                yield connection
            finally:
                raw = None if connection.invalidated else connection.connection.dbapi_connection
                if isinstance(raw, DriverConnection) and raw.is_broken_off:
                    connection.invalidate()  # a rollback would first read the rest

    @contextmanager
    def uncommitted(self) -> Iterator[Connection]:
        """A reader that sees what open, prepared and half-undone transactions have written; raises as `begin`."""
        with _reachable(), self._engine.connect().execution_options(isolation_level="READ UNCOMMITTED") as connection:
            yield connection

    @contextmanager
    def define(self, installation: str, wait_seconds: float = DEFINE_SECONDS) -> Iterator[Connection]:
        """An autocommit connection for DDL: the only one at that in this installation, for as long as it is open.

        So the holder knows that no other process still works on what was left unfinished. Raises `DatasetInUse` while
        another has it for longer than so many seconds, and as `begin`.
        """
        with _reachable(), self._patient_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # of both kinds: see `migrate`
            for kind in ("lock_wait_timeout", "innodb_lock_wait_timeout"):
                connection.execute(text(f"SET SESSION {kind} = {DEFINE_SECONDS}"))
            lock = {"name": f"backout:define:{installation}", "seconds": wait_seconds}
            if connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), lock).scalar() != 1:
                raise DatasetInUse("another dataset is being created, dropped or emptied: try again")
            yield connection

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Whether this process is the only one that does what `name` says, for as long as it is open; raises as
        `begin`."""
        with _reachable(), self._patient_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection.execute(text("SELECT GET_LOCK(:name, 0)"), {"name": name}).scalar() == 1

    def connect_branch(self) -> DriverConnection:
        """A fresh autocommit connection for one transaction branch, never pooled and never reconnected."""
        _, asked = self._engine.dialect.create_connect_args(self.url)  # whatever the URL asks for, as for the ledger
        named = {
            **asked,
            "charset": "utf8mb4",
            "autocommit": True,
            "local_infile": True,
            "client_flag": CLIENT.FOUND_ROWS,
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": LONG_REPLY_SECONDS,
            "write_timeout": LONG_REPLY_SECONDS,
            "init_command": (
                f"SET time_zone = '+00:00', innodb_lock_wait_timeout = {self.lock_wait_seconds},"
                f" lock_wait_timeout = {self.lock_wait_seconds}, wait_timeout = {SESSION_PAUSE_SECONDS},"
                f" net_read_timeout = {SESSION_PAUSE_SECONDS}, net_write_timeout = {SESSION_PAUSE_SECONDS},"
                " sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"
            ),
        }
        with _reachable():
            return DriverConnection(**named)

    @contextmanager
    def session(self) -> Iterator[DriverConnection]:
        """A short-lived connection of the branch kind, for finishing branches whose owner is gone: that takes time."""
        connection = self.connect_branch()
        try:
            with _reachable():
                yield connection
        finally:
            connection.close()

    @contextmanager
    def control(self) -> Iterator["pymysql.Connection[Any]"]:
        """A pooled autocommit connection, for looking up owners and killing them without delay."""
        with _reachable(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield cast("pymysql.Connection[Any]", connection.connection.dbapi_connection)

    def dispose(self) -> None:
        """Close the pool's idle connections: after a fork, so that parent and child never share a socket."""
        self._engine.dispose(close=False)

    def ping(self) -> None:
        """Raise `DatabaseUnavailable` unless the server answers a query."""
        with self.begin() as connection:
            connection.execute(text("SELECT 1"))


def _engine(url: URL, **options: Any) -> Engine:
    # an error of the driver is logged: without the values, which may be a person's
    engine = create_engine(url, json_serializer=write_json, hide_parameters=True, **options)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, named: Any) -> DriverConnection:
        return DriverConnection(*arguments, **named)

    # `pool_pre_ping` asks the server each time: a round trip, and it is busy
    @event.listens_for(engine, "checkout")
    def look(connection: DriverConnection, record: Any, proxy: Any) -> None:
        try:
            if connection.has_hung_up():
                raise InvalidatePoolError  # the pool connects anew
            if monotonic() > record.info.get("returned_at", inf) + UNUSED_SECONDS:
                connection.ping(reconnect=False)  # a way that is cut says nothing
        except (pymysql.Error, OSError) as error:
            raise InvalidatePoolError from error

    @event.listens_for(engine, "checkin")
    def note(connection: DriverConnection | None, record: Any) -> None:
        record.info["returned_at"] = monotonic()

    return engine


def _ledger_arguments(reply_seconds: int, more_settings: str = "") -> dict[str, Any]:
    return {
        # a matching UPDATE that changes nothing must count as one row
        "client_flag": CLIENT.FOUND_ROWS,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": reply_seconds,
        "write_timeout": reply_seconds,
        "init_command": f"SET time_zone = '+00:00', innodb_lock_wait_timeout = {LEDGER_LOCK_SECONDS}{more_settings}",
    }


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except ProgrammingError as error:
        if error.orig is None or error.orig.args[0] != ER.NO_SUCH_TABLE:
            raise
        missing = f"{sentence(error.orig)}: `python -m app.cli migrate` makes the tables"
        raise DatabaseUnavailable(missing) from error
    except PoolExhausted as error:
        raise DatabaseUnavailable("every connection to the database is in use") from error
    except (OperationalError, InterfaceError) as error:
        _raise(error, error.orig)
    except (pymysql.err.OperationalError, pymysql.err.InterfaceError, UnicodeEncodeError) as error:
        _raise(error, error)


def _raise(error: Exception, cause: BaseException | None) -> NoReturn:
    meaning = translate(cause)
    if meaning is None:
        raise error
    raise meaning from error
