"""A harness: all of our processes on servers of their own, two workers behind proxies, and an import that is led to an
failpoint."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Lock
from time import monotonic
from typing import Any

from app.cli.servers import PrivateRabbitMQ
from app.cli.servers.base import PrivateServer
from app.db import xa
from app.db.imports import queries
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.imports import Import
from app.domain.states import FINAL, State
from app.domain.xid import RawXid, Xid
from app.formats.generate.orders import write_csv_sample
from app.lifecycle.imports import accept, stop
from app.lifecycle.services import Services, open_services
from tests import invariants
from tests.crash.breakpoints import Breakpoint
from tests.crash.places import Place
from tests.crash.subjects.revert import RevertSubject
from tests.proxy import Proxy
from tests.servers import DatabaseServer, empty, list_holders, make_settings, new_broker, new_database
from tests.stack import Stack, find_port
from tests.waiting import patience, stretched, wait_for

ROWS = 1500
BREAKPOINTS = ("first", "second")
WORKERS = ("worker", "worker-2")
CONVERGE_SECONDS = stretched(30)
SLIP_SECONDS = stretched(1)  # from an import's end to the last failpoint of its attempt
INSTALLING = Lock()  # Alembic works with globals: one thread of a process at a time
OTHER_INSTALLATION = "0123456789abcdef"
ENTRY = [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "tests.crash.entry"]


class Harness:
    """The processes of one place. Use `open_harness`."""

    def __init__(self, place: Place, folder: Path, database: DatabaseServer, broker: PrivateRabbitMQ) -> None:
        self.place, self.folder, self.database, self.broker = place, folder, database, broker
        self.proxies = {name: Proxy(database.server.port) for name in ("web", *WORKERS)}
        self.breakpoint, self.second_breakpoint = (Breakpoint(folder / name) for name in BREAKPOINTS)
        self.stack = self._make_stack()
        self.services = self._open_services()
        self.subject: RevertSubject | None = None
        self._seeds = (f"c{token_hex(3)}x{number}" for number in count())
        self._final: dict[str, tuple[str, int]] = {}
        self._struck_at = self._final_at = 0.0
        self.converge_seconds = float(CONVERGE_SECONDS)

    @property
    def servers(self) -> dict[str, PrivateServer]:
        """What is not ours."""
        return {"database": self.database.server, "broker": self.broker}

    # --- processes ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for proxy in self.proxies.values():
            proxy.start()
        self._prepare_foreign()
        self.stack.start(*self._kinds)

    def begin_anew(self, mutant: str | None = None) -> None:
        """Forget everything and start all processes again, with this mutant put in or with none."""
        self.stack.kill()
        if not self.database.server.is_running:
            self.database.server.start()
        self.database.server.wait_ready(patience(120))
        empty(self.database)
        self._final.clear()
        self._prepare_foreign()
        self.stack.settings["test_mutant"] = mutant
        self.ensure_up()

    def close(self) -> None:
        self.stack.kill()
        self.stack.http.close()
        for proxy in self.proxies.values():
            proxy.close()
        self.services.hints.close()
        self.services.database.dispose()
        self.database.server.kill()
        self.broker.kill()

    def ensure_up(self) -> None:
        """Start whatever does not run, servers first. Nobody can bring an import to its end without them and a
        sweeper, so the time that the system is given begins when they are there."""
        missing = [name for name in self._kinds if not self.stack.is_running(name)]
        idle = [server for server in self.servers.values() if not server.is_running]
        for server in idle:
            server.start()
        for server in self.servers.values():
            server.wait_ready(patience(120))
        if missing:
            self.stack.start(*missing)
        if idle or "sweeper" in missing:
            self._struck_at = monotonic()

    @property
    def waiting(self) -> int:
        """The process that waits, or waited, at the breakpoint."""
        pid = self.breakpoint.reached
        assert pid is not None
        return pid

    @property
    def stopped_at(self) -> str:
        """The worker that this process belongs to."""
        pid = self.waiting
        for worker in WORKERS:
            if self.stack.is_running(worker) and self.stack.pid(worker) == os.getpgid(pid):
                return worker
        raise AssertionError(f"process {pid} belongs to no worker")

    # --- an import ----------------------------------------------------------------------------------------------------

    def submit(self, rows: int = ROWS) -> str:
        """POST a file with orders that no other import has; its id."""
        path = self.folder / "orders.csv"
        write_csv_sample(path, rows, next(self._seeds))
        answer = self.stack.send(path.read_bytes())
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def keys(self) -> list[tuple[str, str]]:
        """(marketplace, order number) of the file that was sent last."""
        lines = (self.folder / "orders.csv").read_text().splitlines()
        at = [lines[0].split(",").index(name) for name in ("marketplace", "order_number")]
        return [(fields[at[0]], fields[at[1]]) for fields in (line.split(",") for line in lines[1:])]

    def lead_to(self, failpoint: str, rows: int = ROWS, of: str = "import") -> str:
        """An import, or a revert, whose worker waits at the failpoint; its id."""
        while True:
            self.subject = RevertSubject(self, of) if of != "import" else None
            if self.subject is not None:
                self.subject.prepare(next(self._seeds))
            self.breakpoint.arm(failpoint)
            id = self.submit(rows) if self.subject is None else self.subject.submit()
            come = f"{id} came to {failpoint!r}"
            wait_for(
                lambda id=id: self.breakpoint.reached or self.find(id).state in FINAL,
                come,
                seconds=self.converge_seconds,
            )
            with suppress(AssertionError):
                wait_for(lambda: self.breakpoint.reached, come, seconds=SLIP_SECONDS)
                return id
            self.clear()  # a worker had looked for a breakpoint just before it was armed, and went past it

    def find(self, id: str) -> Import:
        """The import's row in the ledger, read without the web server."""
        with self.services.database.begin() as connection:
            row = queries.find_import(connection, id)
        assert row is not None, f"import {id} is lost"
        return row

    def events(self, id: str) -> list[queries.Event]:
        """The import's timeline."""
        with self.services.database.begin() as connection:
            return queries.list_events(connection, self.find(id).number)

    def strike(self, fault: Callable[["Harness", str], State], id: str) -> State:
        """Let a fault happen; returns the end that the import must come to."""
        self._struck_at, self._final_at = monotonic(), 0.0
        return fault(self, id)

    def wait_final(self, id: str) -> None:
        """Wait, doing nothing, until the import has come to its end."""
        wait_for(lambda: self.find(id).state in FINAL, f"the end of {id}", seconds=self.converge_seconds)
        self._final_at = self._final_at or monotonic()

    def converge(self, id: str) -> float:
        """Wait until the import is final and nothing of it is left in doubt; the seconds from the fault to its end."""
        self.wait_final(id)
        # the server refreshes this view only when nobody has read it for 100 ms
        wait_for(
            lambda: not self._transactions(),
            "no transaction of ours is left",
            seconds=self.converge_seconds,
            every=0.15,
        )
        return max(self._final_at - self._struck_at, 0)

    def check(self, id: str) -> None:
        """Every invariant of the import, foreign branches, and what was final before."""
        row = self.find(id)
        invariants.check(self.services, row.number)
        events = [event.kind for event in self.events(id)]
        assert [kind for kind in events if kind in FINAL] == [row.state], f"final more than once: {events}"
        assert self._foreign in self._listed(), "a branch that is not ours was finished"
        told = self.stack.find(id)
        assert (told["state"], told["rows_done"]) == (row.state, row.rows_done)
        for earlier, ended in self._final.items():
            found = self.find(earlier)
            assert (found.state, found.epoch) == ended, f"{earlier} was {ended} and is {found.state} {found.epoch}"
        self._final[id] = (row.state, row.epoch)
        if self.subject is not None:
            self.subject.check(id)

    def clear(self) -> None:
        """Forget the rows of earlier cells, and the armed breakpoint."""
        for breakpoint in (self.breakpoint, self.second_breakpoint):
            breakpoint.disarm()
        with self.database.root() as cursor:
            cursor.execute("DELETE FROM orders")
        self._final = dict(list(self._final.items())[-20:])

    def evidence(self, id: str) -> str:
        """All that there is to see about an import: its row, its timeline, branches, and what the logs say of it."""
        lines = [repr(self.find(id)), *(repr(event) for event in self.events(id)), f"prepared: {self._listed()}"]
        with self.database.root() as cursor:
            lines += [f"may hold a lock: {holder}" for holder in list_holders(cursor)]
        for log in sorted(self.folder.glob("*.log")):
            said = [line for line in log.read_text(errors="replace").splitlines() if id in line]
            lines += [f"{log.name}: {line}" for line in said[-20:]]
        return "\n".join(lines)

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _kinds(self) -> tuple[str, ...]:
        return ("web", "sweeper", *WORKERS)

    def _make_stack(self) -> Stack:
        stack = Stack(self.folder, self.database.url, self.broker.url(), find_port(), **self.place.settings)
        stack.commands = {kind: [*ENTRY, kind] for kind in ("worker", "sweeper", "web")}
        stack.own_settings["worker"] = {"test_breakpoints": ":".join(str(self.folder / name) for name in BREAKPOINTS)}
        for name, proxy in self.proxies.items():
            url = self.database.url.replace(f":{self.database.server.port}/", f":{proxy.port}/")
            stack.own_settings[name] = stack.own_settings.get(name, {}) | {"database_url": url}
        return stack

    def _open_services(self) -> Services:
        values = {name: value for name, value in self.place.settings.items() if value is not None}
        return open_services(make_settings(self.database.url, self.stack.spool, self.broker.url(), **values))

    def _prepare_foreign(self) -> None:
        """A branch of another installation, with the number and epoch of an import of ours that was stopped."""
        stopped = accept.accept_generated(self.services, ORDERS, 1, Caller()).row
        stop.stop_import(self.services, stopped.id)
        self._foreign = Xid(OTHER_INSTALLATION, stopped.number, 0, 1).raw()
        with self.database.root() as cursor:
            literal = f"X'{self._foreign.gtrid.hex()}',X'{self._foreign.bqual.hex()}',{self._foreign.format_id}"
            cursor.execute(f"XA START {literal}")
            cursor.execute("INSERT INTO receipts (import_no, branch, kind, epoch) VALUES (4000000000, 1, 'other', 1)")
            cursor.execute(f"XA END {literal}")
            cursor.execute(f"XA PREPARE {literal}")

    def _listed(self) -> list[RawXid]:
        with self.services.database.session() as session:
            return xa.list_prepared(session)

    def _transactions(self) -> list[Any]:
        """Transactions of our user that have written rows; a prepared one has no connection, and is foreign here."""
        with self.database.root() as cursor:
            cursor.execute(
                "SELECT trx_id, trx_rows_modified FROM information_schema.innodb_trx"
                " WHERE trx_rows_modified > 0 AND trx_mysql_thread_id <> 0"
            )
            return list(cursor.fetchall())


@contextmanager
def open_harness(place: Place, folder: Path) -> Iterator[Harness]:
    """A running harness on servers started for it; all of it is ended afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    options = ("--log-bin=binlog", "--server-id=1") if place.database == "mariadb" and place.binary_log else ()
    with INSTALLING:
        database = new_database(place.database, folder / "database", options)
    try:
        broker = new_broker(place.broker, folder / "broker")
    except BaseException:
        database.server.kill()
        raise
    harness = Harness(place, folder, database, broker)
    try:
        harness.start()
        yield harness
    finally:
        harness.close()
