"""The sandbox: the outside services that handlings talk to, as one small program for demos and tests.

`python -m app.handling.sandbox --port 8100 --smtp-port 8125 --folder DIR` serves inventory, payment, carrier and
marketplace over HTTP, and a mailbox over SMTP. It keeps the requests in a database of its own. A set share of the
calls goes wrong, by a seed: refused before the effect, answered with an error after it, answered late, or delivered
twice. `PUT /control` changes that while it runs.
"""

import json
import random
import signal
import sqlite3
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from threading import Event, Lock
from time import time
from typing import Any

import click
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

SERVICES = {"inventory": "reservations", "payment": "charges", "carrier": "shipments", "marketplace": "shipments"}
MAIL = "mail"
FAULTS = ("before", "after", "twice", "hang")
SHARES = (50, 30, 15, 5)
TABLES = """
    CREATE TABLE IF NOT EXISTS effects (n INTEGER PRIMARY KEY, service TEXT, key TEXT, order_id TEXT, body TEXT,
        answer TEXT, at REAL, UNIQUE (service, key));
    CREATE TABLE IF NOT EXISTS calls (n INTEGER PRIMARY KEY, service TEXT, key TEXT, fault TEXT, at REAL);
    CREATE TABLE IF NOT EXISTS mails (n INTEGER PRIMARY KEY, message_id TEXT, recipient TEXT, subject TEXT, at REAL);
"""


