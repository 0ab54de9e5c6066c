"""`stream=1`: an import is loaded while its file still arrives, and is all or nothing all the same."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event

import pytest
import requests

from app.formats.generate.orders import write_csv_sample
from tests.acceptance.conftest import Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

ROWS = 30_000  # 5 MB, more than a head
PIECE = 64 * 1024


@pytest.fixture(scope="session")
def csv(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("csv") / "orders.csv"
    write_csv_sample(path, ROWS, "stream")
    return path.read_bytes()


class Sending:
    """An upload whose last tenth is held back."""

    def __init__(self, stack: Stack, body: bytes, **headers: str) -> None:
        self._stack, self._body, self._headers = stack, body, headers
        self.rest = Event()
        self.broken = False

    def send(self) -> requests.Response:
        return requests.post(
            f"{self._stack.url}/v1/imports?stream=1",
            data=self._pieces(),
            headers={"Content-Type": "text/csv", **self._headers},
            timeout=patience(),
        )

    def _pieces(self) -> Iterator[bytes]:
        held = len(self._body) * 9 // 10
        for start in range(0, held, PIECE):
            yield self._body[start : min(start + PIECE, held)]
        assert self.rest.wait(patience())
        if self.broken:
            raise OSError("the client is gone")
        yield self._body[held:]


@contextmanager
def sending(stack: Stack, body: bytes, **headers: str) -> Iterator[tuple[Sending, "Future[requests.Response]", str]]:
    """An upload that has sent nine tenths, and the id of its import, which has loaded rows."""
    upload = Sending(stack, body, **headers)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(upload.send)
        try:
            arriving = wait_for(lambda: list_arriving(stack), "the import is there before its file is")
            id = arriving[0]["id"]
            stack.wait_rows(id)
            assert not answer.done()
            yield upload, answer, id
        finally:
            upload.rest.set()


def list_arriving(stack: Stack) -> list[dict[str, object]]:
    return [row for row in stack.get("/v1/imports?state=queued,running").json()["imports"] if row["arriving"]]


def test_loading_begins_before_the_last_byte(stack: Stack, csv: bytes) -> None:
    with sending(stack, csv, **{"Idempotency-Key": "night"}) as (upload, answer, id):
        assert stack.count() == 0
        upload.rest.set()
        accepted = answer.result(patience())
    assert accepted.status_code == 202 and accepted.json()["id"] == id
    done = stack.wait_state(id)
    assert (done["state"], done["rows_done"], done["bytes_total"]) == ("committed", ROWS, len(csv))
    assert done["bytes_done"] == len(csv) and not done["arriving"]
    assert stack.count() == ROWS
    again = stack.send(csv, headers={"Idempotency-Key": "night"})
    assert again.json()["id"] == id  # the key stands for the content, however it was sent


def test_an_upload_that_breaks_leaves_nothing(stack: Stack, csv: bytes) -> None:
    with sending(stack, csv, **{"Idempotency-Key": "broken"}) as (upload, answer, id):
        upload.broken = True
        upload.rest.set()
        with suppress(Exception):
            answer.result(patience())
    failed = stack.wait_state(id)
    assert failed["state"] == "failed" and failed["error"]["code"] == "upload_broken"
    assert stack.count() == 0
    again = stack.send(csv, headers={"Idempotency-Key": "broken"})  # the key is free
    assert stack.wait_state(again.json()["id"])["state"] == "committed"


def test_a_stop_while_the_file_arrives(stack: Stack, csv: bytes) -> None:
    with sending(stack, csv) as (upload, answer, id):
        assert stack.post(f"/v1/imports/{id}/stop").status_code == 202
        assert stack.wait_state(id)["state"] == "stopped"
        upload.rest.set()
        refused = answer.result(patience())
    assert refused.status_code == 409 and "while its file arrived" in refused.json()["detail"]
    assert stack.count() == 0


def test_a_web_server_that_dies_while_the_file_arrives(new_stack: Callable[..., Stack], csv: bytes) -> None:
    stack = new_stack().start()
    with sending(stack, csv) as (upload, answer, id):
        stack.send_signal("web", signal.SIGKILL)
        stack.kill("web")
        upload.rest.set()
        with suppress(Exception):
            answer.result(patience())
        stack.start("web")
        failed = stack.wait_state(id)
    assert failed["state"] == "failed" and failed["error"]["code"] == "upload_broken"
    assert stack.count() == 0


def test_a_worker_that_dies_while_the_file_arrives(new_stack: Callable[..., Stack], csv: bytes) -> None:
    stack = new_stack().start()
    with sending(stack, csv) as (upload, answer, id):
        stack.kill("worker")
        stack.start("worker")
        wait_for(lambda: stack.find(id)["attempt"]["number"] == 2, "another attempt")
        upload.rest.set()
        assert answer.result(patience()).status_code == 202
    done = stack.wait_state(id)
    assert (done["state"], stack.count()) == ("committed", ROWS)


def test_what_is_under_way_already_is_undone(new_stack: Callable[..., Stack], csv: bytes) -> None:
    stack = new_stack(worker_slots=1).start()
    with sending(stack, csv) as (upload, answer, id):
        whole = stack.send(csv).json()  # nobody can know yet that it is the same; it waits for the slot
        upload.rest.set()
        refused = answer.result(patience())
    assert (refused.status_code, refused.json()["running"]) == (409, f"/v1/imports/{whole['id']}")
    failed = stack.wait_state(id)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "already_running")
    assert stack.wait_state(whole["id"])["state"] == "committed"
    assert stack.count() == ROWS


def test_a_small_file_is_accepted_as_ever(stack: Stack, csv: bytes) -> None:
    small = csv[: csv.index(b"\n", 10_000) + 1]
    answer = stack.send(small, params={"stream": "1"})
    assert answer.status_code == 202
    assert stack.wait_state(answer.json()["id"])["state"] == "committed"
    assert stack.send(b"nonsense\n1\n", params={"stream": "1"}).status_code == 422


def test_a_file_that_can_not_be_streamed_is_refused(stack: Stack, csv: bytes) -> None:
    for answer in (
        stack.post("/v1/imports?stream=1", files={"file": ("orders.csv", csv[:1000], "text/csv")}),
        stack.send(csv[:1000], params={"stream": "perhaps"}),
    ):
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "stream"


def test_a_broken_head_is_refused_before_it_is_loaded(stack: Stack, csv: bytes) -> None:
    answer = stack.send(csv.replace(b"order_number", b"order_no", 1), params={"stream": "1"})
    assert answer.status_code == 422
    assert not list_arriving(stack)
