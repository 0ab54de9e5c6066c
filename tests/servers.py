"""Private servers for the tests, on loopback, and what is in them."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import pymysql
import pytest
import structlog
from pydantic import SecretStr

from app.cli.servers import PrivateMariaDB, PrivateMySQL, PrivateRabbitMQ
from app.config import Settings
from app.db import xa
from app.db.driver import DriverConnection
from app.db.migrate import upgrade
from app.db.provision import provision
from tests.waiting import patience

ROOT = Path(__file__).parent.parent
DOWNLOADS = ROOT.parent / "shared" / "servers"  # fetches servers that Debian's packages lack; not part of the project
DATABASES = ("mariadb", "mysql")
BROKERS = ("rabbitmq-3", "rabbitmq-4")
RUN_FOLDER = "TESTS_RUN_FOLDER"  # of a run of several processes: the first one makes it, and takes it away
DEAD_BROKER = "amqp://nobody:nothing@127.0.0.1:1//"

for name in [name for name in os.environ if name.startswith("BACKOUT_")]:
    del os.environ[name]  # a developer's own stack must not leak into the tests


def make_logger(*_: Any) -> structlog.PrintLogger | structlog.ReturnLogger:
    """To standard error, as the programs log: what a thread of a test says is then not read as a command's
    answer. Between two tests, when pytest does not look, it is said to nobody."""
    return structlog.ReturnLogger() if sys.stderr is sys.__stderr__ else structlog.PrintLogger(sys.stderr)


structlog.configure(logger_factory=make_logger)


def fetched(name: str) -> list[Path]:
    """The programs that `get-<name>` prints; skips, loudly, where they can't be had."""
    script = DOWNLOADS / f"get-{name}"
    if not script.exists():
        pytest.skip(f"SKIPPED: no {name} server to test with ({script.name} is not beside this checkout)")
    # kept between runs, where an account of the server's own can reach it
    cache = Path(tempfile.gettempdir()) / f"backout-{name}-{os.getuid()}"
    cache.mkdir(mode=0o755, exist_ok=True)
    assert cache.stat().st_uid == os.getuid(), f"{cache} belongs to somebody else"
    done = subprocess.run([script, cache], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"SKIPPED: no {name} server to test with: {done.stderr.strip()[-300:]}")
    return [Path(line) for line in done.stdout.splitlines()]


def copy_initialised(server: PrivateMariaDB | PrivateMySQL, kept: Path) -> None:
    """Give a new server the data that the first one of this run has made: to make them takes longer than all else of a
    start, and they are the same for each."""
    with kept.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not kept.exists():
            server.prepare()
            shutil.copytree(server.folder / "data", kept)
            (kept / "auto.cnf").unlink(missing_ok=True)  # each MySQL has a name of its own
    if not (server.folder / "data").exists():
        shutil.copytree(kept, server.folder / "data")


@dataclass(frozen=True)
class DatabaseServer:
    """A database server with one installation of ours in it."""

    name: str
    server: PrivateMariaDB | PrivateMySQL
    database: str = "backout"

    @property
    def url(self) -> str:
        """As the application's own user."""
        return f"mysql+pymysql://app:app-secret@127.0.0.1:{self.server.port}/{self.database}"

    @property
    def owner_url(self) -> str:
        return f"mysql+pymysql://owner:owner-secret@127.0.0.1:{self.server.port}/{self.database}"

    @contextmanager
    def root(self, **options: Any) -> Iterator["pymysql.cursors.Cursor"]:
        """A session of the administrator; `options` are those of `pymysql.connect`."""
        # PyMySQL's own would read the system's certificates each time: half of what a small test takes
        connection = DriverConnection(
            host="127.0.0.1",
            port=self.server.port,
            user="root",
            password=self.server.password,
            database=self.database,
            autocommit=True,
            **options,
        )
        with connection, connection.cursor() as cursor:
            yield cursor

    def install(self) -> None:
        provision(
            self.server.url(),
            database=self.database,
            owner="owner",
            owner_password="owner-secret",
            user="app",
            user_password="app-secret",
        )
        upgrade(self.owner_url)


def new_database(name: str, folder: Path, extra_options: tuple[str, ...] = ()) -> DatabaseServer:
    """A server of its own, with our tables; the caller ends it. MySQL writes a binary log, as it does by default."""
    server = (
        PrivateMariaDB(folder, extra_options=extra_options)
        if name == "mariadb"
        else PrivateMySQL(folder, fetched("mysql")[0], extra_options=("--log-bin=binlog", *extra_options))
    )
    if RUN_FOLDER in os.environ:
        copy_initialised(server, Path(os.environ[RUN_FOLDER]) / name)
    server.prepare()
    server.start()
    server.wait_ready(patience(120))
    database = DatabaseServer(name, server)
    database.install()
    return database