class Memory:
    """What the services received and did, and what goes wrong; one for all threads."""

    def __init__(self, file: Path, seed: str, failure_rate: float, hang_seconds: float) -> None:
        self._lock = Lock()
        self._base = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._base.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {TABLES}")
        self._random = random.Random(seed)
        self.failure_rate, self.hang_seconds = failure_rate, hang_seconds
        self.faults: tuple[str, ...] = FAULTS
        self.down: tuple[str, ...] = ()

    def note_call(self, service: str, key: str) -> str:
        """Record a call; returns what goes wrong with it, or nothing."""
        with self._lock:
            fault = "down" if service in self.down else ""
            if not fault and self._random.random() < self.failure_rate:
                shares = [SHARES[FAULTS.index(kind)] for kind in self.faults]
                fault = self._random.choices(self.faults, shares)[0]
            self._base.execute(
                "INSERT INTO calls (service, key, fault, at) VALUES (?, ?, ?, ?)", (service, key, fault, time())
            )
            return fault

    def do(self, service: str, key: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Do what a call asks for, once a key; returns the answer, None where the key stands for something else."""
        told = json.dumps(body, sort_keys=True)
        with self._lock:
            found = self._base.execute(
                "SELECT body, answer FROM effects WHERE service = ? AND key = ?", (service, key)
            ).fetchone()
            if found is None:
                number = self._base.execute("SELECT COALESCE(MAX(n), 0) + 1 FROM effects").fetchone()[0]
                answer = {"id": f"{service[:3]}-{number}", "tracking": f"TRACK{number:08d}"}
                self._base.execute(
                    "INSERT INTO effects (service, key, order_id, body, answer, at) VALUES (?, ?, ?, ?, ?, ?)",
                    (service, key, str(body.get("order", "")), told, json.dumps(answer), time()),
                )
                return answer
        return json.loads(found[1]) if found[0] == told else None

    def keep_mail(self, message_id: str, recipient: str, subject: str) -> None:
        """Put a mail into the mailbox."""
        with self._lock:
            self._base.execute(
                "INSERT INTO mails (message_id, recipient, subject, at) VALUES (?, ?, ?, ?)",
                (message_id, recipient, subject, time()),
            )

    def forget(self) -> None:
        """Begin anew, with nothing done."""
        with self._lock:
            self._base.executescript("DELETE FROM effects; DELETE FROM calls; DELETE FROM mails")

    def read(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows, for those who look."""
        with self._lock:
            cursor = self._base.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def create_sandbox(memory: Memory, pause: Callable[[float], Any]) -> Flask:
    """The services as a web application; `pause` is how it hangs."""
    app = Flask("sandbox")

    @app.post("/<service>/<what>")
    def call(service: str, what: str) -> tuple[Response, int]:
        if SERVICES.get(service) != what:
            return jsonify(detail="there is no such service"), 404
        key = request.headers.get("Idempotency-Key", "")
        body = request.get_json(silent=True)
        if not key or not isinstance(body, dict):
            return jsonify(detail="send a JSON object and an Idempotency-Key"), 400
        fault = memory.note_call(service, key)
        if fault in ("down", "before"):
            return jsonify(detail="the service is out of order, by design"), 503
        answer = memory.do(service, key, body)
        if fault == "twice":
            answer = memory.do(service, key, body)
        if answer is None:
            return jsonify(detail="this Idempotency-Key was used for something else"), 422
        if fault == "hang":
            pause(memory.hang_seconds)
        if fault == "after":
            return jsonify(detail="the answer was lost, by design"), 500
        return jsonify(answer), 200

    @app.put("/control")
    def control() -> Response:
        wanted = request.get_json()
        if wanted.get("forget"):
            memory.forget()
        memory.failure_rate = float(wanted.get("failure_rate", memory.failure_rate))
        memory.hang_seconds = float(wanted.get("hang_seconds", memory.hang_seconds))
        memory.faults = tuple(wanted.get("faults", memory.faults))
        memory.down = tuple(wanted.get("down", memory.down))
        return jsonify(failure_rate=memory.failure_rate, faults=memory.faults, down=memory.down)

    @app.get("/effects")
    def effects() -> Response:
        return jsonify(memory.read("SELECT n, service, key, order_id, answer, at FROM effects ORDER BY n"))

    @app.get("/calls")
    def calls() -> Response:
        return jsonify(memory.read("SELECT n, service, key, fault, at FROM calls ORDER BY n"))

    @app.get("/mails")
    def mails() -> Response:
        return jsonify(memory.read("SELECT n, message_id, recipient, subject, at FROM mails ORDER BY n"))

    return app


class Mailbox:
    """What the SMTP server does with a mail: keep it, or say that it should come again."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a mail, as aiosmtpd asks."""
        message = message_from_bytes(envelope.original_content or b"")
        message_id = str(message["Message-ID"] or "")
        fault = self._memory.note_call(MAIL, message_id)
        if fault in ("down", "before"):
            return "451 out of order, by design"
        self._memory.keep_mail(message_id, ", ".join(envelope.rcpt_tos), str(message["Subject"] or ""))
        return "451 the answer was lost, by design" if fault == "after" else "250 kept"


@click.command()
@click.option("--port", type=int, required=True, help="Of the HTTP services, on 127.0.0.1.")
@click.option("--smtp-port", type=int, required=True, help="Of the mailbox, on 127.0.0.1.")
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Where its database is.")
@click.option("--failure-rate", type=float, default=0.05, show_default=True, help="The share of calls that go wrong.")
@click.option("--seed", default="sandbox", show_default=True, help="By which it is decided which ones.")
@click.option("--hang-seconds", type=float, default=8, show_default=True, help="How long a late answer takes.")
def main(port: int, smtp_port: int, folder: Path, failure_rate: float, seed: str, hang_seconds: float) -> None:
    """Serve the sandbox until SIGTERM or SIGINT."""
    folder.mkdir(parents=True, exist_ok=True)
    told = Event()
    memory = Memory(folder / "sandbox.sqlite", seed, failure_rate, hang_seconds)
    server = make_server("127.0.0.1", port, create_sandbox(memory, told.wait), threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    mailbox = Controller(Mailbox(memory), hostname="127.0.0.1", port=smtp_port)
    mailbox.start()

    def end(number: int, frame: object) -> None:
        told.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    click.echo(f"sandbox_ready http=127.0.0.1:{port} smtp=127.0.0.1:{smtp_port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        told.set()
        mailbox.stop()


if __name__ == "__main__":
    main()
