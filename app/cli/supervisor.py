"""The supervisor: starts the stack's children in order, restarts those that crash, and stops them.

A child is started once all before it have been ready. The stack ends without a request only if a child never became
ready or crashed too often. A `kill -9` of this process leaves the children running: `state.json` lists them, and
`daemon.py` ends them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.cli.children import Child, Running
from app.cli.processes import MARK, NOBODY, ProcessIdentity, kill, kill_session, marked

LOG_BYTES = 10 * 1024**2  # a larger log is renamed when its child is started


class StackFailed(Exception):
    """A child never became ready, or crashed too often."""

    def __init__(self, child: str, reason: str) -> None:
        super().__init__(f"{child} {reason}")
        self.child, self.reason = child, reason


@dataclass
class _Run:
    """The state of a child: waiting, starting, ready, restarting, done or stopped."""

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
    complaint: str = ""


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
        self._unwritten = ""
        self._failure: StackFailed | None = None

    def run(self) -> int:
        """Run until SIGTERM (returns 0) or a failure (returns 1). No process of the stack is left then."""
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._write_state("starting")
        try:
            while not self._asked_to_stop:
                self._supervise_children()
                if self._unwritten:
                    self._write_state(self._unwritten)
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

    def _supervise_children(self) -> None:
        for run in self.runs:
            try:
                self._supervise(run)
            except StackFailed:
                raise
            except Exception as error:  # noqa: BLE001 — the other children need the supervisor
                self._complain(run, "can't be supervised", error)
            if self._asked_to_stop or not run.was_ready:
                return  # the later ones wait for it

    def _supervise(self, run: _Run) -> None:
        if run.process is not None and run.process.poll() is not None:
            self._note_end(run, run.process)
        if run.state == "waiting" or (run.state == "restarting" and time.monotonic() >= run.retry_at):
            self._start(run)
        if run.state == "starting":
            self._check_ready(run)

    def _start(self, run: _Run) -> None:
        try:
            if run.log.exists() and run.log.stat().st_size > LOG_BYTES:
                run.log.replace(run.log.with_suffix(".log.1"))
            run.child.prepare()
            with run.log.open("ab") as log:
                run.log_before = log.tell()
                run.process = run.child.spawn(log.fileno(), {MARK: str(self.folder)})
        except Exception as error:
            with suppress(OSError), run.log.open("a") as log:
                log.write(f"{error}\n")
            if not run.was_ready:
                raise StackFailed(run.child.name, "could not be started") from error
            self._note_crash(run, f"could not be started: {error}")
            return
        run.identity, run.began = ProcessIdentity.of(run.process.pid), time.monotonic()
        self._move(run, "starting")

    def _check_ready(self, run: _Run) -> None:
        seconds = time.monotonic() - run.began
        running = Running(run.log, run.log_before, seconds)
        if not run.child.once and self._is_ready(run, running) and run.process and run.process.poll() is None:
            run.was_ready = True
            self._move(run, "ready", f"after {seconds:.1f} s")
        elif seconds > run.child.ready_seconds:
            if not run.was_ready:
                raise StackFailed(run.child.name, f"was not ready within {run.child.ready_seconds:.0f} s")
            self._say(f"{run.child.name} does not become ready again")
            kill_session(run.identity)  # the next check sees a crash

    def _is_ready(self, run: _Run, running: Running) -> bool:
        try:
            return run.child.is_ready(running)
        except Exception as error:  # noqa: BLE001 — it counts as not ready
            self._complain(run, "can't be checked for readiness", error)
            return False

    def _clear_leftovers(self, run: _Run) -> None:
        try:
            run.child.clear_leftovers()
        except Exception as error:  # noqa: BLE001 — leftovers must not prevent a restart
            self._complain(run, "left files or processes that can't be removed", error)

    def _note_end(self, run: _Run, process: subprocess.Popen[bytes]) -> None:
        code, run.process = process.returncode, None
        kill_session(run.identity)
        self._clear_leftovers(run)
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if run.child.once:
            if code != 0:
                raise StackFailed(run.child.name, how)
            run.was_ready = True
            self._move(run, "done")
            return
        self._note_crash(run, f"it {how}")

    def _note_crash(self, run: _Run, how: str) -> None:
        now = time.monotonic()
        run.crashes.append(now)
        while run.crashes[0] < now - self.within_seconds:
            run.crashes.popleft()
        if len(run.crashes) > self.crashes_allowed:
            seconds = self.within_seconds
            raise StackFailed(
                run.child.name, f"crashed {len(run.crashes)} times within {seconds:.0f} s ({how.removeprefix('it ')})"
            )
        pause = min(self.first_pause * 2 ** (len(run.crashes) - 1), 10)
        run.restarts, run.retry_at = run.restarts + 1, now + pause
        self._move(run, "restarting", f"in {pause:g} s: {how}")

    def _stop_all(self) -> None:
        """Stop the children in reverse order, each with its time limit; then kill processes outside of their
        sessions."""
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
                self._clear_leftovers(run)
            self._move(run, "stopped")
        for pid in marked(str(self.folder)):
            kill(pid, signal.SIGKILL)

    def _move(self, run: _Run, state: str, detail: str = "") -> None:
        run.state = state
        self._say(f"{run.child.name} {state} {detail}".rstrip())
        if state != "stopped":
            self._write_state("ready" if all(run.was_ready for run in self.runs) else "starting")

    def _write_state(self, phase: str) -> None:
        """Write `state.json` atomically."""
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
        try:
            new.write_text(json.dumps(state, indent=1))
            new.replace(self.folder / "state.json")
        except OSError as error:  # a full disk must not end the supervisor; written once there is space
            if not self._unwritten:
                self._say(f"state.json can't be written: {error}")
            self._unwritten = phase
        else:
            self._unwritten = ""

    def _complain(self, run: _Run, what: str, error: Exception) -> None:
        """Report an error once, until another one occurs."""
        complaint = f"{run.child.name} {what}: {type(error).__name__}: {error}"
        if complaint != run.complaint:
            run.complaint = complaint
            self._say(complaint)

    @staticmethod
    def _say(text: str) -> None:
        with suppress(OSError):  # the log's disk may be full
            print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}", file=sys.stdout, flush=True)
