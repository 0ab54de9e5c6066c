"""A stack: a web server, a worker and a sweeper as processes, and a client that asks them over HTTP."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from app.cli.processes import free_ports
from tests.contract import check_answer
from tests.waiting import patience, stretched, wait_for

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
COMMANDS = {
    "web": [str(BIN / "gunicorn"), "--config", "gunicorn.conf.py", "wsgi:app"],
    "worker": [str(BIN / "celery"), "-A", "celeryconfig", "worker"],
    "sweeper": [sys.executable, "-m", "app.tasks.sweep"],
}
HANDLER = [str(BIN / "celery"), "-A", "handlingconfig", "worker"]  # not part of a stack unless it is started by name
FINAL = ("committed", "stopped", "failed", "checked")


def kind_of(name: str) -> str:
    """The command that a process runs: `worker` for `worker-2`."""
    return name.partition("-")[0]


class Stack:
    """Processes of ours on given servers, with settings as environment variables.

    A process is named after its command; a second one of the same is `worker-2` and so on. `commands` replaces
    commands, and `own_settings` holds what differs for one kind of process, or for one process. Every answer is held
    to the contract.
    """

    def __init__(self, folder: Path, database_url: str, broker_url: str, port: int, **settings: object) -> None:
        self.folder, self.port = folder, port
        self.commands = {**COMMANDS, "handler": HANDLER}
        self.own_settings: dict[str, dict[str, object]] = {}
        self.url = f"http://127.0.0.1:{port}"
        self.spool = folder / "spool"
        self.http = requests.Session()
        self.http.hooks["response"].append(check_answer)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.settings = {
            "database_url": database_url,
            "broker_url": broker_url,
            "port": port,
            "spool_dir": self.spool,
            "test_endpoints": 1,
            "lease_seconds": 4,
            "lock_wait_seconds": 3,
            "sweep_seconds": 0.5,
            **settings,
        }

    def environment(self, name: str) -> dict[str, str]:
        own = self.own_settings.get(kind_of(name), {}) | self.own_settings.get(name, {})
        settings = self.settings | own
        return {
            "PATH": os.environ["PATH"],
            "PYTHONWARNINGS": "default",
            **{f"BACKOUT_{name.upper()}": str(value) for name, value in settings.items() if value is not None},
        }

    def start(self, *names: str) -> "Stack":
        """Start these processes, or all; returns when they are ready."""
        for name in names or COMMANDS:
            with self.log(name).open("ab") as log:
                self._running[name] = subprocess.Popen(
                    self.commands[kind_of(name)],
                    cwd=ROOT,
                    env=self.environment(name),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        for name in names or COMMANDS:
            wait_for(lambda name=name: self.is_ready(name), f"{name} is ready: {self.log(name)}")
        return self

    def is_ready(self, name: str) -> bool:
        process = self._running[name]
        assert process.poll() is None, f"{name} ended: {self.log(name).read_text()[-2000:]}"
        if kind_of(name) == "web":
            try:
                return bool(self.http.get(f"{self.url}/livez", timeout=stretched(3)).ok)
            except requests.RequestException:
                return False
        ready = {"worker": " ready.", "handler": " ready.", "sweeper": "sweeper_ready"}
        return ready[kind_of(name)] in self.log(name).read_text()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def is_running(self, name: str) -> bool:
        return name in self._running and self._running[name].poll() is None

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def send_signal(self, name: str, number: int) -> None:
        """To the process and all of its children."""
        os.killpg(self._running[name].pid, number)

    def end(self, name: str, number: int = signal.SIGTERM, seconds: float | None = None) -> int:
        """Signal the main process alone and wait for its end; returns its exit code."""
        self._running[name].send_signal(number)
        return self.wait_end(name, seconds)

    def wait_end(self, name: str, seconds: float | None = None) -> int:
        """Wait for the end of a process that was told to end; returns its exit code."""
        code = self._running[name].wait(patience() if seconds is None else seconds)
        process = self._running.pop(name)
        self.log(name).rename(self.log(f"{name}-{process.pid}"))
        return code

    def kill(self, *names: str) -> None:
        """kill -9 of these, children included."""
        for name in names or tuple(self._running):
            process = self._running.pop(name)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.log(name).rename(self.log(f"{name}-{process.pid}"))

    # --- what a client does -------------------------------------------------------------------------------------------

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=patience(120), **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.http.post(self.url + path, timeout=patience(120), **options)

    def send(self, body: bytes, content_type: str = "text/csv", **options: Any) -> requests.Response:
        """POST a file as it is."""
        headers = {"Content-Type": content_type, **options.pop("headers", {})}
        return self.post("/v1/imports", data=body, headers=headers, **options)

    def count(self) -> int:
        return int(self.get("/get_data/count").json()["count"])

    def find(self, id: str) -> dict[str, Any]:
        answer = self.get(f"/v1/imports/{id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_state(self, id: str, *states: str) -> dict[str, Any]:
        """The import once it is in one of these states, or in any final one."""
        wanted = states or FINAL
        return dict(wait_for(lambda: (found := self.find(id))["state"] in wanted and found, f"{id} in {wanted}"))

    def wait_rows(self, id: str, rows: int = 1) -> dict[str, Any]:
        """The import once it has loaded so many rows."""
        return dict(wait_for(lambda: (found := self.find(id))["rows_done"] >= rows and found, f"rows of {id}"))


def find_port() -> int:
    """A free one on loopback."""
    return int(free_ports(1)[0])
