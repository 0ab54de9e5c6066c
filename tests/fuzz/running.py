"""Requests against the web server for so many minutes: `python -m tests.fuzz.running [--minutes 10] [--seed S]`.

Two web servers run on one installation, one of which asks for keys. The request that had a wrong answer is printed as
bytes, which a FILE may hold to be sent again.
"""

import argparse
import ast
import math
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.drawing import DEFINITION, Requests
from tests.fuzz.sending import Answer, send
from tests.servers import DATABASES, DatabaseServer, new_broker, new_database
from tests.stack import Stack, find_port
from tests.waiting import wait_for

KEYS = ("fuzz-0123456789abcdef", "fuzz-fedcba9876543210")
SETTINGS: dict[str, object] = {
    "stream_max_seconds": 0.5,
    "max_generated_rows": 20,
    "max_upload_bytes": 300_000,
    "handling": 1,
    # none of it is to be refused since there is too much of it
    "max_queued": 1_000_000,
    "overload_error_rate": 1,
}
# as older tables are
FOREIGN = """
    CREATE TABLE IF NOT EXISTS `foreign` (
        id BIGINT UNSIGNED PRIMARY KEY, `Größe (%s) :a` VARCHAR(20), at DATETIME, changed TIMESTAMP(6) NULL,
        price DECIMAL(9, 4), kind ENUM('x', 'ö'), tame TINYINT(1), note TEXT
    ) CHARACTER SET latin1
"""


class RequestFailed(AssertionError):
    """A request had an answer that none may have."""


def start(make: Callable[..., Stack], database: DatabaseServer, folder: Path) -> Stack:
    """The installation, with a dataset and a foreign table to be asked for."""
    keys = folder / "fuzz-keys"
    keys.write_text("".join(f"{key}\n" for key in KEYS))
    stack = make(**SETTINGS)
    stack.own_settings["web-2"] = {"port": find_port(), "api_keys_file": keys}
    with database.root() as cursor:
        cursor.execute(FOREIGN)
        cursor.execute("INSERT IGNORE INTO `foreign` VALUES (1, 'a', '2026-01-31', '2026-01-31', 1.5, 'x', 0, 'ü')")
    stack.start("web", "worker", "sweeper", "web-2")
    port = keyed_port(stack)
    wait_for(lambda: send(port, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").status == 200, "the second web server")
    for body in (DEFINITION, {"name": "foreign", "adopt": True}):
        answer = stack.post("/v1/datasets", json=body)
        assert answer.status_code == 201, answer.text
    return stack


def keyed_port(stack: Stack) -> int:
    """Where the server listens that asks for keys."""
    port = stack.own_settings["web-2"]["port"]
    assert isinstance(port, int)
    return port


def run(stack: Stack, seed: str, *, seconds: float = math.inf, requests: float = math.inf) -> Counter[int]:
    """Send requests for so long, or so many; how often there was which status. Raises `RequestFailed` with the
    request."""
    counts: Counter[int] = Counter()
    until = time.monotonic() + seconds
    ports = {(): stack.port, KEYS: keyed_port(stack)}
    drawn = {keys: Requests(f"{seed}-{len(keys)}", keys) for keys in ports}
    while time.monotonic() < until and counts.total() < requests:
        for keys, port in ports.items():
            drawing = drawn[keys]
            request = drawing.draw()
            answer = send(port, request)
            counts[answer.status] += 1
            if answer.fault is not None:
                raise RequestFailed(describe(seed, request, answer))
            drawing.learn(request, answer)
    return counts


def describe(seed: str, request: bytes, answer: Answer) -> str:
    """What was wrong, and how it is seen again."""
    return (
        f"{answer.fault}, with the seed {seed}: {answer.body[:600]!r}\n"
        f"the request, as bytes for a file that `python -m tests.fuzz.running FILE` sends again:\n{request!r}"
    )


def main() -> None:
    """Fuzz, and say how many requests came to what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--database", choices=DATABASES, default=DATABASES[0])
    parser.add_argument("files", nargs="*", type=Path)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="backout-fuzz-"))
    folder.chmod(0o755)  # the servers run under accounts of their own
    database, broker = new_database(asked.database, folder / "database"), new_broker("rabbitmq-3", folder / "broker")
    made: list[Stack] = []

    def make(**settings: object) -> Stack:
        (folder / "stack").mkdir()
        made.append(Stack(folder / "stack", database.url, broker.url(), find_port(), **settings))
        return made[0]

    try:
        stack = start(make, database, folder)
        for path in asked.files:
            request = ast.literal_eval(path.read_text(encoding="ascii"))
            for port in (stack.port, keyed_port(stack)):
                print(path, port, send(port, request))
        if not asked.files:
            print(f"the seed is {asked.seed}", flush=True)
            print(dict(run(stack, asked.seed, seconds=asked.minutes * 60)))
    finally:
        for stack in made:
            stack.kill()
        broker.kill()
        database.server.kill()
    shutil.rmtree(folder)  # what was wrong leaves it: its logs may say why


if __name__ == "__main__":
    main()
