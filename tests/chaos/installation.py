"""An installation for chaos: each of its processes behind a proxy of its own, on a private database and broker."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.cli.servers import PrivateRabbitMQ, PrivateServer
from app.domain.xid import RawXid
from app.lifecycle.services import Services, open_services
from tests.chaos.plan import LEASE_SECONDS, PROCESSES
from tests.crash.harness import ENTRY
from tests.proxy import Proxy
from tests.servers import DatabaseServer, make_settings, new_broker, new_database
from tests.stack import COMMANDS, Stack, find_port
from tests.waiting import patience

FOREIGN = RawXid(1, b"somebody-else", b"1")
SETTINGS: dict[str, object] = {
    "lease_seconds": LEASE_SECONDS,
    "lock_wait_seconds": 2,
    "sweep_seconds": 0.5,
    "shutdown_grace_seconds": 0.5,
    "batch_bytes": 96 * 1024,
    "worker_slots": 2,
    "max_attempts": 6,
    "log_level": "INFO",
}


class Installation:
    """The servers, the processes and the proxies between them. Use `open_installation`."""

    def __init__(
        self,
        folder: Path,
        database: DatabaseServer,
        broker: PrivateRabbitMQ,
        branches: int,
        mutant: str,
    ) -> None:
        self.database, self.broker, self.branches = database, broker, branches
        self.proxies = {name: Proxy(database.server.port).start() for name in PROCESSES}
        self.broker_proxies = {name: Proxy(broker.port).start() for name in PROCESSES}
        self.folder = folder / "processes"
        self.folder.mkdir()
        self.stack = Stack(self.folder, database.url, broker.url(), find_port(), **(SETTINGS | {"branches": branches}))
        if mutant:
            self.stack.commands = {kind: [*ENTRY, kind] for kind in COMMANDS}
            self.stack.settings["test_mutant"] = mutant
        for name in PROCESSES:
            self.stack.own_settings[name] = {
                "database_url": _through(database.url, database.server.port, self.proxies[name]),
                "broker_url": _through(broker.url(), broker.port, self.broker_proxies[name]),
            }
        self.services: Services = open_services(make_settings(database.url, self.stack.spool, broker.url()))

    @property
    def servers(self) -> dict[str, PrivateServer]:
        return {"database": self.database.server, "broker": self.broker}

    def start(self) -> None:
        self.prepare_foreign()
        self.stack.start(*PROCESSES)

    def calm(self) -> None:
        """End what disturbs, and start what does not run."""
        for proxy in (*self.proxies.values(), *self.broker_proxies.values()):
            for trap in list(proxy.traps):
                proxy.forget(trap)
            proxy.thaw()
            proxy.accept()
        for server in self.servers.values():
            if not server.is_running:
                server.start()
            server.wait_ready(patience(120))
        for name in PROCESSES:
            if not self.stack.is_running(name):
                self.stack.start(name)

    def find_id(self, number: int) -> str:
        """The id of the import with this number."""
        with self.database.root(read_timeout=patience()) as cursor:
            cursor.execute("SELECT id FROM imports WHERE number = %s", (number,))
            return str((cursor.fetchone() or ("",))[0])

    def children(self, name: str) -> list[int]:
        """The child processes of one of ours."""
        pid = self.stack.pid(name)
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def close(self) -> None:
        for name in PROCESSES:
            with suppress(KeyError):
                self.stack.kill(name)
        for proxy in (*self.proxies.values(), *self.broker_proxies.values()):
            proxy.close()
        self.stack.http.close()
        self.services.database.dispose()

    def prepare_foreign(self) -> None:
        """A prepared branch of somebody else, with a row in it, so that it outlives the server's crashes."""
        gtrid, bqual = FOREIGN.gtrid.hex(), FOREIGN.bqual.hex()
        name = f"X'{gtrid}',X'{bqual}',{FOREIGN.format_id}"
        with self.database.root(read_timeout=patience()) as cursor:
            cursor.execute("CREATE DATABASE elsewhere")
            cursor.execute("CREATE TABLE elsewhere.things (id INT PRIMARY KEY) ENGINE=InnoDB")
            cursor.execute(f"XA START {name}")
            cursor.execute("INSERT INTO elsewhere.things VALUES (1)")
            cursor.execute(f"XA END {name}")
            cursor.execute(f"XA PREPARE {name}")


@contextmanager
def open_installation(
    folder: Path, database: str, broker: str, branches: int, mutant: str = ""
) -> Iterator[Installation]:
    """An installation on servers of its own in this folder; nothing of it is left running."""
    servers: list[PrivateServer] = []
    made: list[Installation] = []
    try:
        server = new_database(database, folder / "database")
        servers.append(server.server)
        queue = new_broker(broker, folder / "broker")
        servers.append(queue)
        made.append(Installation(folder, server, queue, branches, mutant))
        made[0].start()
        yield made[0]
    finally:
        for installation in made:
            installation.close()
        for running in servers:
            running.kill()


def _through(url: str, port: int, proxy: Proxy) -> str:
    assert url.count(f":{port}/") == 1
    return url.replace(f":{port}/", f":{proxy.port}/")
