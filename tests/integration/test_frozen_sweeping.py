"""A ledger that may not be the latest is noticed, nothing is done by it until a person says so, and nothing else is
taken for one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from flask.testing import FlaskClient

from app.db import installation
from app.db.imports import transitions as import_transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.errors import LedgerFrozen
from app.domain.generation import Installation, Mark
from app.domain.states import State
from app.domain.xid import Xid
from app.lifecycle import freeze
from app.lifecycle.datasets import delete_rows
from app.lifecycle.imports import accept, rollback
from app.lifecycle.imports.loading.load import claim, load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.stop import stop_import
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.conftest import DatabaseServer, make_settings
from tests.doubt import accept_rows, end_lease, list_raw, prepare, prepared_by_another, xids_of
from tests.integration.conftest import Run
from tests.invariants import check, converge, find


@pytest.fixture(autouse=True)
def thawed(database: DatabaseServer) -> Iterator[None]:
    """What a test froze must not hold up others that share its server."""
    yield
    site = open_services(make_settings(database.url, Path("/nonexistent")))
    with site.database.begin() as connection:
        connection.exec_driver_sql("UPDATE installation SET frozen_at = NULL, frozen_reason = NULL, home_server = NULL")
    site.database.dispose()


def read(site: Services) -> Installation:
    with site.database.begin() as connection:
        return installation.read_installation(connection)


def execute(site: Services, statement: str, *values: object) -> None:
    with site.database.begin() as connection:
        connection.exec_driver_sql(statement, values)


def go_back(site: Services, marks: int = 1) -> None:
    """Let the ledger be an older one."""
    execute(site, "UPDATE installation SET mark = mark - %s", marks)


def test_a_branch_of_a_later_ledger_freezes_everything_before_any_branch_is_touched(
    site: Services, run: Run, web: FlaskClient, capsys: Any
) -> None:
    over, undone = prepare(site, decided=True), prepare(site)
    end_lease(site, over)
    stop_import(site, undone.id)
    queued, never = accept_rows(site), accept_rows(site)
    late = Xid(site.installation, never.number + 1, 1, 1)  # the very next number
    with prepared_by_another(site, late.raw()):
        for sweeper in (Sweeper(site), Sweeper(site)):
            sweeper.sweep()
            sweeper.sweep()
        assert capsys.readouterr().err.count("sweeping_frozen") == 1
        assert len(list_raw(site)) == 3 and find(site, over.number).state is State.COMMITTING

        ready = web.get("/readyz")
        assert ready.status_code == 200 and ready.json["status"] == "degraded"
        assert "frozen" in ready.json["parts"]["recovery"] and late.lock_name() in ready.json["parts"]["recovery"]
        for answer in (
            web.post("/v1/imports", json={"generate": 5}),
            web.post("/v1/imports", data=b"a,b\n", content_type="text/csv"),
            web.get("/insert/5"),
            web.get("/dpd_insert/5"),
            web.get("/delete_all"),
        ):
            assert answer.status_code == 503 and answer.content_type == "application/problem+json"
            assert answer.json["type"] == "/problems/ledger-frozen" and "sweeping resume" in answer.json["detail"]
            assert int(answer.headers["Retry-After"]) > 0
        assert load_next(site, "worker", GracefulShutdown(0)) is None and claim(site, queued.number, "worker") is None

        assert not rollback.settle(site, undone.number) and len(list_raw(site)) == 3

        # a stop is a decision of the ledger, and as true as ever
        assert web.post(f"/v1/imports/{never.id}/stop").json["state"] == "stopped"
        assert web.post(f"/v1/imports/{over.id}/stop").status_code == 409
        assert web.post(f"/v1/imports/{undone.id}/stop").json["state"] == "stopping"

        text = run("branches").output
        assert "SWEEPING IS FROZEN since" in text and late.lock_name() in text
        assert json.loads(run("sweeping", "show", "--json").stdout)["frozen"]["reason"]
        refused = run("sweeping", "resume", "--yes")
        assert refused.exit_code == 4 and late.lock_name() in refused.output
        assert run("decide", late.lock_name(), "rollback", "--yes").exit_code == 0
        assert run("sweeping", "resume").exit_code == 2  # nobody can be asked
        assert run("sweeping", "resume", "--yes").exit_code == 0
    assert run("sweeping", "resume", "--yes").exit_code == 4
    assert "not frozen" in run("sweeping").output
    assert web.get("/readyz").json["parts"]["recovery"] == "ok"
    assert converge(site, over.number).state is State.COMMITTED
    assert converge(site, undone.number).state is State.STOPPED
    assert converge(site, queued.number).state is State.COMMITTED
    assert web.post("/v1/imports", json={"generate": 5}).status_code == 202


def test_a_branch_of_a_later_attempt_freezes_too(site: Services, run: Run) -> None:
    row = accept_rows(site)
    late = Xid(site.installation, row.number, 1, 1)
    with prepared_by_another(site, late.raw()):
        Sweeper(site).sweep()
        assert load_next(site, "worker", GracefulShutdown(0)) is None  # its claim would have made that branch its own
        assert run("decide", str(row.number), "rollback", "--yes").exit_code == 0
        assert run("sweeping", "resume", "--yes").exit_code == 0
    assert converge(site, row.number).state is State.COMMITTED


def test_who_runs_while_the_installation_gets_another_id_touches_nothing(site: Services) -> None:
    row, queued = accept_rows(site), accept_rows(site)
    assert claim(site, row.number, "a-worker-that-is-gone") is not None
    sweeper, known = Sweeper(site), site.installation
    execute(site, "UPDATE installation SET id = %s", "another")
    assert stop_import(site, row.id).state is State.STOPPING
    sweeper.undo()
    sweeper.sweep()
    assert find(site, row.number).state is State.STOPPING, "the names of its branches are another's"
    assert load_next(site, "worker", GracefulShutdown(0)) is None
    assert find(site, queued.number).state is State.QUEUED
    execute(site, "UPDATE installation SET id = %s", known)
    sweeper.undo()
    assert find(site, row.number).state is State.STOPPED


def test_a_ledger_that_went_back_is_noticed_by_whoever_looks_first(site: Services, web: FlaskClient, run: Run) -> None:
    queued = accept_rows(site)
    Sweeper(site).sweep()
    kept = site.spool.read_mark(site.installation)
    assert kept is not None and kept.mark == read(site).mark and kept.number == queued.number
    looks: list[Callable[[], object]] = [
        lambda: Sweeper(site).sweep(),
        lambda: Sweeper(site).undo(),
        lambda: load_next(site, "worker", GracefulShutdown(0)),
        lambda: web.post("/v1/imports", json={"generate": 5}),
        lambda: web.get("/readyz"),
    ]
    for look in looks:
        go_back(site)
        assert read(site).frozen_at is None
        look()
        reason = read(site).frozen_reason
        assert reason is not None and "gone back" in reason and str(queued.number) in reason
        assert find(site, queued.number).state is State.QUEUED
        assert run("sweeping", "resume", "--yes").exit_code == 0
        Sweeper(site).sweep()
        assert read(site).frozen_at is None
    assert converge(site, queued.number).state is State.COMMITTED


def test_no_number_is_given_out_twice_after_a_person_has_resumed(site: Services, run: Run) -> None:
    ours = accept_rows(site)
    Sweeper(site).sweep()
    told = Mark(read(site).mark + 5, ours.number + 20)  # numbers that others have been told, and the ledger forgot
    site.spool.write_mark(site.installation, told)
    with pytest.raises(LedgerFrozen):
        freeze.require_sweeping(site)
    assert run("sweeping", "resume", "--yes").exit_code == 0
    assert accept_rows(site).number == told.number + 1
    # rows that came back without their imports: a part of a backup was restored
    execute(
        site,
        "INSERT INTO orders VALUES (%s, 1, 'm', 'n', 'c', 'e@x', 's', 'k', 1, 1, 'EUR', 'paid', NOW())",
        told.number + 50,
    )
    freeze.freeze(site, "a test")
    assert run("sweeping", "resume", "--yes").exit_code == 0
    row = accept_rows(site)
    assert row.number == told.number + 51
    assert converge(site, row.number).state is State.COMMITTED


def test_a_copy_in_another_database_leaves_the_originals_branches_alone(
    site: Services, database: DatabaseServer, tmp_path: Path, run: Run
) -> None:
    over = prepare(site, decided=True)
    end_lease(site, over)
    freeze.keep_mark(site, freeze.require_sweeping(site))
    root = pymysql.connect(
        host="127.0.0.1", port=database.server.port, user="root", password=database.server.password, autocommit=True
    )
    with root, root.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS the_copy")
        copied = DatabaseServer(database.name, database.server, "the_copy")
        copied.install()
        for table in ("installation", "imports", "events"):
            cursor.execute(f"DELETE FROM the_copy.{table}")
            cursor.execute(f"INSERT INTO the_copy.{table} SELECT * FROM backout.{table}")
        cursor.execute("UPDATE the_copy.imports SET state = 'stopping'")  # they went different ways since
        copy = open_services(make_settings(copied.url, tmp_path / "another-spool"))
        assert copy.installation == site.installation
        Sweeper(copy).sweep()
        assert "is a copy" in (read(copy).frozen_reason or "")
        name = xids_of(site, over)[0].lock_name()
        refused = run("decide", name, "rollback", "--yes", url=copied.url)
        assert refused.exit_code == 4 and "are the original's" in refused.output
        resumed = run("sweeping", "resume", "--yes", url=copied.url)
        assert resumed.exit_code == 0 and "start its web servers, workers and sweepers again" in resumed.output
        with pytest.raises(LedgerFrozen, match="start it again"):  # a process that has the old id must not go on
            freeze.require_sweeping(copy)
        renamed = open_services(make_settings(copied.url, tmp_path / "another-spool"))
        assert renamed.installation != site.installation
        assert converge_copy(renamed, over.number) is State.STOPPED
        assert len(list_raw(site)) == 1
        cursor.execute("DROP DATABASE the_copy")
    assert converge(site, over.number).state is State.COMMITTED


def converge_copy(site: Services, number: int) -> State:
    Sweeper(site).sweep()
    return find(site, number).state


def test_another_server_and_a_spool_that_does_not_know_the_ledger(
    site: Services, database: DatabaseServer, tmp_path: Path
) -> None:
    row = accept_rows(site)
    Sweeper(site).sweep()
    execute(site, "UPDATE installation SET home_server = 'the machine that burnt'")
    here = freeze.require_sweeping(site)  # the spool is there: a failover, or the server was renamed
    freeze.keep_mark(site, here)
    assert read(site).home_server == here.server
    elsewhere = open_services(make_settings(database.url, tmp_path / "new-spool"))
    freeze.require_sweeping(elsewhere)  # the server is the same: somebody emptied the spool folder
    execute(site, "UPDATE installation SET home_server = 'the machine that burnt'")
    with pytest.raises(LedgerFrozen, match="another server than before"):
        freeze.require_sweeping(elsewhere)
    execute(site, "UPDATE installation SET frozen_at = NULL, frozen_reason = NULL")
    converge(site, row.number)
    execute(site, "UPDATE installation SET home_server = 'the machine that burnt'")
    freeze.require_sweeping(elsewhere)  # nothing is unfinished: there is nothing to do wrong


@pytest.mark.parametrize("spoiled", [b"", b"{", b"[]", b'{"mark": "x"}', b"\xff\xfe"])
def test_a_spoiled_mark_is_no_mark(site: Services, spoiled: bytes) -> None:
    accept_rows(site)
    Sweeper(site).sweep()
    (mark,) = [path for path in site.spool.folder.iterdir() if path.name.startswith(".")]
    mark.write_bytes(spoiled)
    Sweeper(site).sweep()
    assert read(site).frozen_at is None
    kept = site.spool.read_mark(site.installation)
    assert kept is not None and kept.mark == read(site).mark


def test_the_mark_is_no_upload_that_nobody_wants(site: Services) -> None:
    Sweeper(site).sweep()
    assert site.spool.list_untouched(-1000) == []
    assert site.spool.read_mark(site.installation) is not None


def test_a_spool_that_cannot_be_written_to_stops_no_sweep(site: Services, database: DatabaseServer) -> None:
    row = prepare(site, decided=True)
    end_lease(site, row)
    blind = open_services(make_settings(database.url, Path("/dev/null/spool")))
    Sweeper(blind).sweep()
    assert find(site, row.number).state is State.COMMITTED
    check(site, row.number)


def test_a_person_may_freeze_it_too(site: Services, run: Run) -> None:
    row = accept_rows(site)
    assert run("sweeping", "freeze", "--reason", "a restore is under way").exit_code == 2
    assert run("sweeping", "freeze", "--reason", "a restore is under way", "--yes").exit_code == 0
    assert "a restore is under way" in run("sweeping", "show").output
    with pytest.raises(LedgerFrozen, match="a restore is under way"):
        accept.accept_generated(site, ORDERS, 5, Caller())
    with pytest.raises(LedgerFrozen):
        delete_rows.delete_rows(site, ORDERS)
    assert run("sweeping", "resume", "--yes").exit_code == 0
    assert converge(site, row.number).state is State.COMMITTED


def test_what_loads_when_sweeping_is_frozen_still_ends(site: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    row = accept_rows(site)
    load = import_transitions.holds

    def freeze_then_look(*arguments: Any) -> bool:
        freeze.freeze(site, "while it was loading")
        return load(*arguments)

    monkeypatch.setattr("app.db.imports.transitions.holds", freeze_then_look)
    load_next(site, "worker", GracefulShutdown(0))
    assert find(site, row.number).state is State.COMMITTED
    check(site, row.number)
