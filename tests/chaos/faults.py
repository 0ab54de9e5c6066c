"""Faults: processes are killed, paused and told to go; servers die; connections are cut, frozen, refused; answers are
lost."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event, Lock
from typing import Any

import pymysql

from tests.chaos.installation import Installation
from tests.chaos.journal import Journal
from tests.chaos.plan import PROCESSES, Action
from tests.stack import kind_of
from tests.waiting import patience, stretched, wait_for

PATIENCE_SECONDS = stretched(15)  # until a statement comes whose answer is to be lost
GOODBYE_SECONDS = patience()  # until a worker that was told to go has gone


class Faults:
    """Strikes beside everything else. A target that is still being mended is passed over."""

    def __init__(self, installation: Installation, journal: Journal, stop: Callable[[str], None]) -> None:
        self._installation, self._journal = installation, journal
        self._stack, self._stop = installation.stack, stop
        self._busy = {name: Lock() for name in (*PROCESSES, "database", "broker")}
        self._frozen = {f"{kind} {name}": Lock() for kind in ("database", "broker") for name in PROCESSES}
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="fault")
        self._never = Event()
        self.goodbyes: list[float] = []

    def begin(self, action: Action) -> None:
        """Do what the plan says, beside everything else."""
        self._pool.submit(self._guarded, action)

    def finish(self) -> None:
        """Wait until everything that was struck has been mended."""
        self._pool.shutdown()

    def _guarded(self, action: Action) -> None:
        values = action.values
        lock = self._lock_of(action.kind, values["target"])
        if lock is not None and not lock.acquire(blocking=False):
            self._journal.note(action.kind, values, "passed over: it is being mended")
            return
        try:
            outcome = self._kinds[action.kind](values)
            self._journal.note(action.kind, values, outcome or "")
        except Exception as error:  # noqa: BLE001 — shown with the verdict
            self._journal.broken.append(f"{action}: {error!r}")
        finally:
            if lock is not None:
                lock.release()

    def _lock_of(self, kind: str, target: str) -> "Lock | None":
        if kind in ("freeze", "refuse"):
            return self._frozen[f"database {target}"]
        if kind == "freeze broker":
            return self._frozen[f"broker {target}"]
        return None if kind in ("cut", "cut broker", "lose", "hold") else self._busy[target]

    @property
    def _kinds(self) -> dict[str, Callable[[dict[str, Any]], str | None]]:
        return {
            "kill child": self._kill_child,
            "kill worker": self._kill,
            "kill sweeper": self._kill,
            "kill web": self._kill,
            "kill database": self._kill_server,
            "kill broker": self._kill_server,
            "pause worker": self._pause,
            "drain worker": self._drain,
            "cut": lambda values: self._installation.proxies[values["target"]].cut(),
            "cut broker": lambda values: self._installation.broker_proxies[values["target"]].cut(),
            "freeze": self._freeze,
            "freeze broker": self._freeze_broker,
            "refuse": self._refuse,
            "lose": self._lose,
            "hold": self._hold,
        }

    def _kill_child(self, values: dict[str, Any]) -> str | None:
        children = self._installation.children(values["target"])
        if not children:
            return "passed over: it has no child yet"
        os.kill(children[values["child"] % len(children)], signal.SIGKILL)
        return None

    def _kill(self, values: dict[str, Any]) -> None:
        self._stack.kill(values["target"])
        self._wait(values["seconds"])
        self._start(values["target"])

    def _kill_server(self, values: dict[str, Any]) -> None:
        server = self._installation.servers[values["target"]]
        server.kill()
        self._wait(values["seconds"])
        server.start()
        server.wait_ready(patience(120))

    def _pause(self, values: dict[str, Any]) -> None:
        self._stack.send_signal(values["target"], signal.SIGSTOP)
        self._wait(values["seconds"])
        self._stack.send_signal(values["target"], signal.SIGCONT)

    def _drain(self, values: dict[str, Any]) -> str:
        begun = self._journal.now()
        outcome = ""
        try:
            code = self._stack.end(values["target"], seconds=GOODBYE_SECONDS)
            outcome = f"exit {code} after {self._journal.now() - begun:.1f} s"
            self.goodbyes.append(self._journal.now() - begun)
        except subprocess.TimeoutExpired:
            self._journal.broken.append(f"{values['target']} had not gone {GOODBYE_SECONDS} s after SIGTERM")
            self._kill_anyway(values["target"])
        self._wait(values["seconds"])
        self._start(values["target"])
        return outcome

    def _kill_anyway(self, name: str) -> None:
        with suppress(KeyError):
            self._stack.kill(name)

    def _start(self, name: str) -> None:
        try:
            self._stack.start(name)
        except AssertionError as error:
            # a worker is ready when the broker has answered it, which may be away: it waits for that by itself
            self._journal.remark(f"not ready: {error}")

    def _freeze(self, values: dict[str, Any]) -> None:
        proxy = self._installation.proxies[values["target"]]
        proxy.freeze()
        self._wait(values["seconds"])
        proxy.thaw()

    def _freeze_broker(self, values: dict[str, Any]) -> None:
        proxy = self._installation.broker_proxies[values["target"]]
        proxy.freeze()
        self._wait(values["seconds"])
        proxy.thaw()

    def _refuse(self, values: dict[str, Any]) -> None:
        proxy = self._installation.proxies[values["target"]]
        proxy.refuse()
        proxy.cut()
        self._wait(values["seconds"])
        proxy.accept()

    def _lose(self, values: dict[str, Any]) -> str:
        """Of the first process of its kind that sends the statement."""
        proxies = [proxy for name, proxy in self._installation.proxies.items() if kind_of(name) == values["target"]]
        what = {"after": values["after"], "arrives": values["arrives"]}
        losses = [proxy.lose_answer(values["statement"], **what) for proxy in proxies]
        try:
            wait_for(lambda: any(loss.happened.is_set() for loss in losses), seconds=PATIENCE_SECONDS)
        except AssertionError:
            return "passed over: no such statement came"
        finally:
            for proxy, loss in zip(proxies, losses, strict=True):
                proxy.forget(loss)
        return "it struck"

    def _hold(self, values: dict[str, Any]) -> str:
        """Between two steps of a commit, where a stop or a kill seldom comes by chance."""
        proxy = self._installation.proxies[values["target"]]
        hold = proxy.hold(values["statement"], after=values["after"])
        try:
            if not hold.happened.wait(PATIENCE_SECONDS):
                return "passed over: no such statement came"
            try:
                id = self._installation.find_id(number_in(hold.sent))
            except pymysql.err.OperationalError:  # another fault has killed it meanwhile
                return "passed over: the database was away"
            if values["meanwhile"] == "stop unheard":
                self._stop_unheard(id)
                return f"it held {id}"
            if "stop" in values["meanwhile"]:
                self._stop(id)
            if "kill" in values["meanwhile"] and (lock := self._busy[values["target"]]).acquire(blocking=False):
                with lock_held(lock):
                    self._kill(values)
            elif "cut" in values["meanwhile"]:
                proxy.cut()
            self._wait(values["seconds"])
            return f"it held {id}"
        finally:
            proxy.release(hold)

    def _stop_unheard(self, id: str) -> None:
        """Stop an import without the kill that makes its worker notice."""
        web = self._installation.proxies["web"]
        loss = web.lose_answer("IS_USED_LOCK", arrives=False)
        self._stop(id)
        web.forget(loss)

    def _wait(self, seconds: float) -> None:
        self._never.wait(seconds)


def number_in(statement: bytes) -> int:
    """The number of the import that a statement of a worker is about."""
    if found := re.search(rb"imports\.number = ([0-9]+)", statement):
        return int(found[1])
    name = re.search(rb"X'([0-9a-f]+)',X'", statement)
    assert name is not None, statement
    return int(bytes.fromhex(name[1].decode()).split(b":")[2])


@contextmanager
def lock_held(lock: "Lock") -> Iterator[None]:
    """Release a lock that was taken without waiting."""
    try:
        yield
    finally:
        lock.release()
