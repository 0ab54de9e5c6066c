"""The local stack: its plan (addresses and ports), its children in order, and their environment."""

import json
import os
import secrets
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.cli.children import Child, Running, program
from app.cli.http import Web
from app.cli.processes import free_ports, is_free
from app.cli.servers import PrivateMariaDB, PrivateRabbitMQ
from app.cli.servers.base import PrivateServer
from app.cli.servers.seaweedfs import BUCKET, PrivateSeaweedFS

DATABASE = "backout"
WEB_PORT = 8000
SANDBOX_SERVICES = ("inventory", "payment", "carrier", "marketplace")
NOT_FOR_CHILDREN = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKE_TERMOUT", "MAKE_TERMERR", "BACKOUT_ADMIN_DATABASE_URL"}


class PlanRefused(Exception):
    """The environment's settings are impossible; the message says why."""


@dataclass(frozen=True)
class Plan:
    """The addresses of the stack. `up` makes it and stores it in `.run/plan.json`. An empty URL means a private server,
    port 0 any free port."""

    host: str = "127.0.0.1"
    port: int = WEB_PORT
    database_url: str = ""
    admin_database_url: str = ""
    broker_url: str = ""
    database_port: int = 0
    broker_port: int = 0
    broker_dist_port: int = 0
    broker_epmd_port: int = 0
    handling: bool = False
    sandbox_port: int = 0
    mail_port: int = 0
    s3: bool = False
    s3_port: int = 0

    @classmethod
    def read(cls, run: Path) -> "Plan | None":
        try:
            return cls(**json.loads((run / "plan.json").read_text()))
        except FileNotFoundError:
            return None

    def write(self, run: Path) -> None:
        write_secret(run / "plan.json", json.dumps(asdict(self), indent=1))

    def asked_by(self, environment: Mapping[str, str]) -> "Plan":
        """This plan with the environment's settings; all others stay."""
        database_url = environment.get("BACKOUT_DATABASE_URL", "")
        return replace(
            self,
            host=environment.get("BACKOUT_HOST") or self.host,
            port=_port(environment.get("BACKOUT_PORT") or str(self.port)),
            database_url=database_url,
            admin_database_url=(environment.get("BACKOUT_ADMIN_DATABASE_URL") or database_url) if database_url else "",
            broker_url=environment.get("BACKOUT_BROKER_URL", ""),
            handling=_truth(environment.get("BACKOUT_HANDLING") or str(self.handling)),
            s3=_truth(environment.get("S3") or str(self.s3)),
        )


def make_plan(old: Plan | None, environment: Mapping[str, str]) -> Plan:
    """Make a plan for a stack that is not running, with the private ports of the last one if they are free."""
    before = old or Plan()
    plan = replace(before, host=Plan.host, port=Plan.port, handling=Plan.handling, s3=Plan.s3).asked_by(environment)

    private = (
        "database_port",
        "broker_port",
        "broker_dist_port",
        "broker_epmd_port",
        "sandbox_port",
        "mail_port",
        "s3_port",
    )
    plan = Plan(**asdict(plan) | {name: 0 for name in private if not is_free(getattr(before, name))})
    if is_free(plan.port, plan.host):
        return plan
    if environment.get("BACKOUT_PORT"):
        raise PlanRefused(f"port {plan.port} of {plan.host} is in use: choose another with BACKOUT_PORT=")
    for port in range(WEB_PORT + 1, WEB_PORT + 100):
        if is_free(port, plan.host):
            return replace(plan, port=port)
    raise PlanRefused(f"ports {WEB_PORT} to {WEB_PORT + 99} are in use: choose another with BACKOUT_PORT=")


