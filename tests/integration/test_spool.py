"""A disk without space for the spool folder: what was asked for waits or is refused with a sentence, and nothing is
left of it."""

import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app
from app.db.imports import queries
from app.domain.dataset import ORDERS
from app.domain.imports import Import, reject_name
from app.domain.states import State
from app.formats.generate.orders import write_csv_sample
from app.lifecycle.imports import requeue
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.disks import fill, no_file_beyond, small_disk
from tests.invariants import check, converge, find
from tests.servers import DatabaseServer, make_settings
from tests.uploads import accept_file
from tests.waiting import wait_for

ROWS = 500
LIMIT = 600_000  # bytes of a file: less than the rejects take, and more than what a test has to say

pytestmark = pytest.mark.in_turn


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requeue, "SPACE_SECONDS", 0.01)


@pytest.fixture
def small(database: DatabaseServer, tmp_path: Path) -> Iterator[Services]:
    """Services whose spool folder is on a disk of 4 MiB."""
    with small_disk(tmp_path / "disk", 4 * 1024**2) as disk:
        services = open_services(make_settings(database.url, disk / "spool"))
        yield services
        services.database.dispose()


def make_file(tmp_path: Path, *, bad: bool = True) -> bytes:
    """Orders of which every second is not accepted."""
    path = tmp_path / "orders.csv"
    write_csv_sample(path, ROWS, "full")
    header, *lines = path.read_text().splitlines()
    wrong = [f"{line},{'one too many ' * 400}" if bad and at % 2 else line for at, line in enumerate(lines)]
    return "\n".join([header, *wrong, ""]).encode()


def make_table(tmp_path: Path) -> bytes:
    """A packed Parquet file, unpacked much larger than the limit."""
    import polars  # noqa: PLC0415 — it starts threads

    path, plain = tmp_path / "orders.csv", io.BytesIO()
    write_csv_sample(path, 20 * ROWS, "full")
    polars.read_csv(path, infer_schema_length=0).write_parquet(plain, compression="uncompressed")
    assert len(plain.getvalue()) > 1.5 * LIMIT
    return gzip.compress(plain.getvalue())


def send(services: Services, data: bytes, **options: str) -> Import:
    return accept_file(services, ORDERS, data, **options).row


def list_reasons(services: Services, number: int) -> list[str]:
    with services.database.begin() as connection:
        events = queries.list_events(connection, number)
    return [event.detail["reason"] for event in events if event.kind == "queued" and event.detail]


def load(services: Services) -> bool:
    return load_next(services, "worker", GracefulShutdown(0)) is not None


def wait_in_vain(services: Services, row: Import, attempts: int) -> None:
    """Let more attempts end for want of space than an import has."""
    for _ in range(attempts):
        wait_for(lambda: load(services), "it is taken up again")
        now = find(services, row.number)
        assert (now.state, now.attempts) == (State.QUEUED, 0)
        assert not list(services.spool.folder.glob("*.rejects"))
    assert list_reasons(services, row.number) == [requeue.WAITS_FOR_SPACE] * attempts


def commit_now(services: Services, row: Import) -> None:
    wait_for(lambda: load(services), "it is taken up again")
    now = find(services, row.number)
    assert (now.state, now.rows_done, now.rows_rejected) == (State.COMMITTED, ROWS // 2, ROWS // 2)
    rejects = services.spool.path(reject_name(row.id, now.epoch)).read_bytes().splitlines()
    assert len(rejects) == ROWS // 2
    check(services, row.number)


def test_a_worker_waits_for_space_on_a_disk_that_is_full(small: Services, tmp_path: Path) -> None:
    row = send(small, make_file(tmp_path), on_error="reject")
    filler = fill(small.spool.folder)
    assert "is full" in (small.spool.find_problem() or "")
    wait_in_vain(small, row, small.settings.max_attempts + 1)
    filler.unlink()
    assert small.spool.find_problem() is None
    commit_now(small, row)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_worker_waits_for_space_wherever_it_lacks(services: Services, tmp_path: Path, packed: bool) -> None:
    """In the midst of its rejects: a part of them was written."""
    data = make_file(tmp_path)
    row = send(services, gzip.compress(data) if packed else data, on_error="reject")
    with no_file_beyond(LIMIT):
        wait_in_vain(services, row, services.settings.max_attempts + 1)
    commit_now(services, row)


def test_a_report_of_an_import_that_fails_waits_for_space_too(services: Services, tmp_path: Path) -> None:
    row = send(services, make_file(tmp_path))
    with no_file_beyond(LIMIT):
        wait_in_vain(services, row, 2)
    wait_for(lambda: load(services), "it is taken up again")
    now = find(services, row.number)
    assert (now.state, now.rows_rejected) == (State.FAILED, ROWS // 2)
    check(services, row.number)


def test_a_packed_table_waits_for_space_to_be_unpacked_in(services: Services, tmp_path: Path) -> None:
    row = send(services, make_table(tmp_path))
    with no_file_beyond(LIMIT):
        wait_in_vain(services, row, 2)
        assert {path.name for path in services.spool.folder.iterdir() if not path.name.startswith(".generation")} == {
            row.id
        }
    wait_for(lambda: load(services), "it is taken up again")
    assert find(services, row.number).state is State.COMMITTED


def test_one_that_waits_for_space_can_be_stopped(services: Services, tmp_path: Path) -> None:
    from app.lifecycle.imports.stop import stop_import  # noqa: PLC0415

    row = send(services, make_file(tmp_path), on_error="reject")
    with no_file_beyond(LIMIT):
        wait_in_vain(services, row, 1)
    assert stop_import(services, row.id).state in (State.STOPPING, State.STOPPED)
    assert converge(services, row.number).state is State.STOPPED


def test_what_is_sent_to_a_full_disk_is_answered_and_leaves_nothing(small: Services, tmp_path: Path) -> None:
    web = create_app(small.settings).test_client()
    data = make_file(tmp_path)
    small.spool.folder.mkdir()
    fill(small.spool.folder)
    for path, body in (
        ("/v1/imports", data),
        ("/v1/imports?stream=1", data * 100),
        ("/v1/previews", data),
        ("/v1/previews", gzip.compress(data)),
    ):
        answer = web.post(path, data=body, content_type="text/csv", headers={"X-File-Name": "orders.csv"})
        assert (answer.status_code, answer.json["type"]) == (507, "/problems/spool-full"), path
        assert "is full" in answer.json["detail"]
    ready = web.get("/readyz")
    assert ready.status_code == 503 and "is full" in ready.json["parts"]["spool"]
    Sweeper(small).sweep()
    assert [path.name for path in small.spool.folder.iterdir()] == ["filler"]


@pytest.mark.parametrize("kind", ["text", "table"])
def test_a_preview_without_space_for_what_is_made_of_the_upload_is_answered(
    small: Services, tmp_path: Path, kind: str
) -> None:
    web = create_app(small.settings).test_client()
    packed = make_table(tmp_path) if kind == "table" else gzip.compress(make_file(tmp_path, bad=False))
    small.spool.folder.mkdir()
    filler = fill(small.spool.folder)
    os.truncate(filler, filler.stat().st_size - len(packed) - 4096)  # there is space for the upload
    answer = web.post("/v1/previews?rows=100", data=packed)
    assert (answer.status_code, answer.json.get("type")) == (507, "/problems/spool-full")
    assert [path.name for path in small.spool.folder.iterdir()] == ["filler"]
    filler.unlink()
    assert web.post("/v1/previews?rows=100", data=packed).status_code == 200
