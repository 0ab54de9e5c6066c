"""A breakpoint between two processes: a worker that comes to the armed failpoint says so and waits to be released."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from tests.waiting import patience

POLL_SECONDS = 0.005
MAX_SECONDS = patience() + 60  # a worker whose test has died goes on


class Breakpoint:
    """Files in a folder: `armed` names the failpoint; `reached` has the process that came to it first; `released`; and
    `left`, when that process has ended its attempt."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.failpoint = ""

    # --- the test's side ----------------------------------------------------------------------------------------------

    def arm(self, failpoint: str) -> None:
        """The next attempt that comes to this failpoint waits there; those after it pass."""
        self.disarm()
        (self._folder / "released").unlink()
        self.failpoint = failpoint
        self._write("armed", failpoint)

    def disarm(self) -> None:
        """No attempt waits here; whoever does is released."""
        (self._folder / "armed").unlink(missing_ok=True)
        self.release()
        for name in ("reached", "left"):
            (self._folder / name).unlink(missing_ok=True)

    @property
    def reached(self) -> int | None:
        """The process that waits, or waited, at the failpoint."""
        with suppress(FileNotFoundError, ValueError):
            return int((self._folder / "reached").read_text())
        return None

    def release(self) -> None:
        """Let it go on, if it still can."""
        self._write("released", "")

    @property
    def left(self) -> bool:
        """Whether the process that had waited has ended its attempt, whatever came of it."""
        return (self._folder / "left").exists()

    # --- the worker's side --------------------------------------------------------------------------------------------

    @property
    def armed(self) -> str | None:
        """The failpoint to wait at, if nobody has come to it yet."""
        with suppress(FileNotFoundError):
            return (self._folder / "armed").read_text() if self.reached is None else None
        return None

    def wait(self) -> None:
        """Called at the failpoint: only the first to come waits."""
        if self._claim():
            until = monotonic() + MAX_SECONDS
            while not (self._folder / "released").exists() and monotonic() < until:
                sleep(POLL_SECONDS)

    def run(self, attempt: Callable[[], object]) -> object:
        """An attempt, which says that it has left if it was the one that waited."""
        try:
            return attempt()
        finally:
            if self.reached == os.getpid():
                self._write("left", "")

    def _claim(self) -> bool:
        mine = self._write_aside("mine", str(os.getpid()))
        try:
            os.link(mine, self._folder / "reached")  # fails where it exists: one wins, and its number is whole
        except FileExistsError:
            return False
        finally:
            mine.unlink()
        return True

    def _write(self, name: str, text: str) -> None:
        self._write_aside(name, text).rename(self._folder / name)

    def _write_aside(self, name: str, text: str) -> Path:
        background = self._folder / f".{name}-{os.getpid()}"
        background.write_text(text)
        return background
