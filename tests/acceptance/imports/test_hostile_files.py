"""Small files that are made to take memory or time: the web server refuses them and keeps nothing."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest
import requests

from tests.files.hostile import FILES, book
from tests.stack import Stack
from tests.waiting import patience

pytestmark = [pytest.mark.in_turn, pytest.mark.timeout(400)]

MAX_SECONDS = patience()  # the reader's 10, and much for a machine with much else to do
MAX_GROWTH_BYTES = 200 * 1024**2
CHEAP = b"marketplace,order_number\nAmazon,1\n"


def memory_of(pid: int) -> int:
    """What the process's children and itself keep, in bytes."""
    total = 0
    for process in (pid, *children_of(pid)):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        total += int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return total


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(child) for child in listed.split()]


def test_hostile_workbooks_are_answered_soon_and_leave_nothing(stack: Stack) -> None:
    assert stack.post("/v1/previews", data=CHEAP).status_code == 200
    before = memory_of(stack.pid("web"))
    for name, make in FILES.items():
        data = make()
        assert len(data) < 1_000_000, name
        began = monotonic()
        answer = stack.post("/v1/previews?infer=true&file_name=o.xlsx", data=data)
        assert answer.status_code < 500, (name, answer.text)
        assert monotonic() - began < MAX_SECONDS, name
    assert memory_of(stack.pid("web")) - before < MAX_GROWTH_BYTES


def test_only_a_few_are_read_at_once(stack: Stack) -> None:
    slow = book("<row>" + "<c><f/></c>" * 100_000 + "</row>")  # takes a second

    def send(_: int) -> requests.Response:
        return requests.post(f"{stack.url}/v1/previews?file_name=o.xlsx", data=slow, timeout=patience(100))

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, at) for at in range(4)]
        assert stack.post("/v1/previews", data=CHEAP).status_code == 200  # a text needs no place
        answers = [each.result() for each in sent]
    assert {answer.status_code for answer in answers} <= {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert answer.headers["Retry-After"] and "try again" in answer.json()["detail"]
