"""Processes of the stack, identified by pid and start time together, because pids are reused."""

import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "BACKOUT_STACK"  # environment variable of everything that a stack starts: which stack it belongs to
# below Linux's range for outgoing connections, so no program gets one of these by chance
PRIVATE_PORTS = range(20000, 32000)


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, and never a later one with the same pid."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """The identity of a process; also of a child that has ended but was not waited for."""
        fields = _stat(pid)
        return cls(pid, int(fields[19])) if fields else NOBODY

    @property
    def is_alive(self) -> bool:
        return self.started != 0 and start_time(self.pid) == self.started


NOBODY = ProcessIdentity(0, 0)


def start_time(pid: int) -> int | None:
    """When it was started, in clock ticks since boot; None if it has ended or is a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def session_led_by(leader: ProcessIdentity) -> list[int]:
    """Every living process of the session that this child leads or led.

    A pid is not reused while a session has it: if the leader's pid has another start time now, the session is over and
    another process has the pid.
    """
    if leader == NOBODY or start_time(leader.pid) not in (None, leader.started):
        return []
    return [pid for pid in _pids() if (stat := _stat(pid)) and stat[0] not in "ZX" and int(stat[3]) == leader.pid]


def marked(stack: str) -> list[int]:
    """Every living process that the stack of this name started, even if it is a daemon by now."""
    wanted = f"{MARK}={stack}".encode()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):  # it ended, or is another user's
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and start_time(pid):
                found.append(pid)
    return [pid for pid in found if pid != os.getpid()]


def kill_session(leader: ProcessIdentity) -> None:
    """Kill all processes of the session."""
    for pid in session_led_by(leader):
        kill(pid, signal.SIGKILL)


def kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until(holds: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(every)
    return held


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Different ports of this machine on which no process listens."""
    found: list[int] = []
    for port in random.sample(PRIVATE_PORTS, len(PRIVATE_PORTS)):
        if len(found) == count:
            return found
        if is_free(port):
            found.append(port)
    raise RuntimeError("no free port between 20000 and 32000")


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: the second may contain spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
