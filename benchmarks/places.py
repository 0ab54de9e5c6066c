"""Where benchmarks run: private servers, a stack on them, and the server's own client."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import pymysql

from app.cli.servers import PrivateMariaDB, PrivateMySQL, PrivateRabbitMQ
from app.db.migrate import upgrade
from app.db.provision import provision
from tests.stack import BIN, Stack, find_port


@dataclass
class Place:
    """A database server with our tables, a broker, and a folder that is thrown away."""

    name: str
    folder: Path
    server: PrivateMariaDB | PrivateMySQL
    broker: PrivateRabbitMQ
    client: str

    def stack(self, label: str, **settings: object) -> Stack:
        """A stack as it is shipped."""
        folder = self.folder / label
        folder.mkdir()
        url = f"mysql+pymysql://app:app-secret@127.0.0.1:{self.server.port}/backout"
        as_shipped: dict[str, object] = {"lease_seconds": None, "lock_wait_seconds": None, "sweep_seconds": None}
        return _unchecked(Stack(folder, url, self.broker.url(), find_port(), **(as_shipped | settings))).start()

    def bare(self, label: str, **settings: object) -> Stack:
        """The simplest web server and worker that do what ours do, without a promise: see `bare`."""
        folder = self.folder / label
        folder.mkdir()
        stack = _unchecked(Stack(folder, self.server.url("backout"), self.broker.url(), find_port(), **settings))
        stack.commands["web"] = [str(BIN / "gunicorn"), "--config", "gunicorn.conf.py", "benchmarks.bare.web:app"]
        stack.commands["worker"] = [str(BIN / "celery"), "-A", "benchmarks.bare.worker", "worker", "-l", "INFO"]
        self.sql("CREATE TABLE IF NOT EXISTS bare (id CHAR(36) PRIMARY KEY, state VARCHAR(16), made DATETIME(6))")
        return stack.start("web", "worker")

    def sql(self, statement: str) -> str:
        """Run statements with the server's own client, as its administrator."""
        options = ["--local-infile=1", "--batch", "--skip-column-names", "backout"]
        return self._run([self.client, *self._login, *self._plain, *options], statement).strip()

    def count(self, query: str) -> int:
        """What a query counts, asked on a connection that stays: a client's process for each look would be measured,
        too."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            (count,) = cursor.fetchone() or (0,)
        return int(count)

    @cached_property
    def _connection(self) -> "pymysql.Connection[Any]":
        options = {"user": "root", "password": self.server.password, "database": "backout", "autocommit": True}
        return pymysql.connect(host="127.0.0.1", port=self.server.port, **options)

    def time_program(self, program: list[str]) -> float:
        """Seconds that another of the server's programs takes."""
        begun = perf_counter()
        self._run([program[0], *self._login, *program[1:]], "")
        return perf_counter() - begun

    @property
    def _login(self) -> list[str]:
        return ["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={self.server.port}", "--user=root"]

    @property
    def _plain(self) -> list[str]:
        # as ours does on one machine; MariaDB's programs encrypt only if they are asked to
        return ["--ssl-mode=DISABLED", "--get-server-public-key"] if self.name == "mysql" else []

    def _run(self, command: list[str], text: str) -> str:
        environment = {"MYSQL_PWD": self.server.password, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{command[0]}: {done.stderr.strip()}")
        return done.stdout


def _unchecked(stack: Stack) -> Stack:
    """Without a look at every answer, as tests have it: it takes time, and a bare server keeps to no contract."""
    stack.http.hooks["response"].clear()
    return stack


@contextmanager
def open_place(name: str, mysqld: Path | None) -> Iterator[Place]:
    """A fresh place on MariaDB, or on the MySQL whose server and client are in one folder."""
    folder = Path(tempfile.mkdtemp(prefix="backout-bench-"))
    folder.chmod(0o755)
    if name == "mysql":
        if mysqld is None:
            raise SystemExit("say where MySQL's server is: --mysqld PATH (its client beside it)")
        server: PrivateMariaDB | PrivateMySQL = PrivateMySQL(
            folder / "database", mysqld, extra_options=("--log-bin=binlog",)
        )
        client = str(mysqld.with_name("mysql"))
    else:
        server = PrivateMariaDB(folder / "database")
        client = shutil.which("mariadb") or "mysql"
    broker = PrivateRabbitMQ(folder / "broker")
    try:
        for part in (server, broker):
            part.prepare()
            part.start()
        for part in (server, broker):
            part.wait_ready()
        names = {"owner": "owner", "owner_password": "owner-secret", "user": "app", "user_password": "app-secret"}
        provision(server.url(), database="backout", **names)
        upgrade(f"mysql+pymysql://owner:owner-secret@127.0.0.1:{server.port}/backout")
        place = Place(name, folder, server, broker, client)
        place.sql(
            "SET GLOBAL max_connections = 1000"
        )  # two web servers at a time, each with all of its threads at work
        yield place
    finally:
        server.kill()
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)