class Stack:
    """A plan with its servers: every address is known."""

    def __init__(self, checkout: Path, plan: Plan) -> None:
        self.checkout, self.run = checkout, checkout / ".run"
        self.database = None if plan.database_url else PrivateMariaDB(self.run / "mariadb", plan.database_port)
        self.broker = (
            None
            if plan.broker_url
            else PrivateRabbitMQ(
                self.run / "rabbitmq",
                port=plan.broker_port,
                dist_port=plan.broker_dist_port,
                epmd_port=plan.broker_epmd_port,
            )
        )
        self.store = PrivateSeaweedFS(self.run / "seaweedfs", plan.s3_port) if plan.s3 else None
        if self.store:
            plan = replace(plan, s3_port=self.store.port)
        if self.database:
            plan = replace(plan, database_port=self.database.port)
        if self.broker:
            dist_port, epmd_port = self.broker.dist_port, self.broker.epmd_port
            plan = replace(plan, broker_port=self.broker.port, broker_dist_port=dist_port, broker_epmd_port=epmd_port)
        if plan.handling and not (plan.sandbox_port and plan.mail_port):
            sandbox_port, mail_port = free_ports(2)
            plan = replace(plan, sandbox_port=sandbox_port, mail_port=mail_port)
        self.plan = plan
        self.web = Web(plan.host, plan.port)

    @property
    def servers(self) -> list[PrivateServer]:
        return [server for server in (self.database, self.broker, self.store) if server is not None]

    def addresses(self) -> dict[str, str]:
        """The shell variables of `.run/env`."""
        return {
            "BACKOUT_URL": self.web.url,
            "BACKOUT_DATABASE_URL": self.plan.database_url or self._account_url("backout"),
            "BACKOUT_ADMIN_DATABASE_URL": self.plan.admin_database_url or self._account_url("backout_owner"),
            "BACKOUT_BROKER_URL": self.plan.broker_url or (self.broker.url() if self.broker else ""),
        }

    def write_addresses(self) -> None:
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in self.addresses().items()]
        write_secret(self.run / "env", "".join(lines))

    def _account_url(self, user: str) -> str:
        """The database's address for the application or the owner of the tables, never for the administrator."""
        port = self.database.port if self.database else 0
        return f"mysql+pymysql://{user}:{self._password(user)}@127.0.0.1:{port}/{DATABASE}"

    def _password(self, user: str) -> str:
        path = self.run / f"{user}.secret"
        if not path.exists():
            write_secret(path, secrets.token_hex(24))
        return path.read_text().strip()

    def environment(self) -> dict[str, str]:
        """For the web server, the worker and the sweeper: the caller's environment and the stack's addresses, without
        the administrator's."""
        addresses = self.addresses()
        own = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}
        return own | {
            "BACKOUT_DATABASE_URL": addresses["BACKOUT_DATABASE_URL"],
            "BACKOUT_BROKER_URL": addresses["BACKOUT_BROKER_URL"],
            "BACKOUT_HOST": self.plan.host,
            "BACKOUT_PORT": str(self.plan.port),
            "BACKOUT_SPOOL_DIR": str(self.run / "spool"),
            "BACKOUT_TEST_ENDPOINTS": os.environ.get("BACKOUT_TEST_ENDPOINTS", "1"),
            "BACKOUT_WORKER_SLOTS": os.environ.get("BACKOUT_WORKER_SLOTS", "2"),
            "PYTHONUNBUFFERED": "1",
            **({"BACKOUT_SPOOL_URL": f"s3://{BUCKET}/spool"} | self.store.settings if self.store else {}),
            **(self._handling_settings() if self.plan.handling else {}),
        }

    def _handling_settings(self) -> dict[str, str]:
        """The settings of handling, with the sandbox as every service unless the environment names services."""
        services = {name: f"http://127.0.0.1:{self.plan.sandbox_port}/{name}" for name in SANDBOX_SERVICES}
        services["mail"] = f"smtp://127.0.0.1:{self.plan.mail_port}"
        named = os.environ.get("BACKOUT_HANDLING_SERVICES")
        return {"BACKOUT_HANDLING": "1", "BACKOUT_HANDLING_SERVICES": named or json.dumps(services)}

    def children(self) -> list[Child]:
        """The children in their order: each needs those before it."""
        database = [Child.server("database", self.database)] if self.database else []
        provision = (
            [self._step("provision", {"BACKOUT_ROOT_DATABASE_URL": self.database.url()})] if self.database else []
        )
        broker = [Child.server("broker", self.broker)] if self.broker else []
        store = [Child.server("store", self.store)] if self.store else []
        return [
            *database,
            *provision,
            self._step("migrate", {}),
            *broker,
            *store,
            self._python("web", ["gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"], self._web_answers),
            self._python("worker", ["celery", "-A", "celeryconfig", "worker"], lambda run: run.has_logged(" ready.")),
            self._python("sweeper", ["app.tasks.sweep"], lambda run: run.seconds > 1),
            *(self._handling_children() if self.plan.handling else []),
        ]

    def _handling_children(self) -> list[Child]:
        ports = [f"--port={self.plan.sandbox_port}", f"--smtp-port={self.plan.mail_port}"]
        sandbox = ["app.handling.sandbox", *ports, f"--folder={self.run / 'sandbox'}"]
        return [
            self._python("sandbox", sandbox, lambda run: run.has_logged("sandbox_ready")),
            self._python(
                "handler", ["celery", "-A", "handlingconfig", "worker"], lambda run: run.has_logged(" ready.")
            ),
        ]

    def _python(self, name: str, module: list[str], is_ready: Callable[[Running], bool]) -> Child:
        command = [sys.executable, "-m", *module]
        return Child(name, program(command, self.checkout, self.environment()), is_ready)

    def _step(self, name: str, more: dict[str, str]) -> Child:
        admin = {"BACKOUT_ADMIN_DATABASE_URL": self.addresses()["BACKOUT_ADMIN_DATABASE_URL"]}
        command = [sys.executable, "-m", "app.cli", name]
        spawn = program(command, self.checkout, self.environment() | admin | more)
        return Child(name, spawn, once=True, ready_seconds=300)

    def _web_answers(self, running: Running) -> bool:
        """Whether `/readyz` is 200; if it requires a key, whether `/livez` is."""
        status = self.web.status_of("/readyz")
        return status == 200 or (status in (401, 403) and self.web.status_of("/livez") == 200)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise PlanRefused(f"BACKOUT_PORT={text} is not a port: it must be a number from 1 to 65535")
    return int(text)


def _truth(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes", "on")


def account_of(url: str) -> tuple[str, str, str]:
    """User, password and database of an address."""
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or ""), parts.path.lstrip("/")


def write_secret(path: Path, text: str) -> None:
    """Write a file that only this user can read, atomically."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
