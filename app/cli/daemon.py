"""Controls the supervisor: starts it, follows it, stops it, and cleans up after a killed one."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.cli.processes import MARK, NOBODY, ProcessIdentity, kill, kill_session, marked, session_led_by, wait_until

STOP_SECONDS = 120  # all children's limits together; after that they are killed
ORPHAN_SECONDS = 15


@dataclass(frozen=True)
class ChildState:
    name: str
    state: str
    identity: ProcessIdentity
    restarts: int
    once: bool


@dataclass(frozen=True)
class State:
    """The content of `state.json`. If its supervisor is dead, it describes the past."""

    phase: str = "ended"
    at: str = ""
    supervisor: ProcessIdentity = NOBODY
    failed_child: str = ""
    failure: str = ""
    children: list[ChildState] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        return self.supervisor.is_alive

    @property
    def is_ready(self) -> bool:
        return self.phase == "ready" and self.is_alive

    @classmethod
    def parse(cls, text: str) -> "State":
        document: dict[str, Any] = json.loads(text)
        failure = document["failure"] or {"child": "", "reason": ""}
        return cls(
            document["phase"],
            document["at"],
            ProcessIdentity(**document["supervisor"]),
            failure["child"],
            failure["reason"],
            [
                ChildState(
                    child["name"],
                    child["state"],
                    ProcessIdentity(child["pid"], child["started"]),
                    child["restarts"],
                    child["once"],
                )
                for child in document["children"]
            ],
        )


class Background:
    """The stack of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "logs" / "stack.log"
        self._supervisor: subprocess.Popen[bytes] | None = None  # if this process started it

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Run one command at a time: a second `up` or `down` waits for the first."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def state(self) -> State:
        try:
            return State.parse((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return State()

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the supervisor; return once it has written its state. It inherits no open files, so `make` can end."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "state.json").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._supervisor = supervisor = subprocess.Popen(
                command,
                env={**environment, MARK: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: bool(self.state().phase != "ended" or supervisor.poll() is not None), 20)

    def follow(self, say: Callable[[str], None]) -> bool:
        """Wait until the stack is ready (True) or has failed (False); report each child that becomes ready."""
        reported: set[str] = set()
        began = time.monotonic()
        while True:
            state = self.state()
            for child in state.children:
                if (
                    child.state in ("ready", "done", "restarting")
                    and (note := f"{child.name} {child.state}") not in reported
                ):
                    reported.add(note)
                    say(f"  {child.name:<10} {child.state:<10} {time.monotonic() - began:5.1f} s")
            if state.is_ready:
                return True
            if not state.is_alive:
                self._reap()
                return False
            time.sleep(0.1)

    def stop(self) -> bool:
        """Stop the stack and all that a killed supervisor left; returns whether anything ran."""
        supervisor = self.state().supervisor
        ran = supervisor.is_alive
        if ran:
            kill(supervisor.pid, signal.SIGTERM)
            if not wait_until(lambda: not supervisor.is_alive, STOP_SECONDS):
                kill(supervisor.pid, signal.SIGKILL)
                wait_until(lambda: not supervisor.is_alive, 5)
        cleared = self._clear_orphans()
        self._reap()
        return cleared or ran

    def _reap(self) -> None:
        if self._supervisor is not None:
            self._supervisor.wait()

    def orphans(self) -> list[int]:
        """Processes that a killed supervisor left: its children's sessions, and all with the stack's environment
        variable."""
        found = set(marked(str(self.folder)))
        for child in self.state().children:
            found |= set(session_led_by(child.identity))
        return sorted(found - {os.getpid()})

    def _clear_orphans(self) -> bool:
        orphans = self.orphans()
        for pid in orphans:
            kill(pid, signal.SIGTERM)
        wait_until(lambda: not self.orphans(), ORPHAN_SECONDS if orphans else 0)
        for child in self.state().children:
            kill_session(child.identity)
        for pid in self.orphans():
            kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.orphans(), 5)
        return bool(orphans)


def log_end(log: Path, lines: int = 20) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
