"""Where benchmarks run: private servers, a stack on them, and the server's own client."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cli.servers import PrivateMariaDB, PrivateMySQL, PrivateRabbitMQ
from app.db.migrate import upgrade
from app.db.provision import provision
from tests.stack import Stack, find_port


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
        return Stack(folder, url, self.broker.url(), find_port(), **(as_shipped | settings)).start()

    def sql(self, statement: str) -> str:
        """Run statements with the server's own client, as its administrator."""
        done = subprocess.run(
            [
                self.client,
                "--no-defaults",
                "--local-infile=1",
                "--protocol=tcp",
                "--host=127.0.0.1",
                f"--port={self.server.port}",
                "--user=root",
                "--batch",
                "--skip-column-names",
                "backout",
            ],
            input=statement,
            env={"MYSQL_PWD": self.server.password, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{self.client}: {done.stderr.strip()}")
        return done.stdout.strip()


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
        yield Place(name, folder, server, broker, client)
    finally:
        server.kill()
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)
