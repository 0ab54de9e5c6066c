"""A ledger that may not be the latest is noticed, nothing is done by it until a person says so, and nothing else is
taken for one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from flask.testing import FlaskClient

from app.db.imports import transitions as import_transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.errors import LedgerFrozen
from app.domain.generation import Generation
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
from tests.in_doubt import accept_rows, end_lease, list_raw, prepare, prepared_by_another, xids_of
from tests.integration.conftest import Run
from tests.integration.lifecycle.freezing import execute, go_back, read
from tests.invariants import check, converge, find
from tests.servers import DatabaseServer, make_settings

pytestmark = pytest.mark.in_turn


@pytest.fixture(autouse=True)
def thawed(database: DatabaseServer) -> Iterator[None]:
    """What a test froze must not hold up others that share its server."""
    yield
    services = open_services(make_settings(database.url, Path("/nonexistent")))
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE installation SET frozen_at = NULL, frozen_reason = NULL, home_server = NULL")
    services.database.dispose()


def test_a_branch_of_a_later_ledger_freezes_everything_before_any_branch_is_touched(
    services: Services, run: Run, web: FlaskClient, capsys: Any
) -> None:
    over, undone = prepare(services, decided=True), prepare(services)
    end_lease(services, over)
    stop_import(services, undone.id)
    queued, never = accept_rows(services), accept_rows(services)
    late = Xid(services.installation, never.number + 1, 1, 1)  # the very next number
    with prepared_by_another(services, late.raw()):
        for sweeper in (Sweeper(services), Sweeper(services)):
            sweeper.sweep()
            sweeper.sweep()
        assert capsys.readouterr().err.count("sweeping_frozen") == 1
        assert len(list_raw(services)) == 3 and find(services, over.number).state is State.COMMITTING

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
        assert (
            load_next(services, "worker", GracefulShutdown(0)) is None
            and claim(services.database, services.settings, queued.number, "worker") is None
        )

        assert (
            not rollback.finish_rollback(services.database, services.installation, undone.number)
            and len(list_raw(services)) == 3
        )

        # a stop is a decision of the ledger, and as true as ever
        assert web.post(f"/v1/imports/{never.id}/stop").json["state"] == "stopped"
        assert web.post(f"/v1/imports/{over.id}/stop").status_code == 409
        assert web.post(f"/v1/imports/{undone.id}/stop").json["state"] == "stopping"

        text = run("branches").output
        assert "SWEEPING IS FROZEN since" in text and late.lock_name() in text
        assert json.loads(run("sweeping", "show", "--json").stdout)["frozen"]["reason"]
        refused = run("sweeping", "resume", "--yes")
        assert refused.exit_code == 4 and late.lock_name() in refused.output
        assert run("resolve", late.lock_name(), "rollback", "--yes").exit_code == 0
        assert run("sweeping", "resume").exit_code == 2  # there is no terminal
        assert run("sweeping", "resume", "--yes").exit_code == 0
    assert run("sweeping", "resume", "--yes").exit_code == 4
    assert "not frozen" in run("sweeping").output
    assert web.get("/readyz").json["parts"]["recovery"] == "ok"
    assert converge(services, over.number).state is State.COMMITTED
    assert converge(services, undone.number).state is State.STOPPED
    assert converge(services, queued.number).state is State.COMMITTED
    assert web.post("/v1/imports", json={"generate": 5}).status_code == 202


def test_a_branch_of_a_later_attempt_freezes_too(services: Services, run: Run) -> None:
    row = accept_rows(services)
    late = Xid(services.installation, row.number, 1, 1)
    with prepared_by_another(services, late.raw()):
        Sweeper(services).sweep()
        assert (
            load_next(services, "worker", GracefulShutdown(0)) is None
        )  # its claim would have made that branch its own
        assert run("resolve", str(row.number), "rollback", "--yes").exit_code == 0
        assert run("sweeping", "resume", "--yes").exit_code == 0
    assert converge(services, row.number).state is State.COMMITTED


def test_who_runs_while_the_installation_gets_another_id_touches_nothing(services: Services) -> None:
    row, queued = accept_rows(services), accept_rows(services)
    assert claim(services.database, services.settings, row.number, "a-worker-that-is-gone") is not None
    sweeper, known = Sweeper(services), services.installation
    execute(services, "UPDATE installation SET id = %s", "another")
    assert stop_import(services, row.id).state is State.STOPPING
    sweeper.undo()
    sweeper.sweep()
    assert find(services, row.number).state is State.STOPPING, "the names of its branches are another's"
    assert load_next(services, "worker", GracefulShutdown(0)) is None
    assert find(services, queued.number).state is State.QUEUED
    execute(services, "UPDATE installation SET id = %s", known)
    sweeper.undo()
    assert find(services, row.number).state is State.STOPPED


def test_a_ledger_that_went_back_is_noticed_by_whoever_looks_first(
    services: Services, web: FlaskClient, run: Run
) -> None:
    queued = accept_rows(services)
    Sweeper(services).sweep()
    kept = services.spool.read_generation(services.installation)
    assert kept is not None and kept.generation == read(services).generation and kept.last_number == queued.number
    looks: list[Callable[[], object]] = [
        lambda: Sweeper(services).sweep(),
        lambda: Sweeper(services).undo(),
        lambda: load_next(services, "worker", GracefulShutdown(0)),
        lambda: web.post("/v1/imports", json={"generate": 5}),
        lambda: web.get("/readyz"),
    ]
    for look in looks:
        go_back(services)
        assert read(services).frozen_at is None
        look()
        reason = read(services).frozen_reason
        assert reason is not None and "gone back" in reason and str(queued.number) in reason
        assert find(services, queued.number).state is State.QUEUED
        assert run("sweeping", "resume", "--yes").exit_code == 0
        Sweeper(services).sweep()
        assert read(services).frozen_at is None
    assert converge(services, queued.number).state is State.COMMITTED


def test_no_number_is_given_out_twice_after_a_person_has_resumed(services: Services, run: Run) -> None:
    ours = accept_rows(services)
    Sweeper(services).sweep()
    known = Generation(
        read(services).generation + 5, ours.number + 20
    )  # the ledger has forgotten numbers that others know
    services.spool.write_generation(services.installation, known)
    with pytest.raises(LedgerFrozen):
        freeze.require_sweeping(services)
    assert run("sweeping", "resume", "--yes").exit_code == 0
    assert accept_rows(services).number == known.last_number + 1
    # rows that came back without their imports: a part of a backup was restored
    execute(
        services,
        "INSERT INTO orders VALUES (%s, 1, 'm', 'n', 'c', 'e@x', 's', 'k', 1, 1, 'EUR', 'paid', NOW())",
        known.last_number + 50,
    )
    freeze.freeze(services.database, "a test")
    assert run("sweeping", "resume", "--yes").exit_code == 0
    row = accept_rows(services)
    assert row.number == known.last_number + 51
    assert converge(services, row.number).state is State.COMMITTED


def test_a_copy_in_another_database_leaves_the_originals_branches_alone(
    services: Services, database: DatabaseServer, tmp_path: Path, run: Run
) -> None:
    over = prepare(services, decided=True)
    end_lease(services, over)
    freeze.advance_generation(services.database, services.spool, freeze.require_sweeping(services))
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
        assert copy.installation == services.installation
        Sweeper(copy).sweep()
        assert "is a copy" in (read(copy).frozen_reason or "")
        name = xids_of(services, over)[0].lock_name()
        refused = run("resolve", name, "rollback", "--yes", url=copied.url)
        assert refused.exit_code == 4 and "are the original's" in refused.output
        resumed = run("sweeping", "resume", "--yes", url=copied.url)
        assert resumed.exit_code == 0 and "restart its web servers, workers and sweepers" in resumed.output
        with pytest.raises(LedgerFrozen, match="start it again"):  # a process that has the old id must not go on
            freeze.require_sweeping(copy)
        renamed = open_services(make_settings(copied.url, tmp_path / "another-spool"))
        assert renamed.installation != services.installation
        assert converge_copy(renamed, over.number) is State.STOPPED
        assert len(list_raw(services)) == 1
        cursor.execute("DROP DATABASE the_copy")
    assert converge(services, over.number).state is State.COMMITTED


def converge_copy(services: Services, number: int) -> State:
    Sweeper(services).sweep()
    return find(services, number).state


def test_another_server_and_a_spool_that_does_not_know_the_ledger(
    services: Services, database: DatabaseServer, tmp_path: Path
) -> None:
    row = accept_rows(services)
    Sweeper(services).sweep()
    execute(services, "UPDATE installation SET home_server = 'the machine that burnt'")
    here = freeze.require_sweeping(services)  # the spool is there: a failover, or the server was renamed
    freeze.advance_generation(services.database, services.spool, here)
    assert read(services).home_server == here.server
    elsewhere = open_services(make_settings(database.url, tmp_path / "new-spool"))
    freeze.require_sweeping(elsewhere)  # the server is the same: somebody emptied the spool folder
    execute(services, "UPDATE installation SET home_server = 'the machine that burnt'")
    with pytest.raises(LedgerFrozen, match="another server than before"):
        freeze.require_sweeping(elsewhere)
    execute(services, "UPDATE installation SET frozen_at = NULL, frozen_reason = NULL")
    converge(services, row.number)
    execute(services, "UPDATE installation SET home_server = 'the machine that burnt'")
    freeze.require_sweeping(elsewhere)  # nothing is unfinished: there is nothing to do wrong


@pytest.mark.parametrize("spoiled", [b"", b"{", b"[]", b'{"mark": "x"}', b"\xff\xfe"])
def test_an_unreadable_generation_is_none(services: Services, spoiled: bytes) -> None:
    accept_rows(services)
    Sweeper(services).sweep()
    (file,) = [path for path in services.spool.folder.iterdir() if path.name.startswith(".")]
    file.write_bytes(spoiled)
    Sweeper(services).sweep()
    assert read(services).frozen_at is None
    kept = services.spool.read_generation(services.installation)
    assert kept is not None and kept.generation == read(services).generation


def test_the_file_of_the_generation_is_not_deleted_as_an_unused_upload(services: Services) -> None:
    Sweeper(services).sweep()
    assert services.spool.list_untouched(-1000) == []
    assert services.spool.read_generation(services.installation) is not None


def test_a_spool_that_cannot_be_written_to_stops_no_sweep(services: Services, database: DatabaseServer) -> None:
    row = prepare(services, decided=True)
    end_lease(services, row)
    blind = open_services(make_settings(database.url, Path("/dev/null/spool")))
    Sweeper(blind).sweep()
    assert find(services, row.number).state is State.COMMITTED
    check(services, row.number)


def test_a_person_may_freeze_it_too(services: Services, run: Run) -> None:
    row = accept_rows(services)
    assert run("sweeping", "freeze", "--reason", "a restore is under way").exit_code == 2
    assert run("sweeping", "freeze", "--reason", "a restore is under way", "--yes").exit_code == 0
    assert "a restore is under way" in run("sweeping", "show").output
    with pytest.raises(LedgerFrozen, match="a restore is under way"):
        accept.accept_generated(services, ORDERS, 5, Caller())
    with pytest.raises(LedgerFrozen):
        delete_rows.delete_rows(services, ORDERS)
    assert run("sweeping", "resume", "--yes").exit_code == 0
    assert converge(services, row.number).state is State.COMMITTED


def test_what_loads_when_sweeping_is_frozen_still_ends(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    row = accept_rows(services)
    load = import_transitions.ImportLedger.holds

    def freeze_then_look(*arguments: Any) -> bool:
        freeze.freeze(services.database, "while it was loading")
        return load(*arguments)

    monkeypatch.setattr("app.db.imports.transitions.ImportLedger.holds", freeze_then_look)
    load_next(services, "worker", GracefulShutdown(0))
    assert find(services, row.number).state is State.COMMITTED
    check(services, row.number)
