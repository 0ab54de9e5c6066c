"""The services of docker-compose.yml as processes, as the file says.

Our processes run in a folder that holds just what the Dockerfile copies, with just the packages of the lock, under an
ordinary account, with the file's commands, variables and secrets; the servers are private ones with the file's options.
"""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import amqp
import pymysql
import requests

from app.cli.processes import free_ports, is_free, wait_until
from app.cli.servers import PrivateMySQL, PrivateRabbitMQ
from tests.integration.docker.files import COMPOSE, IMAGE, STAYING, find_secrets, merge, seconds
from tests.integration.docker.image import as_account, build_image, ordinary_account
from tests.sandbox import Sandbox
from tests.servers import ROOT, fetched
from tests.waiting import patience


class Broker(PrivateRabbitMQ):
    """With the user that the compose file's own configuration makes, instead of one of its own."""

    configuration: Path
    secret: str
    authority: Path | None = None

    @property
    def password(self) -> str:
        return self.secret

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"RABBITMQ_CONFIG_FILES": str(self.configuration)}

    def prepare(self) -> None:
        super().prepare()
        lines = (self.folder / "rabbitmq.conf").read_text().splitlines(keepends=True)
        others = ("default_", "listeners.") if self.authority else "default_"
        self._write_private("rabbitmq.conf", "".join(line for line in lines if not line.startswith(others)))

    def is_ready(self) -> bool:
        if self.authority is None:
            return super().is_ready()
        tls = {"ca_certs": str(self.authority), "server_hostname": "127.0.0.1"}
        try:
            with amqp.Connection(f"127.0.0.1:{self.port}", "backout", self.password, ssl=tls, connect_timeout=2):
                return True
        except (OSError, amqp.AMQPError):
            return False

    def clear_leftovers(self) -> None:
        """epmd stays until it has noticed that its node is gone."""
        ask = super().clear_leftovers
        assert wait_until(lambda: ask() or is_free(self.epmd_port), patience())


class Database(PrivateMySQL):
    """Over TLS where it takes nothing else."""

    def is_ready(self) -> bool:
        try:
            asked = {"host": "127.0.0.1", "port": self.port, "user": "root", "password": self.password}
            pymysql.connect(**asked, ssl={"check_hostname": False}, connect_timeout=2).close()
        except (pymysql.MySQLError, OSError):
            return False
        return True


