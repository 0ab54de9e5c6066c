"""What a supervisor starts: how each child is spawned, and how it is told that it is ready."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.cli.servers import PrivateServer


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
