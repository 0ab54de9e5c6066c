"""One process in the background that starts the stack's children in order, restarts those that crash, and ends them.

A child is started when all before it have become ready once. The stack ends by itself only if a child never became
ready or crashed too often. A `kill -9` of this process leaves the children running: `state.json` names them for whoever
clears up (`background.py`).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.cli.processes import MARK, NOBODY, ProcessIdentity, kill, kill_session, marked
from app.cli.servers import PrivateServer, ServerFailed

LOG_BYTES = 10 * 1024**2  # a log larger than this is put aside when its child is started


@dataclass(frozen=True)
class Running:
    """What tells whether a child that was started has become ready."""

    log: Path
    log_before: int
    seconds: float

    def has_logged(self, words: str) -> bool:
        """Since this start, not in an earlier run."""
        with self.log.open("rb") as log:
            log.seek(self.log_before)
            return words.encode() in log.read()


def _nothing() -> None:
    pass


def _never(running: Running) -> bool:
    return False


@dataclass(frozen=True)
class Child:
    """`once` marks a step, which is ready when it has ended well, and is not started again."""

    name: str
    spawn: Callable[[int, dict[str, str]], subprocess.Popen[bytes]]
    is_ready: Callable[[Running], bool] = _never
    prepare: Callable[[], None] = _nothing
    clear_leftovers: Callable[[], None] = _nothing
    once: bool = False
    ready_seconds: float = 60
    stop_seconds: float = 20

    @classmethod
    def server(cls, name: str, server: PrivateServer) -> "Child":
        return cls(
            name,
            spawn=server.spawn,
            is_ready=lambda running: server.is_ready(),
            prepare=server.prepare,
            clear_leftovers=server.clear_leftovers,
            ready_seconds=server.ready_seconds,
            stop_seconds=server.stop_seconds,
        )


def program(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Callable[[int, dict[str, str]], subprocess.Popen[bytes]]:
    """How a child that is no private server is started, leading a session of its own."""

    def spawn(output: int, more_environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, **more_environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    return spawn


class StackFailed(Exception):
    """A child never became ready, or crashed too often."""

    def __init__(self, child: str, reason: str) -> None:
        super().__init__(f"{child} {reason}")
        self.child, self.reason = child, reason


@dataclass
class _Run:
    """A child's life under this supervisor. States: waiting, starting, ready, restarting, done, stopped."""

    child: Child
    log: Path
    crashes: deque[float]
    state: str = "waiting"
    was_ready: bool = False
    process: subprocess.Popen[bytes] | None = None
    identity: ProcessIdentity = NOBODY
    began: float = 0
    log_before: int = 0
    restarts: int = 0
    retry_at: float = 0


