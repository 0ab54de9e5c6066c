"""Runs child processes that read one file each, with limits on memory and time.

Even a small file may need any amount of memory and time. So a child process reads it, and only that process fails.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from app.domain.errors import ImportFailed, Overloaded
from app.formats.child import process as child_process

_ROOT = Path(__file__).parents[3]
_ABORTED = (child_process.OUT_OF_MEMORY, -6, -9)  # native code aborts after a failed allocation; the system kills
_TOO_SLOW = -24  # SIGXCPU
_FIELDS = ("code", "reason", "line", "row", "column", "value")


@dataclass(frozen=True)
class Limits:
    """What one child may use: bytes of address space, seconds until its last message is read, and seconds of processor
    time (None: no limit)."""

    memory_bytes: int
    seconds: float | None = None
    cpu_seconds: int | None = None


class ChildFailed(Exception):
    """The child ended before its last message; the text says how."""


class OutOfMemory(ChildFailed):
    """The child needed more memory than allowed or available."""


class TooSlow(ChildFailed):
    """The child needed more time than allowed."""


class ConcurrencyLimit:
    """Allows so many users of a thing at once; others wait a little."""

    def __init__(self, what: str, most: int, seconds: float) -> None:
        self._what = what
        self._free = threading.BoundedSemaphore(most)
        self._most, self._seconds = most, seconds

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place. Raises `Overloaded` if none became free in time."""
        if not self._free.acquire(timeout=self._seconds):
            raise Overloaded(f"{self._most} {self._what} are running, the maximum: try again in a moment")
        try:
            yield
        finally:
            self._free.release()


PREVIEWS = ConcurrencyLimit("previews", most=2, seconds=10.0)


@contextmanager
def run(module: str, arguments: list[str], limits: Limits) -> Iterator[Iterator[Any]]:
    """Run `module.messages(*arguments)` in a child process; gives an iterator over its messages, JSON values.

    No message is ever incomplete. The child is gone when the context ends, or when this process ends. The iterator
    raises ChildFailed, and ImportFailed as the module does.
    """
    limits_json = json.dumps([os.getpid(), limits.memory_bytes, limits.cpu_seconds or 0])
    command = [sys.executable, "-I", child_process.__file__, limits_json, str(_ROOT), module, *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # else Ctrl-C in a terminal ends it
    ) as process:
        late = threading.Event()

        def end_late() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limits.seconds or 0, end_late)
        try:
            if limits.seconds is not None:
                timer.start()
            assert process.stdout is not None
            yield _received(process, process.stdout, late)
        finally:
            timer.cancel()
            process.kill()


def _received(process: subprocess.Popen[bytes], stream: IO[bytes], late: threading.Event) -> Iterator[Any]:
    while (line := stream.readline(child_process.MAX_LINE_BYTES + 1)).endswith(
        b"\n"
    ):  # else the child ended within the line
        message = json.loads(line)
        if message is None:
            return
        if isinstance(message, list):
            yield message[0]
        elif "failed" in message:
            found = message["failed"]
            raise ImportFailed(**{name: found[name] for name in _FIELDS if name in found})
        else:
            raise ChildFailed(message["broken"])
    status = process.wait()
    if late.is_set() or status == _TOO_SLOW:
        raise TooSlow("it took too long")
    if status in _ABORTED:
        raise OutOfMemory("it needs too much memory")
    raise ChildFailed(f"its reader was ended by signal {-status}" if status < 0 else f"its reader ended with {status}")
