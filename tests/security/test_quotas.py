"""Quotas: what one client has used up is refused with its name, and another client goes on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import DEAD_BROKER, DatabaseServer
from tests.stack import Stack, find_port

pytestmark = pytest.mark.in_turn

ALICE, BOB = ({"Authorization": f"Bearer {name}-0123456789abcdef"} for name in ("alice", "bob"))
HEADER = "marketplace,order_number,customer,email,ship_to,sku,quantity,unit_price,currency,status,ordered_at\n"
LINE = "mart,{},Jo,jo@example.com,Street 1,S-1,1,1.00,EUR,new,2026-11-01 00:00:00\n"


@pytest.fixture
def start(database: DatabaseServer, tmp_path: Path) -> Iterator[Callable[[str], Stack]]:
    """Starts a web server with these quotas, without a broker and a worker: nothing that is sent ends."""
    made: list[Stack] = []
    keys = tmp_path / "keys"
    keys.write_text("alice:alice-0123456789abcdef\nbob:bob-0123456789abcdef\n", encoding="utf-8")

    def start(quotas: str) -> Stack:
        made.append(Stack(tmp_path, database.url, DEAD_BROKER, find_port(), api_keys_file=keys, quotas=quotas))
        return made[-1].start("web")

    yield start
    for stack in made:
        stack.kill()


def generate(stack: Stack, client: dict[str, str], rows: int = 10, **headers: str) -> Any:
    return stack.post("/v1/imports", json={"generate": rows}, headers=client | headers)


def send(stack: Stack, client: dict[str, str], rows: int) -> Any:
    body = HEADER + "".join(LINE.format(f"{rows}-{at}") for at in range(rows))
    return stack.post("/v1/imports", data=body, headers=client | {"Content-Type": "text/csv"})


def check_refused(answer: Any, limit: str, most: int, used: int) -> None:
    assert answer.status_code == 429, answer.text
    told = answer.json()
    assert (told["type"], told["limit"], told["most"], told["used"]) == ("/problems/quota-exceeded", limit, most, used)
    assert int(answer.headers["Retry-After"]) > 0
    assert f'"{limit}";r=0;t=' in answer.headers["RateLimit"]
    assert f'"{limit}";q={most}' in answer.headers["RateLimit-Policy"]


def test_unfinished_imports_are_limited_for_each_client_alone(start: Callable[[str], Stack]) -> None:
    stack = start('{"imports": 2}')
    first = generate(stack, ALICE)
    assert first.status_code == 202 and first.headers["RateLimit"] == '"imports";r=1;t=5'
    repeated = generate(stack, ALICE, **{"Idempotency-Key": "once"})
    assert repeated.status_code == 202
    check_refused(generate(stack, ALICE), "imports", 2, 2)
    again = generate(stack, ALICE, **{"Idempotency-Key": "once"})
    assert (again.status_code, again.json()["id"]) == (202, repeated.json()["id"])  # it was accepted before
    assert generate(stack, BOB).status_code == 202
    assert stack.post(f"/v1/imports/{first.json()['id']}/stop", headers=ALICE).status_code == 202
    assert generate(stack, ALICE).status_code == 202


def test_the_classic_endpoints_and_retries_count(start: Callable[[str], Stack]) -> None:
    stack = start('{"imports": 1}')
    id = stack.get("/insert/5", headers=ALICE).json()["task_id"]
    for path in ("/insert/5", "/dpd_insert/5"):
        assert stack.get(path, headers=ALICE).status_code == 429
    stack.post(f"/v1/imports/{id}/stop", headers=ALICE)
    assert generate(stack, ALICE).status_code == 202
    check_refused(stack.post(f"/v1/imports/{id}/retry", headers=ALICE), "imports", 1, 1)


def test_rows_bytes_and_kept_files_are_counted(start: Callable[[str], Stack]) -> None:
    stack = start('{"rows": 100, "bytes": 1000, "spool_bytes": 100000}')
    assert generate(stack, ALICE, 100).status_code == 202
    check_refused(generate(stack, ALICE, 1), "rows", 100, 100)
    sent = send(stack, BOB, 20)
    assert sent.status_code == 202
    size = sent.json()["source"]["bytes"]
    check_refused(generate(stack, BOB, 1), "bytes", 1000, size)


def test_files_count_as_long_as_they_are_kept(start: Callable[[str], Stack]) -> None:
    stack = start('{"spool_bytes": 1000}')
    id = send(stack, ALICE, 20).json()["id"]
    assert generate(stack, ALICE, 1).status_code == 429
    stack.post(f"/v1/imports/{id}/stop", headers=ALICE)
    assert generate(stack, ALICE, 1).json()["limit"] == "spool_bytes"  # a stopped import's file is kept for a retry


def test_without_quotas_nothing_is_said_of_them(start: Callable[[str], Stack]) -> None:
    answer = generate(start("{}"), ALICE)
    assert answer.status_code == 202 and not [name for name in answer.headers if name.startswith("RateLimit")]
