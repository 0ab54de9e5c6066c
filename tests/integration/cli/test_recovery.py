"""What a person sees of an import in doubt, and what the commands let that person do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from app.cli.__main__ import main
from app.db import xa
from app.db.imports import queries
from app.domain.states import State
from app.domain.xid import FORMAT_ID, RawXid, Xid
from app.lifecycle.imports.stop import stop_import
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.in_doubt import accept_rows, end_lease, list_raw, owned, prepare, prepared_by_another, xids_of
from tests.integration.cli.branches import kinds, list_branches, lose
from tests.integration.conftest import Run
from tests.invariants import check, converge, find
from tests.servers import ROOT, DatabaseServer, make_settings

pytestmark = pytest.mark.in_turn


def test_every_branch_is_listed_with_what_becomes_of_it(services: Services, run: Run) -> None:
    loading, decided, over, stopped = (
        prepare(services),
        prepare(services, decided=True),
        prepare(services, decided=True),
        prepare(services),
    )
    end_lease(services, over)
    stop_import(services, stopped.id)
    unknown = Xid(services.installation, 4_000_000_001, 1, 1)
    foreign = RawXid(FORMAT_ID, b"\xff\x00\xfe", b"\x80")
    with prepared_by_another(services, unknown.raw()), prepared_by_another(services, foreign):
        listed = list_branches(run)
        text = run("branches").output
    assert listed["installation"] == services.installation and listed["frozen"] is None
    found = {branch["number"]: branch for branch in listed["branches"]}
    assert {number: branch["recovery_action"] for number, branch in found.items()} == {
        loading.number: "leave",
        decided.number: "leave",
        over.number: "commit",
        stopped.number: "rollback",
        unknown.number: "report",
    }
    assert found[over.number]["import"] == {"id": over.id, "state": "committing", "epoch": 1, "lease_live": False}
    assert found[unknown.number]["import"] is None
    assert listed["foreign"] == [{"format_id": FORMAT_ID, "gtrid": "ff00fe", "bqual": "80"}]
    assert "5 prepared branch(es) of this installation, 1 foreign." in text
    for branch in listed["branches"]:
        assert branch["name"] in text and branch["meaning"] in text
    assert r"foreign, never touched: \xff\x00\xfe / \x80" in text


def test_an_owner_that_is_connected_is_named(services: Services, run: Run) -> None:
    xid = Xid(services.installation, accept_rows(services).number, 1, 1)
    branch = xa.Branch(services.database.connect_branch(), xid)
    branch.hold_owner_lock()
    branch.start()
    branch.end()
    branch.prepare()
    try:
        (listed,) = list_branches(run)["branches"]
        assert listed["owner"] == owned(services, [xid])[xid]
        refused = run("resolve", xid.lock_name(), "rollback", "--yes")
        assert refused.exit_code == 4 and f"connection {listed['owner']}" in refused.output
    finally:
        branch.rollback()
        branch.close()


@pytest.mark.parametrize("branches", [1, 2])
def test_a_decided_import_is_committed_and_nothing_else(
    services: Services, database: DatabaseServer, branches: int
) -> None:
    values = {"branches": branches}
    two = open_services(make_settings(database.url, services.settings.spool_dir, **values))
    row = prepare(two, decided=True)
    run = lambda *arguments: CliRunner().invoke(main, arguments, env={"BACKOUT_DATABASE_URL": database.url})  # noqa: E731
    refused = run("resolve", str(row.number), "commit", "--yes")
    assert refused.exit_code == 4 and "its worker holds the lease" in refused.output
    end_lease(two, row)
    refused = run("resolve", str(row.number), "rollback", "--yes")
    assert refused.exit_code == 4 and "decided to commit" in refused.output and "Traceback" not in refused.output
    assert len(list_raw(two)) == branches and kinds(two, row.number)[-1] == "committing"
    unasked = run("resolve", str(row.number), "commit")
    assert unasked.exit_code == 2 and "--yes" in unasked.output and len(list_raw(two)) == branches
    done = run("resolve", row.id, "commit", "--yes")
    assert done.exit_code == 0, done.output
    check(two, row.number)
    assert find(two, row.number).state is State.COMMITTED
    assert kinds(two, row.number) == [
        "queued",
        "running",
        "committing",
        *["heuristic_decision"] * branches,
        "committed",
    ]
    with two.database.begin() as connection:
        decisions = [
            event for event in queries.list_events(connection, row.number) if event.kind == "heuristic_decision"
        ]
    assert decisions[0].detail is not None
    assert decisions[0].detail["verdict"] == "commit" and "@" in decisions[0].detail["by"]
    assert decisions[0].detail["branch"] == xids_of(two, row)[0].lock_name()


def test_one_document_is_all_that_a_command_answers_with(services: Services) -> None:
    row = prepare(services, decided=True)
    end_lease(services, row)
    url = services.settings.database_url.get_secret_value()
    command = [sys.executable, "-m", "app.cli", "resolve", row.id, "commit", "--yes", "--json"]
    done = subprocess.run(command, cwd=ROOT, env={"BACKOUT_DATABASE_URL": url}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"]
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["heuristic_decision"]
    check(services, row.number)


def test_an_undecided_import_is_left_to_its_worker_and_to_a_stop(services: Services, run: Run) -> None:
    row = prepare(services)
    for verdict in ("commit", "rollback"):
        refused = run("resolve", str(row.number), verdict, "--yes")
        assert refused.exit_code == 4 and "stop it" in refused.output
    stop_import(services, row.id)
    refused = run("resolve", str(row.number), "commit", "--yes")
    assert refused.exit_code == 4 and "will never commit" in refused.output
    assert len(list_raw(services)) == 1
    assert run("resolve", xids_of(services, row)[0].lock_name(), "rollback", "--yes").exit_code == 0
    assert list_raw(services) == set()
    assert converge(services, row.number).state is State.STOPPED
    assert "heuristic_decision" in kinds(services, row.number)


@pytest.mark.parametrize("epoch", [1, 2], ids=["no-import", "a-later-attempt"])
def test_what_no_import_explains_may_be_rolled_back_and_never_committed(
    services: Services, run: Run, epoch: int
) -> None:
    number = accept_rows(services).number if epoch > 1 else 4_000_000_001
    raw = Xid(services.installation, number, epoch, 1).raw()
    name = Xid(services.installation, number, epoch, 1).lock_name()
    with prepared_by_another(services, raw):
        refused = run("resolve", name, "commit", "--yes")
        assert refused.exit_code == 4 and "may not be committed" in refused.output and list_raw(services) == {raw}
        assert run("resolve", name, "rollback", "--yes").exit_code == 0
        assert list_raw(services) == set()
    assert kinds(services, number) == (["queued", "heuristic_decision"] if epoch > 1 else [])


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [
        ("backout:0123456789abcdef:1:1:1", 4, "foreign branches are never touched"),
        ("4294967295", 4, "there is nothing to resolve"),
        ("99999999999", 2, "is no branch"),
        ("7f1c8a52-4b3e-4b53-9a3c-0c3c7c2d1e00", 4, "there is nothing to resolve"),
        ("orders", 2, "is no branch"),
        ("'; DROP TABLE imports", 2, "is no branch"),
    ],
)
def test_what_is_nothing_of_ours_is_refused(services: Services, run: Run, target: str, code: int, says: str) -> None:
    refused = run("resolve", target, "rollback", "--yes")
    assert (refused.exit_code, "Traceback" in refused.output) == (code, False)
    assert says in refused.output
    as_json = run("resolve", target, "rollback", "--yes", "--json")
    assert as_json.exit_code == code and says in json.loads(as_json.stdout)["detail"]


def test_an_import_that_is_not_in_doubt_is_refused(services: Services, run: Run) -> None:
    queued = accept_rows(services)
    refused = run("resolve", str(queued.number), "rollback", "--yes")
    assert refused.exit_code == 4 and "to end it, stop it" in refused.output
    converge(services, queued.number)
    for verdict in ("commit", "rollback"):
        refused = run("resolve", queued.id, verdict, "--yes")
        assert refused.exit_code == 4 and "has committed, which is final" in refused.output
    check(services, queued.number)
    assert "heuristic_decision" not in kinds(services, queued.number)


def test_without_an_address_it_is_the_local_stack(
    database: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.recovery.LOCAL_ADDRESSES", tmp_path / "env")
    nowhere = CliRunner().invoke(main, ["branches"])
    assert nowhere.exit_code == 2
    (tmp_path / "env").write_text(f"BACKOUT_URL=http://x\nBACKOUT_DATABASE_URL='{database.url}'\n")
    assert "in database backout" in CliRunner().invoke(main, ["branches"]).output


def test_usage_and_a_database_that_is_away(run: Run) -> None:
    assert run("resolve", "1").exit_code == 2
    renamed = run("decide", "1", "rollback", "--yes")
    assert renamed.exit_code == 2 and "python -m app.cli resolve" in renamed.output
    assert run("resolve", "1", "perhaps", "--yes").exit_code == 2
    for command in (["branches"], ["sweeping"], ["resolve", "1", "commit", "--yes"], ["sweeping", "resume", "--yes"]):
        away = run(*command, url="mysql+pymysql://app:x@127.0.0.1:1/backout")
        assert away.exit_code == 7 and "does not answer" in away.output and "Traceback" not in away.output
    assert run("branches", url="nonsense").exit_code == 2


def test_a_database_without_tables_says_how_to_make_them(database: DatabaseServer, run: Run) -> None:
    with database.root() as cursor:
        cursor.execute("CREATE DATABASE bare")
        try:
            told = run("branches", url=database.server.url("bare"))
        finally:
            cursor.execute("DROP DATABASE bare")
    assert told.exit_code == 7 and "python -m app.cli migrate" in told.output, told.output
    assert "Traceback" not in told.output


def test_a_lost_branch_is_reported_once_and_resolved_by_a_person(
    database: DatabaseServer, tmp_path: Path, run: Run, web: FlaskClient
) -> None:
    services = open_services(make_settings(database.url, tmp_path / "spool", branches=2))
    whole = accept_rows(services)
    converge(services, whole.number)
    row = prepare(services, decided=True)
    lose(services, xids_of(services, row)[1])
    end_lease(services, row)
    assert web.get("/readyz").json["parts"]["recovery"] == "ok"  # nobody has noticed yet
    for _ in range(2):  # the second is a sweeper that was started again
        sweeper = Sweeper(services)
        sweeper.sweep()
        sweeper.sweep()
    assert kinds(services, row.number) == ["queued", "running", "committing", "lost_branch"]
    ready = web.get("/readyz")
    assert ready.status_code == 200 and ready.json["status"] == "degraded"
    assert row.id in ready.json["parts"]["recovery"] and "lost a branch" in ready.json["parts"]["recovery"]
    assert list_branches(run)["lost_branches"] == [{"number": row.number, "id": row.id}]
    refused = web.get("/delete_all")
    assert (
        refused.status_code == 409
        and "lost a branch" in refused.json["detail"]
        and "queued" not in refused.json["detail"]
    )
    waiting = accept_rows(services)
    assert "1 import(s) of orders are queued or running" in web.get("/delete_all").json["detail"]
    stop_import(services, waiting.id)
    refused_commit = run("resolve", str(row.number), "commit", "--yes")
    assert refused_commit.exit_code == 4 and "can't be committed whole" in refused_commit.output
    done = run("resolve", str(row.number), "rollback", "--yes")
    assert done.exit_code == 0, done.output
    check(services, row.number)
    check(services, whole.number)
    ended = find(services, row.number)
    assert ended.state is State.FAILED and ended.error is not None and ended.error["code"] == "lost_branch"
    with services.database.begin() as connection:
        *_, last = queries.list_events(connection, row.number)
    assert last.kind == "failed" and last.detail is not None and "@" in last.detail["by"]
    assert web.get("/readyz").json["parts"]["recovery"] == "ok"
    assert web.get("/delete_all").status_code == 200


def test_an_import_that_only_lacks_its_last_move_has_lost_no_branch(services: Services, run: Run) -> None:
    row = prepare(services, decided=True)
    with services.database.session() as session:
        for xid in xa.release(session, xids_of(services, row)):
            assert xa.commit_prepared(session, xid)
    end_lease(services, row)
    refused = run("resolve", str(row.number), "rollback", "--yes")
    assert refused.exit_code == 4 and "every receipt is there" in refused.output
    assert find(services, row.number).state is State.COMMITTED
    check(services, row.number)


def test_an_unknown_branch_is_on_the_readiness_page(services: Services, web: FlaskClient) -> None:
    done = accept_rows(services)
    converge(services, done.number)
    with services.database.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM imports WHERE number = %s", (done.number,)
        )  # its history's time is over
    raw = Xid(services.installation, done.number, 1, 1).raw()
    with prepared_by_another(services, raw):
        Sweeper(services).sweep()
        told = web.get("/readyz").json["parts"]["recovery"]
        assert raw.gtrid.decode() in told and "no such import" in told and "frozen" not in told
        assert list_raw(services) == {raw}
    assert web.get("/readyz").json["parts"]["recovery"] == "ok"