class Composed:
    """The compose file's services on this machine. Containers' paths and addresses become those of one folder."""

    def __init__(self, folder: Path, overlay: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.compose = merge(COMPOSE, overlay or {})
        self.services: dict[str, dict[str, Any]] = self.compose["services"]
        self.account = ordinary_account()
        self.secrets = folder / "made"
        for program in ("make-secrets", *(["make-certificates"] if overlay else [])):
            subprocess.run([ROOT / "docker" / program, self.secrets], check=True, capture_output=True)
        self.sandbox = Sandbox(folder / "sandbox")
        (self.secrets / "backout_handling_services").write_text(json.dumps(self.sandbox.services()))
        self.image = build_image(folder / "image")
        self.spool = self.own_folder(folder / "spool")
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {self.secret('backout_api_keys').rpartition(':')[2]}"

        mysqld, self.mysql = fetched("mysql")
        options = [
            *self.services["database"]["command"],
            "--log-bin=binlog",
        ]  # which is the default, but not a private one's
        self.database = Database(folder / "database", mysqld, extra_options=options)
        lines = self.configuration("database", self.database.account).splitlines()
        self.database.extra_options += tuple(f"--{line}" for line in lines if not line.startswith("["))
        self.database.folder.mkdir()
        (self.database.folder / "root.secret").write_text(self.secret("backout_root_database_password"))
        server, self.rabbitmqctl = fetched("rabbitmq")
        self.broker = Broker(folder / "broker", server, self.rabbitmqctl)
        self.broker.secret = self.secret("backout_broker_password")
        self.broker.configuration = self.mount("broker", self.broker.account) / "etc" / "rabbitmq" / "conf.d"
        if text := self.configuration("broker", self.broker.account):
            self.broker.authority = self.secrets / "authority.pem"
            text = text.replace("ssl.default = 5671", f"ssl.1 = 127.0.0.1:{self.broker.port}")
            (self.broker.configuration / "80-tls.conf").write_text(text)

    def configuration(self, service: str, account: pwd.struct_passwd | None = None) -> str:
        """What the compose files write into a server's configuration, with this machine's paths."""
        names = [entry["source"] for entry in self.services[service].get("configs", [])]
        text = "".join(self.compose["configs"][name]["content"] for name in names)
        return text.replace("/run/secrets", f"{self.mount(service, account)}/run/secrets") if text else ""

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def own_folder(self, path: Path, account: pwd.struct_passwd | None = None) -> Path:
        path.mkdir(mode=0o700, parents=True)
        if account := account or self.account:
            os.chown(path, account.pw_uid, account.pw_gid)
        return path

    def mount(self, service: str, account: pwd.struct_passwd | None = None) -> Path:
        """The root of a service's secrets, as its account alone can see them."""
        root = self.folder / f"{service}.mounts"
        if not root.exists():
            self.own_folder(root, account)
            for source, target in find_secrets(self.services[service]).items():
                path = root / target.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.secrets / Path(self.compose["secrets"][source]["file"]).name, path)
        return root

    def translate(self, service: str, text: str) -> str:
        for place, here in {
            "/run/secrets": f"{self.mount(service)}/run/secrets",
            "/spool": str(self.spool),
            "database:3306": f"127.0.0.1:{self.database.port}",
            "broker:5672": f"127.0.0.1:{self.broker.port}",
            "broker:5671": f"127.0.0.1:{self.broker.port}",
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
        }.items():
            text = text.replace(place, here)
        return text

    def environment(self, service: str, **changes: str | None) -> dict[str, str]:
        """The image's, the service's, and where things are on this machine."""
        of_image = dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)$", IMAGE, re.MULTILINE))))
        values = {
            **of_image,
            **self.services[service]["environment"],
            "PATH": f"{self.folder}/image/packages/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "BACKOUT_SECRETS_DIR": "/run/secrets",
            "PYTHONWARNINGS": "default",
            **({"BACKOUT_PORT": str(self.port)} if service == "web" else {}),
            **changes,
        }
        return {name: self.translate(service, str(value)) for name, value in values.items() if value is not None}

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start(self, service: str, name: str | None = None, **changes: str | None) -> subprocess.Popen[bytes]:
        """Its own command, from the image's files."""
        name = name or service
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                [self.translate(service, word) for word in self.services[service]["command"]],
                cwd=self.image,
                env=self.environment(service, **changes),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_account(self.account),
            )
        return self.running[name]

    def finish(self, service: str, name: str, limit: float = 60, **changes: str | None) -> int:
        """Run a service that ends by itself; its exit code."""
        code = self.start(service, name, **changes).wait(limit)
        del self.running[name]
        return code

    def stop(self, name: str, service: str) -> int:
        """As compose stops it: SIGTERM to the main process, and its time."""
        self.running[name].send_signal(signal.SIGTERM)
        code = self.running[name].wait(seconds(self.services[service]["stop_grace_period"]))
        del self.running[name]
        return code

    def check(self, service: str, **changes: str) -> int:
        """The exit code of a service's health check, run as its container would."""
        kind, *words = (self.translate(service, word) for word in self.services[service]["healthcheck"]["test"])
        account, folder = self.account, Path("/")
        if service == "database":
            environment = {"PATH": f"{self.mysql.parent}:/usr/bin:/bin", "MYSQL_TCP_PORT": str(self.database.port)}
        elif service == "broker":
            account = self.broker.account
            environment = {**self.broker.environment, "PATH": f"{self.rabbitmqctl.parent}:/usr/bin:/bin"}
        else:
            environment, folder = self.environment(service), self.image
        return subprocess.run(
            words if kind == "CMD" else ["/bin/sh", "-c", *words],
            cwd=folder,
            env={**environment, **changes},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds(self.services[service]["healthcheck"]["timeout"]),
            check=False,
            **as_account(account),
        ).returncode

    def wait_healthy(self, service: str, name: str | None = None) -> None:
        process = self.running[name or service]

        def is_over() -> bool:
            return process.poll() is not None or self.check(service) == 0

        assert wait_until(is_over, patience(), every=0.3), f"{service}: {self.end_of_log(name or service)}"
        assert process.poll() is None, self.end_of_log(name or service)

    def end_of_log(self, name: str) -> str:
        return self.log(name).read_text()[-3000:]

    def up(self) -> None:
        for server in (self.database, self.broker):
            server.prepare()
            server.start()
        self.database.wait_ready(patience(120))
        assert self.finish("migrate", "migrate") == 0, self.end_of_log("migrate")
        self.start("web", BACKOUT_HANDLING="1")  # as with the profile
        self.sandbox.start()
        self.broker.wait_ready(patience(120))
        for service in ("worker", "sweeper", "handler"):
            self.start(service)
        for service in STAYING:
            self.wait_healthy(service)
        for name in ("worker", "handler"):
            assert wait_until(lambda name=name: " ready." in self.log(name).read_text(), patience()), self.end_of_log(
                name
            )

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def down(self) -> None:
        for name in list(self.running):
            self.kill(name)
        self.http.close()
        self.sandbox.kill()
        for server in (self.database, self.broker):
            server.kill()

    def send(self, **options: Any) -> str:
        answer = self.http.post(f"{self.url}/v1/imports", timeout=patience(), **options)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def find(self, id: str) -> dict[str, Any]:
        return dict(self.http.get(f"{self.url}/v1/imports/{id}", timeout=patience()).json())

    def wait_state(self, id: str, state: str) -> dict[str, Any]:
        assert wait_until(lambda: self.find(id)["state"] == state, patience(), every=0.1), self.find(id)
        return self.find(id)

    def count(self) -> int:
        return int(self.http.get(f"{self.url}/get_data/count", timeout=patience()).json()["count"])
