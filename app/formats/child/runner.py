"""Children: processes that read one file each, with limits of memory and time, of previews a few at once.

Nothing in a small file says how much memory or time its reader takes, so that another process is limited and may fail.
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
_ABORTED = (child_process.OUT_OF_MEMORY, -6, -9)  # native code aborts where an allocation fails; the system kills
_TOO_SLOW = -24  # SIGXCPU
_FIELDS = ("code", "reason", "line", "row", "column", "value")


@dataclass(frozen=True)
class Limits:
    """What one child may take: bytes of address space, seconds on the clock until its last message is taken, and
    seconds of processor time; None for no limit of that kind."""

    memory_bytes: int
    seconds: float | None = None
    cpu_seconds: int | None = None


class ChildFailed(Exception):
    """The child ended before it had said all; the text says how, for people."""


class OutOfMemory(ChildFailed):
    """It needed more memory than it may take, or than there was."""


class TooSlow(ChildFailed):
    """It needed more time than it may take."""


class ConcurrencyLimit:
    """As many at once as there are places; the others wait a little."""

    def __init__(self, most: int, seconds: float) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._most, self._seconds = most, seconds

    @contextmanager
    def take(self) -> Iterator[None]:
        """A place for as long as it is held. Raises `Overloaded` where none became free."""
        if not self._free.acquire(timeout=self._seconds):
            raise Overloaded(f"{self._most} files are looked at already, which is all at once: try again in a moment")
        try:
            yield
        finally:
            self._free.release()


PREVIEWS = ConcurrencyLimit(most=2, seconds=10.0)


@contextmanager
def run(module: str, arguments: list[str], limits: Limits) -> Iterator[Iterator[Any]]:
    """What `module.messages(*arguments)` gives in a process of its own: values that JSON has. Whatever becomes of that
    process, its messages are whole, and it is gone when the context ends or this thread or process does.

    The iterator raises ChildFailed, and ImportFailed as the module does.
    """
    said = json.dumps([os.getpid(), limits.memory_bytes, limits.cpu_seconds or 0])
    command = [sys.executable, "-I", child_process.__file__, said, str(_ROOT), module, *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # else a terminal's Ctrl-C ends it
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
    while (line := stream.readline(child_process.MAX_LINE_BYTES + 1)).endswith(b"\n"):  # else it ended within the line
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
