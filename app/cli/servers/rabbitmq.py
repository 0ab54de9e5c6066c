"""A private RabbitMQ with its own epmd (Erlang's port mapper)."""

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

import amqp

from app.cli.processes import free_ports, wait_until
from app.cli.servers.base import PrivateServer, ServerFailed

# Debian's /usr/sbin/rabbitmq-server requires its own account; it calls this.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USER = "backout"

SETTINGS = """\
listeners.tcp.1 = 127.0.0.1:{port}
distribution.listener.interface = 127.0.0.1
default_user = {user}
default_pass = {password}
default_user_tags.administrator = false
log.console = true
log.console.level = info
log.file = false
"""


class PrivateRabbitMQ(PrivateServer):
    """`folder / "complete"` means that a first start succeeded; without it the data is deleted and initialised
    again."""

    name = "rabbitmq"
    accounts = ("rabbitmq",)
    ready_seconds = 120

    def __init__(
        self,
        folder: Path,
        server: Path | str = SERVER,
        ctl: Path | str | None = None,
        *,
        port: int | None = None,
        dist_port: int | None = None,
        epmd_port: int | None = None,
    ) -> None:
        super().__init__(folder)
        self.server = Path(server)
        self.ctl = Path(ctl) if ctl else self.server.with_name("rabbitmqctl")
        if not self.server.exists():
            raise ServerFailed(f"{self.server} is not installed (Debian and Ubuntu: rabbitmq-server)")
        free = free_ports(3)
        self.port, self.dist_port, self.epmd_port = port or free[0], dist_port or free[1], epmd_port or free[2]
        self.node = f"backout-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}@localhost"

    @property
    def password(self) -> str:
        return self._secret("user.secret")

    def url(self, vhost: str = "/") -> str:
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.port}/{vhost}"

    @property
    def command(self) -> list[str]:
        return [str(self.server)]

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "no-such-file"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder_without_space / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # nodes and rabbitmqctl listen on loopback only. The port table is for thousands of connections: for the
            # billion that a container's `ulimit -n` may allow, it would cost gigabytes
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +Q 65536",
            "RABBITMQ_CTL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    @property
    def _folder_without_space(self) -> Path:
        """RabbitMQ 3.10 parses the columns of `df` and fails if the path contains a space."""
        if len(str(self.folder).split()) == 1:
            return self.folder
        return Path("/tmp", self.node.partition("@")[0])  # nosec B108

    def _link_without_space(self) -> None:
        """Make a link in /tmp. It is safe if this user owns it: the sticky bit prevents changes by others."""
        link = self._folder_without_space
        if link == self.folder:
            return
        if not link.is_symlink():
            link.symlink_to(self.folder)
        if link.lstat().st_uid != os.geteuid() or link.readlink() != self.folder:
            raise ServerFailed(f"{link} exists but is not this user's link to {self.folder}: remove it")

    def prepare(self) -> None:
        self._own_folder()
        if not (self.folder / "complete").exists():
            for left in ("data", "schema", "generated"):
                shutil.rmtree(self.folder / left, ignore_errors=True)
        self._write_private("rabbitmq.conf", SETTINGS.format(port=self.port, user=USER, password=self.password))
        self._write_private("enabled_plugins", "[].\n")
        if not (self.folder / ".erlang.cookie").exists():
            self._write_private(".erlang.cookie", secrets.token_hex(20), mode=0o400)

    def spawn(self, output: int, more_environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        self._link_without_space()
        return super().spawn(output, more_environment)

    def is_ready(self) -> bool:
        try:
            with amqp.Connection(host=f"127.0.0.1:{self.port}", userid=USER, password=self.password, connect_timeout=2):
                pass
        except (OSError, amqp.AMQPError):
            return False
        (self.folder / "complete").touch()
        return True

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl`; returns its output."""
        return self._run([str(self.ctl), *arguments], f"rabbitmqctl {arguments[0]}")

    def clear_leftovers(self) -> None:
        """End epmd, which is a daemon and outlives its node. It accepts a request from loopback once the node is
        gone."""
        wait_until(self._epmd_is_gone, 20)
        if self._folder_without_space != self.folder:
            self._folder_without_space.unlink(missing_ok=True)

    def _epmd_is_gone(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.epmd_port), timeout=2) as epmd:
                epmd.sendall(b"\x00\x01k")
                epmd.recv(2)  # it confirms; its port is free once it has ended
        except ConnectionRefusedError:
            return True
        except OSError:
            return False  # too busy to answer, or about to end
        return False
