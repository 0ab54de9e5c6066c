"""The figures of docs/security.md: `python -m tests.security`. Starts private servers, on loopback only."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import requests

from tests.security import attacks
from tests.security.attacks import KEYS
from tests.servers import new_broker, new_database
from tests.stack import Stack, find_port
from tests.waiting import wait_for

SECONDS = 5
UPLOAD = (
    "POST /v1/imports HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 50000000\r\n"
    f"X-API-Key: {KEYS['alice']}\r\n\r\n"
).encode() + bytes(100_000)


@contextmanager
def streams_and_uploads(stack: Stack) -> Iterator[None]:
    """All that one client can hold: 200 streams and 56 uploads that stopped half-way, or what of it is allowed."""
    streams, begun = attacks.open_streams(stack.port, "/v1/events", 200, f"X-API-Key: {KEYS['alice']}\r\n")
    with streams, attacks.hold(stack.port, 56, UPLOAD):
        print(f"<!-- {begun} of 200 streams have begun -->")
        yield


def list_attacks(stack: Stack) -> dict[str, AbstractContextManager[object]]:
    return {
        "none": nullcontext(),
        "500 heads without an end": attacks.hold(stack.port, 500, attacks.HEAD),
        "500 heads that drip": attacks.hold(stack.port, 500, attacks.HEAD, drip=1),
        "260 silent sign-ins": attacks.hold(stack.port, 260, attacks.SIGN_IN),
        "260 refused bodies that drip": attacks.hold(stack.port, 260, attacks.REFUSED, drip=1),
        "40 answered connections that stay": attacks.hold(stack.port, 40, attacks.LAST),
        "200 streams and 56 uploads of another client": streams_and_uploads(stack),
    }


def run(stack: Stack) -> None:
    keys = {"X-API-Key": KEYS["bob"]}
    accepted = requests.post(f"{stack.url}/v1/imports", json={"generate": 5}, headers=keys, timeout=60).json()
    paths = ("/livez", f"/v1/imports/{accepted['id']}")
    print("| attack | `/livez` p99 | detail p99 | the worst |\n|---|---|---|---|")
    for name, attack in list_attacks(stack).items():
        with attack:
            figures = [attacks.ask(stack.port, path, SECONDS, keys, timeout=SECONDS) for path in paths]
        worst = max(one.percentile(1) for one in figures)
        shown = [f"{one:.0f} ms" if one < 1e9 else "no answer" for one in
                 (*(figure.percentile(0.99) for figure in figures), worst)]  # fmt: skip
        print("|", " | ".join([name, *shown]), "|", flush=True)
        wait_for(lambda: attacks.ask(stack.port, "/livez", 0.01).milliseconds, "it answers again")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backout-security-") as name, ExitStack() as stopping:
        folder = Path(name)
        folder.chmod(0o755)  # the servers run under accounts of their own
        database = new_database("mariadb", folder / "database")
        stopping.callback(database.server.kill)
        broker = new_broker("rabbitmq-3", folder / "broker")
        stopping.callback(broker.kill)
        keys = folder / "keys"
        keys.write_text("".join(f"{name}:{key}\n" for name, key in KEYS.items()), encoding="utf-8")
        stack = Stack(folder, database.url, broker.url(), find_port(), api_keys_file=keys)
        stopping.callback(stack.kill)
        run(stack.start("web"))


if __name__ == "__main__":
    main()