def empty(database: DatabaseServer) -> None:
    """Leave nothing of earlier tests: neither rows nor branches."""
    with database.root() as cursor:
        while threads := list_threads(cursor, database.database):
            for thread in threads:
                try:
                    cursor.execute(f"KILL {thread}")
                except pymysql.err.OperationalError as error:
                    if error.args[0] != 1094:
                        raise
            sleep(0.005)
        cursor.execute("XA RECOVER")
        if listed := cursor.fetchall():
            sleep(xa.DETACH_SECONDS)
        for format_id, gtrid_length, bqual_length, data in listed:
            raw = data if isinstance(data, bytes) else data.encode()
            gtrid, bqual = raw[:gtrid_length], raw[gtrid_length : gtrid_length + bqual_length]
            cursor.execute(f"XA ROLLBACK X'{gtrid.hex()}',X'{bqual.hex()}',{format_id}")
        cursor.execute("SET lock_wait_timeout = 30, innodb_lock_wait_timeout = 30")
        cursor.execute("SELECT 1 FROM orders LIMIT 1000, 1")
        if cursor.fetchall():
            cursor.execute("TRUNCATE TABLE orders")
        others = ("handling_steps", "handled_orders", "handlings", "backout_templates", "backout_pauses")
        others += (
            "backout_reverted_imports",
            "backout_tokens",
            "backout_sessions",
            "backout_people",
            "backout_audit",
            "backout_audit_chain",
            "backout_totals",
        )
        cursor.execute("BEGIN")  # one write to the disk, not one a table
        for table in (
            "orders",
            "before_images",
            "receipts",
            "events",
            "idempotency_keys",
            "imports",
            *others,
        ):
            try:
                cursor.execute(f"DELETE FROM {table}")
            except pymysql.err.OperationalError as error:
                raise AssertionError(f"{table} is locked: {list_holders(cursor)}") from error
        cursor.execute("COMMIT")
        cursor.execute("SELECT name FROM datasets WHERE definition IS NOT NULL")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE IF EXISTS `{name}`")
        cursor.execute("DELETE FROM datasets WHERE definition IS NOT NULL")
        cursor.execute("UPDATE datasets SET delete_lease_until = NULL, truncation = NULL")
        cursor.execute("UPDATE installation SET frozen_at = NULL, frozen_reason = NULL, home_server = NULL")


def list_threads(cursor: Any, database: str) -> list[int]:
    """The application's connections."""
    cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'app' AND db = %s", (database,))
    return [int(thread) for (thread,) in cursor.fetchall()]


def list_holders(cursor: Any) -> list[Any]:
    """Who may hold a lock: every transaction, connection and prepared branch of the server."""
    found: list[Any] = []
    for query in ("information_schema.innodb_trx", "information_schema.processlist"):
        cursor.execute(f"SELECT * FROM {query}")
        found += cursor.fetchall()
    cursor.execute("XA RECOVER")
    return [*found, *cursor.fetchall()]


def new_broker(name: str, folder: Path) -> PrivateRabbitMQ:
    """A broker of its own; the caller ends it."""
    broker = PrivateRabbitMQ(folder) if name == "rabbitmq-3" else PrivateRabbitMQ(folder, *fetched("rabbitmq"))
    broker.prepare()
    broker.start()
    broker.wait_ready(patience(120))
    return broker


def add_vhost(broker: PrivateRabbitMQ, name: str) -> None:
    """A virtual host that our user may do everything in, by one call: `rabbitmqctl` takes as long as half a stack."""
    user, vhost, all = '<<"backout">>', f'<<"{name}">>', '<<".*">>'
    add = f"rabbit_vhost:add({vhost}, {user})"
    permit = f"rabbit_auth_backend_internal:set_permissions({user}, {vhost}, {all}, {all}, {all}, {user})"
    broker.control("eval", f"ok = {add}, ok = {permit}.")


def make_settings(database_url: str, spool: Path, broker_url: str = DEAD_BROKER, **values: object) -> Settings:
    """Settings for a test, with leases short enough to wait for."""
    return Settings(
        **{
            "database_url": SecretStr(database_url),
            "broker_url": SecretStr(broker_url),
            "spool_dir": spool,
            "test_endpoints": True,
            "lease_seconds": 3,
            "lock_wait_seconds": 2,
            "sweep_seconds": 0.3,
            **values,
        }  # type: ignore[arg-type]
    )
