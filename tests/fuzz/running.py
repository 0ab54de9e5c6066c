"""Running: two web servers on one installation, one that asks for keys, and requests until something is wrong."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.conftest import DatabaseServer
from tests.fuzz.drawing import DEFINITION, Requests
from tests.fuzz.sending import Answer, send
from tests.stack import Stack, find_port, wait_for

KEYS = ("fuzz-0123456789abcdef", "fuzz-fedcba9876543210")
SETTINGS: dict[str, object] = {
    "stream_seconds": 0.5,
    "max_generated_rows": 20,
    "max_upload_bytes": 300_000,
    "handling": 1,
    # none of it is to be refused since there is too much of it
    "overload_queued": 1_000_000,
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
    wait_for(lambda: send(port, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").status == 200, 30, "the second web server")
    for body in (DEFINITION, {"name": "foreign", "adopt": True}):
        answer = stack.post("/v1/datasets", json=body)
        assert answer.status_code == 201, answer.text
    return stack


def keyed_port(stack: Stack) -> int:
    """Where the server listens that asks for keys."""
    port = stack.own_settings["web-2"]["port"]
    assert isinstance(port, int)
    return port


def run(stack: Stack, seed: str, seconds: float) -> Counter[int]:
    """Send requests for so long; how often there was which status. Raises `RequestFailed` with the request."""
    counts: Counter[int] = Counter()
    until = time.monotonic() + seconds
    ports = {(): stack.port, KEYS: keyed_port(stack)}
    drawn = {keys: Requests(f"{seed}-{len(keys)}", keys) for keys in ports}
    while time.monotonic() < until:
        for keys, port in ports.items():
            requests = drawn[keys]
            request = requests.draw()
            answer = send(port, request)
            counts[answer.status] += 1
            if answer.fault is not None:
                raise RequestFailed(describe(seed, request, answer))
            requests.learn(request, answer)
    return counts


def describe(seed: str, request: bytes, answer: Answer) -> str:
    """What was wrong, and how it is seen again."""
    return (
        f"{answer.fault}, with the seed {seed}: {answer.body[:600]!r}\n"
        f"the request, as bytes for `python -m tests.fuzz.requests --again FILE`:\n{request!r}"
    )