class Supervisor:
    def __init__(
        self,
        children: Sequence[Child],
        folder: Path,
        *,
        crashes_allowed: int = 4,
        within_seconds: float = 60,
        first_pause: float = 0.5,
    ) -> None:
        self.folder = folder.absolute()
        self.crashes_allowed, self.within_seconds, self.first_pause = crashes_allowed, within_seconds, first_pause
        self.logs = self.folder / "logs"
        self.runs = [_Run(child, self.logs / f"{child.name}.log", deque()) for child in children]
        self._asked_to_stop = False
        self._failure: StackFailed | None = None

    def run(self) -> int:
        """Until SIGTERM (0) or a failure (1). Nothing of the stack is left when it returns."""
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._write_state("starting")
        try:
            while not self._asked_to_stop:
                self._look_after_children()
                time.sleep(0.1)
        except StackFailed as failure:
            self._failure = failure
            self._say(f"{failure}: the stack ends")
        finally:
            self._write_state("stopping")
            self._stop_all()
            self._write_state("ended")
        return 0 if self._failure is None else 1

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self._asked_to_stop = True

    def _look_after_children(self) -> None:
        for run in self.runs:
            if run.process is not None and run.process.poll() is not None:
                self._note_end(run, run.process)
            if run.state == "waiting" or (run.state == "restarting" and time.monotonic() >= run.retry_at):
                self._start(run)
            if run.state == "starting":
                self._check_ready(run)
            if self._asked_to_stop or not run.was_ready:
                return  # the later ones wait for it

    def _start(self, run: _Run) -> None:
        if run.log.exists() and run.log.stat().st_size > LOG_BYTES:
            run.log.replace(run.log.with_suffix(".log.1"))
        try:
            run.child.prepare()
            with run.log.open("ab") as log:
                run.log_before = log.tell()
                run.process = run.child.spawn(log.fileno(), {MARK: str(self.folder)})
        except (ServerFailed, OSError, subprocess.SubprocessError) as error:
            with run.log.open("a") as log:
                log.write(f"{error}\n")
            raise StackFailed(run.child.name, "could not be started") from error
        run.identity, run.began = ProcessIdentity.of(run.process.pid), time.monotonic()
        self._move(run, "starting")

    def _check_ready(self, run: _Run) -> None:
        seconds = time.monotonic() - run.began
        running = Running(run.log, run.log_before, seconds)
        if not run.child.once and run.child.is_ready(running) and run.process and run.process.poll() is None:
            run.was_ready = True
            self._move(run, "ready", f"after {seconds:.1f} s")
        elif seconds > run.child.ready_seconds:
            if not run.was_ready:
                raise StackFailed(run.child.name, f"was not ready within {run.child.ready_seconds:.0f} s")
            self._say(f"{run.child.name} does not become ready again")
            kill_session(run.identity)  # seen as a crash when we look again

    def _note_end(self, run: _Run, process: subprocess.Popen[bytes]) -> None:
        code, run.process = process.returncode, None
        kill_session(run.identity)
        run.child.clear_leftovers()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if run.child.once:
            if code != 0:
                raise StackFailed(run.child.name, how)
            run.was_ready = True
            self._move(run, "done")
            return
        now = time.monotonic()
        run.crashes.append(now)
        while run.crashes[0] < now - self.within_seconds:
            run.crashes.popleft()
        if len(run.crashes) > self.crashes_allowed:
            seconds = self.within_seconds
            raise StackFailed(run.child.name, f"crashed {len(run.crashes)} times within {seconds:.0f} s ({how})")
        pause = min(self.first_pause * 2 ** (len(run.crashes) - 1), 10)
        run.restarts, run.retry_at = run.restarts + 1, now + pause
        self._move(run, "restarting", f"in {pause:g} s: it {how}")

    def _stop_all(self) -> None:
        """In reverse, each asked first and given its time; then whatever removed itself from its session."""
        for run in reversed(self.runs):
            if run.process is not None:
                kill(run.process.pid, signal.SIGTERM)
                try:
                    run.process.wait(run.child.stop_seconds)
                except subprocess.TimeoutExpired:
                    self._say(f"{run.child.name} did not stop within {run.child.stop_seconds:.0f} s and is killed")
                kill_session(run.identity)
                run.process.wait()
                run.process = None
                run.child.clear_leftovers()
            self._move(run, "stopped")
        for pid in marked(str(self.folder)):
            kill(pid, signal.SIGKILL)

    def _move(self, run: _Run, state: str, detail: str = "") -> None:
        run.state = state
        self._say(f"{run.child.name} {state} {detail}".rstrip())
        if state != "stopped":
            self._write_state("ready" if all(run.was_ready for run in self.runs) else "starting")

    def _write_state(self, phase: str) -> None:
        """What others know of us; whole or not at all."""
        me = ProcessIdentity.of(os.getpid())
        state = {
            "phase": phase,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "supervisor": {"pid": me.pid, "started": me.started},
            "failure": self._failure and {"child": self._failure.child, "reason": self._failure.reason},
            "children": [
                {
                    "name": run.child.name,
                    "state": run.state,
                    "pid": run.identity.pid,
                    "started": run.identity.started,
                    "restarts": run.restarts,
                    "once": run.child.once,
                }
                for run in self.runs
            ],
        }
        new = self.folder / "state.json.new"
        new.write_text(json.dumps(state, indent=1))
        new.replace(self.folder / "state.json")

    @staticmethod
    def _say(text: str) -> None:
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", file=sys.stdout, flush=True)
