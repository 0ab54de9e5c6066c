"""The children of the supervisor: how each is started, and how the supervisor knows that it is ready."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.cli.servers import PrivateServer


@dataclass(frozen=True)
class Running:
    """A started child: its log, the log's size before the start, and the seconds since the start."""

    log: Path
    log_before: int
    seconds: float

    def has_logged(self, words: str) -> bool:
        """Whether the log has these words since this start."""
        with self.log.open("rb") as log:
            log.seek(self.log_before)
            return words.encode() in log.read()


def _nothing() -> None:
    pass


def _never(running: Running) -> bool:
    return False


@dataclass(frozen=True)
class Child:
    """A process of the stack. With `once` it is a step: it is ready after it exits with 0, and is not restarted."""

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
    """A function that starts a child that is not a private server, in its own session."""

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
