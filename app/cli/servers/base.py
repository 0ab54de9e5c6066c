"""The base of private servers: folder, unprivileged account, start and stop."""

import contextlib
import os
import pwd
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from app.cli.processes import ProcessIdentity, kill, kill_session, session_led_by, wait_until

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # an ordinary user's often lacks sbin


class ServerFailed(Exception):
    """A private server could not be prepared, or did not become ready."""


class PrivateServer:
    """A server for one checkout or one test: on loopback only, below one folder.

    Call `prepare()`, which may be repeated after an interruption. Then call `start()` and `wait_ready()`; a supervisor
    uses `spawn()` and `is_ready()`.
    """

    name: ClassVar[str]
    accounts: ClassVar[tuple[str, ...]] = ()
    ready_seconds: ClassVar[float] = 90
    stop_seconds: ClassVar[float] = 30

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.account = _unprivileged(self.folder, self.accounts)
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessIdentity | None = None

    @property
    def command(self) -> list[str]:
        raise NotImplementedError

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment: no variable of the caller (ERL_*, RABBITMQ_*, MYSQL_*) may change a private server."""
        return {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": str(self.folder)}

    def prepare(self) -> None:
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it answers requests."""
        raise NotImplementedError

    def clear_leftovers(self) -> None:
        """End processes that the server started outside its session; called after its end."""

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def pid(self) -> int:
        """The pid of the process that `start()` started; it leads its own session."""
        if self._process is None:
            raise ServerFailed(f"{self.name} was not started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server without waiting. Its output goes to `log`."""
        if self.is_running:
            raise ServerFailed(f"{self.name} runs already")
        with self.log.open("ab") as log:
            self._process = self.spawn(log.fileno())
        self._identity = ProcessIdentity.of(self._process.pid)

    def spawn(self, output: int, more_environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=self.environment | (more_environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            user=self._uid,
            group=self._gid,
            extra_groups=self._no_groups,
        )

    def wait_ready(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or self.ready_seconds)
        while not self.is_ready():
            if not self.is_running or time.monotonic() > deadline:
                fate = "did not answer in time" if self.is_running else "ended"
                raise ServerFailed(f"{self.name} {fate}; its log ends:\n{self.log_end()}")
            time.sleep(0.1)

    def stop(self, timeout: float | None = None) -> None:
        """Stop it with SIGTERM; kill it if that takes too long."""
        if self._process is None:
            return
        kill(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout or self.stop_seconds)
        self.kill()

    def kill(self) -> None:
        """Kill it and all processes that it started."""
        if self._process is None or self._identity is None:
            return
        identity, process = self._identity, self._process
        kill_session(identity)
        process.wait()
        wait_until(lambda: not session_led_by(identity), 10)
        self._process = None
        self.clear_leftovers()

    def log_end(self, lines: int = 20) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def _run(self, command: list[str], what: str, timeout: float = 120) -> str:
        """Run a program that prepares the server, as its account."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            user=self._uid,
            group=self._gid,
            extra_groups=self._no_groups,
        )
        if done.returncode != 0:
            raise ServerFailed(f"{what} failed ({done.returncode}):\n{done.stdout[-2000:]}")
        return done.stdout

    @property
    def _uid(self) -> int | None:
        return self.account.pw_uid if self.account else None

    @property
    def _gid(self) -> int | None:
        return self.account.pw_gid if self.account else None

    @property
    def _no_groups(self) -> list[str] | None:
        """An unprivileged account must not have root's other groups. Only root can drop groups."""
        return [] if self.account else None

    def _own_folder(self) -> None:
        """Give the folder to the server's account alone; another account may have owned it before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if self.account is None:
            return
        uid, gid = self.account.pw_uid, self.account.pw_gid
        for path in (self.folder, *self.folder.rglob("*")):
            if path.lstat().st_uid != uid:
                os.chown(path, uid, gid, follow_symlinks=False)

    def _write_private(self, name: str, text: str, mode: int = 0o600) -> Path:
        """Write a file that only the server's account (and root) can read, atomically."""
        path, new = self.folder / name, self.folder / f"{name}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            if self.account is not None:
                os.fchown(file.fileno(), self.account.pw_uid, self.account.pw_gid)
        new.rename(path)
        return path

    def _secret(self, name: str) -> str:
        """A secret that is generated once and stored in the folder."""
        path = self.folder / name
        if not path.exists():
            self._own_folder()
            self._write_private(name, secrets.token_hex(24))
        return path.read_text().strip()


def _unprivileged(folder: Path, names: tuple[str, ...]) -> pwd.struct_passwd | None:
    """The account for a server that root starts: the first of these that exists and can reach the folder."""
    if os.geteuid() != 0:
        return None
    reachable = folder
    while not reachable.exists() or reachable == folder:  # the account will own the folder itself
        reachable = reachable.parent
    for name in names:
        try:
            account = pwd.getpwnam(name)
            subprocess.run(
                ["test", "-x", str(reachable)],
                check=True,
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[],
            )
        except (KeyError, subprocess.SubprocessError, OSError):
            continue
        return account
    return None
