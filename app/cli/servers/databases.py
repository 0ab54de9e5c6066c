"""A private MariaDB and a private MySQL, with the same options where both have them."""

import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pymysql

from app.cli.processes import free_ports
from app.cli.servers.base import SYSTEM_PATH, PrivateServer, ServerFailed

# Every start sets the administrator's password again, before the server listens. `localhost` is the Unix socket.
ACCOUNTS = """\
CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '{secret}';
ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '{secret}';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY '{secret}';
"""


class _PrivateDatabase(PrivateServer):
    accounts = ("mysql",)
    ready_seconds = 60
    _data: ClassVar[str] = "data"

    def __init__(
        self, folder: Path, *, server: Path | str, port: int | None = None, extra_options: Sequence[str] = ()
    ) -> None:
        super().__init__(folder)
        self.server = str(server)
        self.port = port or free_ports(1)[0]
        self.extra_options = tuple(extra_options)

    @property
    def password(self) -> str:
        """The administrator's password (root)."""
        return self._secret("root.secret")

    def url(self, database: str = "") -> str:
        """The administrator's address, for provisioning and tests, not for the application."""
        return f"mysql+pymysql://root:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def environment(self) -> dict[str, str]:
        # two initialisations at a time would delete each other's files in a shared folder
        return super().environment | {"TMPDIR": str(self.folder)}

    @property
    def command(self) -> list[str]:
        logged = any(option.replace("_", "-").startswith("--log-bin") for option in self.extra_options)
        return [
            self.server,
            "--no-defaults",  # ignore this machine's settings; must stay first
            f"--datadir=./{self._data}",  # relative to the folder: the path may contain a space
            "--tmpdir=.",  # the data folder: at its start a server deletes others' files in a shared one
            "--socket=socket",  # relative to the data: an absolute path may exceed the limit of 107 bytes
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--init-file={self.folder / 'accounts.sql'}",
            "--character-set-server=utf8mb4",
            "--local-infile=ON",
            "--innodb-flush-log-at-trx-commit=1",
            "--sync-binlog=1",
            f"--innodb-buffer-pool-size={_buffer_pool_bytes()}",
            "--max-connections=300",
            *([] if logged else ["--skip-log-bin"]),
            *self._as_root,
            *self.extra_options,
        ]

    @property
    def _as_root(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 and self.account is None else []

    @property
    def _initialise(self) -> list[str]:
        """The command that makes the system tables in ./data.new."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Initialise the data. The folder is renamed last, so an interrupted initialisation starts again."""
        self._own_folder()
        self._write_private("accounts.sql", ACCOUNTS.format(secret=self.password))
        data, new = self.folder / self._data, self.folder / f"{self._data}.new"
        if not data.exists():
            shutil.rmtree(new, ignore_errors=True)
            self._run(self._initialise, f"initialising {self.name}")
            new.rename(data)

    def is_ready(self) -> bool:
        try:
            with (
                closing(
                    pymysql.connect(
                        host="127.0.0.1",
                        port=self.port,
                        user="root",
                        password=self.password,
                        connect_timeout=2,
                        read_timeout=2,
                    )
                ) as connection,
                connection.cursor() as cursor,
            ):
                return cursor.execute("SELECT 1") == 1
        except (pymysql.MySQLError, OSError):
            return False


class PrivateMariaDB(_PrivateDatabase):
    name = "mariadb"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        extra_options: Sequence[str] = (),
        mariadbd: Path | str | None = None,
    ) -> None:
        server = mariadbd or shutil.which("mariadbd", path=SYSTEM_PATH)
        if server is None:
            raise ServerFailed("mariadbd is not installed (Debian and Ubuntu: mariadb-server-core)")
        super().__init__(folder, server=server, port=port, extra_options=extra_options)

    @property
    def _initialise(self) -> list[str]:
        installer = shutil.which("mariadb-install-db", path=SYSTEM_PATH)
        if installer is None:
            raise ServerFailed("mariadb-install-db is not installed (Debian and Ubuntu: mariadb-server-core)")
        return [installer, "--no-defaults", f"--datadir=./{self._data}.new", "--skip-test-db", *self._as_root]


class PrivateMySQL(_PrivateDatabase):
    """MySQL with a given `mysqld`: distributions with MariaDB seldom have both."""

    name = "mysql"

    def __init__(
        self, folder: Path, mysqld: Path | str, port: int | None = None, extra_options: Sequence[str] = ()
    ) -> None:
        super().__init__(folder, server=mysqld, port=port, extra_options=extra_options)

    @property
    def command(self) -> list[str]:
        return [*super().command, "--mysqlx=OFF"]

    @property
    def _initialise(self) -> list[str]:
        return [
            self.server,
            "--no-defaults",
            "--initialize-insecure",
            f"--datadir={self.folder / self._data}.new",
            *self._as_root,
        ]


def _buffer_pool_bytes() -> int:
    """An eighth of the memory, from 256 MiB to 1 GiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(max(memory // 8, 256 * 1024**2), 1024**3)
