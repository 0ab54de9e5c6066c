"""The outside services of a test: the sandbox as a process, and what it was told."""

import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import requests

from app.cli.processes import free_ports
from tests.stack import ROOT
from tests.waiting import patience, stretched, wait_for

SERVICES = ("inventory", "payment", "carrier", "marketplace")


class Sandbox:
    """The program, on free ports; `settings()` points a stack at it."""

    def __init__(self, folder: Path, *, failure_rate: float = 0.0, seed: str = "test", hang_seconds: float = 4) -> None:
        self.folder = folder
        self.port, self.smtp_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = [f"--failure-rate={failure_rate}", f"--seed={seed}", f"--hang-seconds={hang_seconds}"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Sandbox":
        self.folder.mkdir(parents=True, exist_ok=True)
        addresses = [f"--port={self.port}", f"--smtp-port={self.smtp_port}", f"--folder={self.folder}"]
        with (self.folder / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.handling.sandbox", *addresses, *self._options],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, "the sandbox answers")
        return self

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, (self.folder / "sandbox.log").read_text()
        try:
            return requests.get(f"{self.url}/calls", timeout=stretched(3)).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def services(self) -> dict[str, str]:
        """The addresses, as the settings have them."""
        return {
            **{name: f"{self.url}/{name}" for name in SERVICES},
            "mail": f"smtp://127.0.0.1:{self.smtp_port}",
        }

    def control(self, **wanted: Any) -> None:
        requests.put(f"{self.url}/control", json=wanted, timeout=patience()).raise_for_status()

    def read(self, what: str) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.url}/{what}", timeout=patience()).json())

    def effects(self, service: str) -> list[str]:
        """The orders for which a service did something, in the order in which it did."""
        return [effect["order_id"] for effect in self.read("effects") if effect["service"] == service]

    def require_once(self, orders: list[str]) -> None:
        """Each service has done its part for each of these orders, and once; the mailbox has a mail for each, and all
        of an order's mails have one Message-ID."""
        for service in SERVICES:
            counted = Counter(self.effects(service))
            assert counted == dict.fromkeys(orders, 1), (service, [x for x in counted.items() if x[1] != 1][:5])
        mails = self.read("mails")
        assert len({mail["message_id"] for mail in mails}) == len(orders)
