"""The Python client on a running stack, by a good way and by a bad one."""

import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.formats.generate.orders import write_csv_sample
from backout.client import (
    BackoutClient,
    InvalidRequest,
    NotFound,
    SourceFailed,
    TooLate,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from tests.flaky import Answer, Cut, FlakyWay, LostAnswer, Trouble
from tests.stack import Stack
from tests.waiting import patience

pytestmark = pytest.mark.in_turn

ROWS = 30_000  # some megabytes, so that a cut meets the body
FIRST_PIECE = 200_000


@pytest.fixture
def client(stack: Stack) -> Iterator[BackoutClient]:
    with BackoutClient(stack.url) as client:
        yield client


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    write_csv_sample(path, ROWS, "b1")
    return path


def test_the_whole_story(client: BackoutClient, stack: Stack, orders: Path) -> None:
    sent: list[tuple[int, int | None]] = []
    accepted = client.import_file(orders, on_sent=lambda done, whole: sent.append((done, whole)))
    assert sent[-1] == (orders.stat().st_size, orders.stat().st_size)
    seen = list(client.watch(accepted.id))
    assert [found.sequence for found in seen] == sorted({found.sequence for found in seen})
    done = client.wait(accepted.id, 1)
    assert done.is_done and (done.rows_done, done.rows_kept, done.percent) == (ROWS, ROWS, 100)
    assert done.seconds is not None and done.seconds > 0 and done.document["source"]["name"] == "orders.csv"
    with pytest.raises(TooLate) as late:
        client.stop(accepted.id)
    assert late.value.status == 409 and late.value.request_id
    again = client.wait(client.import_file(orders).id)
    assert again.state == "failed" and again.failure is not None and again.failure.code
    assert [found.id for found in client.imports()] == [again.id, accepted.id]
    assert [found.id for found in client.imports(states=["committed"], dataset="orders")] == [accepted.id]


def test_a_wait_has_an_end_and_a_stop_works(client: BackoutClient) -> None:
    accepted = client.import_generated(2_000_000, seed="same", idempotency_key="g1")
    assert client.import_generated(2_000_000, seed="same", idempotency_key="g1").id == accepted.id
    begun = time.monotonic()
    with pytest.raises(WaitTimeout) as late:
        client.wait(accepted.id, 1)
    assert 1 <= time.monotonic() - begun < patience() and late.value.last.id == accepted.id
    assert client.stop(accepted.id).state in ("stopping", "stopped")
    assert client.wait(accepted.id).state == "stopped"


def test_rejects_are_typed(client: BackoutClient) -> None:
    head = "marketplace,order_number,customer,email,ship_to,sku,quantity,unit_price,currency,status,ordered_at\n"
    good = "a,{},c,c@example.com,s,k,1,1.00,EUR,paid,2026-01-01T00:00:00Z\n"
    lines = [head, good.format(1), good.format(2).replace(",1,1.00", ",one,1.00"), good.format(3), "too,short\n"]
    done = client.wait(client.import_file(io.BytesIO("".join(lines).encode()), on_error="reject", max_rejects=2).id)
    assert done.is_done and (done.rows_done, done.rows_rejected) == (2, 2), done
    first, second = client.rejects(done.id)
    assert (first.line, first.column, first.value) == (3, "quantity", "one") and first.reason and first.code
    assert second.line == 5 and first.values is not None
    assert b"".join(client.rejects_file(done.id)).count(b"\n") == 3


def test_what_is_refused_says_why(client: BackoutClient, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        client.get("nobody")
    with pytest.raises(InvalidRequest) as refused:
        client.import_file(io.BytesIO(b"a,b\n1,2\n"), encoding="klingon")
    assert refused.value.fields[0]["field"] == "encoding" and refused.value.kind == "invalid-content"
    with pytest.raises(SourceFailed, match="can't be read"):
        client.import_file(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="http://host:port"):
        BackoutClient("localhost:8000")


def test_the_installation_is_described(client: BackoutClient) -> None:
    assert client.ready().parts["database"] == "ok"
    assert client.queue().workers == 1


TROUBLES: list[tuple[Trouble, ...]] = [
    (Cut(100),),
    (Cut(FIRST_PIECE), Cut(2 * FIRST_PIECE)),
    (LostAnswer(),),
    (Answer(503, {"Retry-After": "1"}), Answer(429, {"Retry-After": "0"}), Answer(502), Answer(504), Cut(FIRST_PIECE)),
]


def list_ways() -> list[object]:
    """Every trouble, with a file and a pipe in turn; `make long` runs the others."""
    return [
        pytest.param(
            troubles,
            piped,
            id=f"{'pipe' if piped else 'file'}-{troubles}",
            marks=() if number % 2 == piped else pytest.mark.long,
        )
        for number, troubles in enumerate(TROUBLES)
        for piped in (False, True)
    ]


@pytest.mark.parametrize(("troubles", "piped"), list_ways())
def test_a_bad_way_is_made_up_for_and_the_file_is_there_once(
    stack: Stack, orders: Path, troubles: tuple[Trouble, ...], piped: bool
) -> None:
    with FlakyWay(stack.port, *troubles) as way, BackoutClient(way.url, retry_timeout=60) as client:
        if piped:
            reader, writer = os.pipe()
            thread = threading.Thread(target=_feed, args=(writer, orders.read_bytes()))
            thread.start()
            with os.fdopen(reader, "rb") as stream:
                accepted = client.import_file(stream, file_name="orders.csv")
            thread.join()
        else:
            accepted = client.import_file(orders)
        assert client.wait(accepted.id, 60).rows_kept == ROWS
        assert way.left == 0
    assert stack.count() == ROWS
    assert len(stack.get("/v1/imports").json()["imports"]) == 1


def _feed(writer: int, content: bytes) -> None:
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(content)


def test_retry_after_is_obeyed_and_patience_ends(stack: Stack) -> None:
    pauses: list[float] = []
    asked = Answer(503, {"Retry-After": "2"})
    with (
        FlakyWay(stack.port, asked) as way,
        BackoutClient(way.url, on_retry=lambda error, pause: pauses.append(pause)) as client,
    ):
        begun = time.monotonic()
        assert list(client.imports()) == []
        assert time.monotonic() - begun >= 2 and len(pauses) == 1 and 2 <= pauses[0] < 4
    with FlakyWay(stack.port, asked, asked) as way, BackoutClient(way.url, retry_timeout=1) as client:
        with pytest.raises(Unavailable) as gone:
            list(client.imports())
        assert gone.value.status == 503 and way.left == 1


def test_what_may_have_been_done_is_not_done_again_where_that_makes_a_difference(stack: Stack) -> None:
    with FlakyWay(stack.port, LostAnswer()) as way, BackoutClient(way.url) as client:
        with pytest.raises(Unreachable):
            client.delete_rows(confirm_all=True)
        assert way.connections == 1
