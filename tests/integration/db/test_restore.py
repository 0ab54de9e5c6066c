"""Backups that are restored, and an upgrade, while imports are in doubt: tried on servers of their own."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pymysql
import pytest
from click.testing import CliRunner, Result

from app.cli.__main__ import main
from app.db import installation, migrate
from app.domain.errors import DatabaseUnavailable
from app.domain.imports import Import
from app.domain.states import State
from app.lifecycle.imports.stop import stop_import
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.in_doubt import ROWS, accept_rows, end_lease, list_raw, prepare, xids_of
from tests.invariants import check, converge, find
from tests.servers import DATABASES, DatabaseServer, empty, make_settings, new_database
from tests.waiting import patience

TABLES = ("alembic_version", "datasets", "events", "idempotency_keys", "imports", "installation", "orders", "receipts")
LOCK_WAIT_TIMEOUT = 1205


@pytest.fixture(scope="module", params=DATABASES)
def own_server(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[DatabaseServer]:
    """A server that tests stop, and whose data they exchange."""
    database = new_database(request.param, servers_folder / f"restored-{request.param}")
    yield database
    database.server.kill()


@pytest.fixture
def database(own_server: DatabaseServer) -> DatabaseServer:
    empty(own_server)
    return own_server


def run(database: DatabaseServer, *arguments: str) -> Result:
    addresses = {"BACKOUT_DATABASE_URL": database.url, "BACKOUT_ADMIN_DATABASE_URL": database.owner_url}
    return CliRunner().invoke(main, arguments, env=addresses)


@contextmanager
def root(database: DatabaseServer) -> Iterator["pymysql.cursors.Cursor"]:
    with database.root() as cursor:
        cursor.execute("SET lock_wait_timeout = 2, innodb_lock_wait_timeout = 2")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")  # a dump waits for no branch
        yield cursor


def stopped(database: DatabaseServer, act: Callable[[Path], None]) -> None:
    """Do something with the data folder of a server that was stopped in good order."""
    database.server.stop()
    act(database.server.folder / "data")
    database.server.start()
    database.server.wait_ready(patience(120))


def copy_folder(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "--archive", source, target], check=True)  # owners too


def dump(database: DatabaseServer) -> None:
    """What a logical dump holds: what is committed, table by table."""
    with root(database) as cursor:
        cursor.execute("DROP DATABASE IF EXISTS dump")
        cursor.execute("CREATE DATABASE dump")
        for table in TABLES:
            cursor.execute(f"CREATE TABLE dump.{table} LIKE backout.{table}")
            cursor.execute(f"INSERT INTO dump.{table} SELECT * FROM backout.{table}")


def restore(cursor: "pymysql.cursors.Cursor", *tables: str) -> None:
    """As a dump does it, in its order."""
    cursor.execute("USE backout")
    for table in tables:
        cursor.execute(f"DROP TABLE {table}")
        cursor.execute(f"CREATE TABLE {table} LIKE dump.{table}")
        cursor.execute(f"INSERT INTO {table} SELECT * FROM dump.{table}")


def in_doubt(services: Services) -> Import:
    """A decided import whose worker is gone, its branch prepared; and the ledger's generation in the spool."""
    Sweeper(services).sweep()
    row = prepare(services, decided=True)
    end_lease(services, row)
    return row


def frozen_reason(services: Services) -> str | None:
    with services.database.begin() as connection:
        return installation.read_installation(connection).frozen_reason


@pytest.mark.in_turn  # one with each database
@pytest.mark.parametrize("spool", ["the-same-spool", "a-new-spool"])
def test_a_physical_backup_that_holds_a_prepared_branch(
    database: DatabaseServer, services: Services, tmp_path: Path, spool: str
) -> None:
    row = in_doubt(services)
    backup = database.server.folder / "backup"
    stopped(database, lambda data: copy_folder(data, backup))
    assert len(list_raw(services)) == 1
    assert converge(services, row.number).state is State.COMMITTED
    later = accept_rows(services)
    Sweeper(services).sweep()  # writes its generation to the spool
    converge(services, later.number)

    stopped(database, lambda data: copy_folder(backup, data))
    assert len(list_raw(services)) == 1 and find(services, row.number).state is State.COMMITTING
    if spool == "a-new-spool":
        # nothing tells it from a crash: the branches and the ledger belong together, and are brought to their end
        services = open_services(make_settings(database.url, tmp_path / "new"))
        Sweeper(services).sweep()
        assert frozen_reason(services) is None
        check(services, row.number)
        return
    Sweeper(services).sweep()
    assert "gone back" in (frozen_reason(services) or "")
    assert len(list_raw(services)) == 1 and find(services, row.number).state is State.COMMITTING
    (listed,) = json.loads(run(database, "branches", "--json").stdout)["branches"]
    assert (listed["number"], listed["recovery_action"]) == (row.number, "commit")
    assert run(database, "sweeping", "resume", "--yes").exit_code == 0
    assert converge(services, row.number).state is State.COMMITTED
    again = accept_rows(services)
    assert again.number > later.number  # which was told to others
    assert converge(services, again.number).state is State.COMMITTED


@pytest.mark.in_turn  # one with each database
@pytest.mark.parametrize("spool", ["the-same-spool", "a-new-spool"])
def test_a_logical_dump_with_an_older_ledger_below_a_prepared_branch(
    database: DatabaseServer, services: Services, tmp_path: Path, spool: str
) -> None:
    before = accept_rows(services)
    converge(services, before.number)
    Sweeper(services).sweep()
    dump(database)
    row = in_doubt(services)
    branch = xids_of(services, row)[0]

    with root(database) as cursor:
        # a dump goes table by table; the first that the branch has written to holds it up, after the ledger
        restore(cursor, *TABLES[: TABLES.index("orders")])
        with pytest.raises(pymysql.err.OperationalError) as held:
            restore(cursor, "orders")
        assert held.value.args[0] == LOCK_WAIT_TIMEOUT

        if spool == "a-new-spool":
            services = open_services(make_settings(database.url, tmp_path / "new"))
        Sweeper(services).sweep()
        assert ("gone back" if spool == "the-same-spool" else branch.lock_name()) in (frozen_reason(services) or "")
        assert list_raw(services) == {branch.raw()}
        (listed,) = json.loads(run(database, "branches", "--json").stdout)["branches"]
        assert (listed["name"], listed["import"], listed["recovery_action"]) == (branch.lock_name(), None, "report")
        assert run(database, "sweeping", "resume", "--yes").exit_code == 4
        assert run(database, "resolve", branch.lock_name(), "commit", "--yes").exit_code == 4
        assert run(database, "resolve", branch.lock_name(), "rollback", "--yes").exit_code == 0
        restore(cursor, "orders", "receipts")
    assert run(database, "sweeping", "resume", "--yes").exit_code == 0
    check(services, before.number)
    again = accept_rows(services)
    assert again.number > row.number  # which was told to others
    assert converge(services, again.number).state is State.COMMITTED
    check(services, before.number)


def test_a_logical_dump_of_imports_in_flight_when_nothing_is_prepared(
    database: DatabaseServer, services: Services
) -> None:
    loading, decided = prepare(services), prepare(services, decided=True)
    for row in (loading, decided):
        end_lease(services, row)
    dump(database)
    for row in (loading, decided):
        assert converge(services, row.number).state is State.COMMITTED
    services.database.dispose()
    with root(database) as cursor:
        restore(cursor, *TABLES)
    Sweeper(services).sweep()
    assert "gone back" in (frozen_reason(services) or "")
    assert find(services, loading.number).state is State.RUNNING
    assert run(database, "sweeping", "resume", "--yes").exit_code == 0
    Sweeper(services).sweep()
    assert converge(services, loading.number).rows_done == ROWS
    assert run(database, "resolve", str(decided.number), "commit", "--yes").exit_code == 4
    assert run(database, "resolve", str(decided.number), "rollback", "--yes").exit_code == 0
    check(services, decided.number)
    assert find(services, decided.number).state is State.FAILED


@pytest.fixture
def one_more_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer) -> Iterator[None]:
    """A next version, whose migration changes a table that imports load into."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    last = max(path.name[:4] for path in (folder / "versions").rglob("[0-9]*.py"))
    (folder / "versions" / "9999_more.py").write_text(
        "import sqlalchemy\nfrom alembic import op\n"
        f"revision, down_revision, branch_labels, depends_on = '9999', '{last}', None, None\n"
        "def upgrade():\n    op.add_column('orders', sqlalchemy.Column('more', sqlalchemy.Integer))\n"
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    yield
    with root(database) as cursor:
        cursor.execute("UPDATE backout.alembic_version SET version_num = %s", (last,))
        cursor.execute("SHOW COLUMNS FROM backout.orders LIKE 'more'")
        if cursor.fetchall():
            cursor.execute("ALTER TABLE backout.orders DROP COLUMN more")


@pytest.mark.usefixtures("one_more_migration")
def test_migrating_a_table_that_a_prepared_branch_holds(database: DatabaseServer, services: Services) -> None:
    row = in_doubt(services)
    began = monotonic()
    refused = run(database, "migrate")
    assert refused.exit_code == 1 and monotonic() - began < migrate.LOCK_WAIT_SECONDS + patience()
    assert "was in use" in refused.output and "Traceback" not in refused.output and "[SQL" not in refused.output
    assert len(list_raw(services)) == 1
    assert converge(services, row.number).state is State.COMMITTED
    done = run(database, "migrate")
    assert done.exit_code == 0, done.output
    check(services, row.number)
    assert converge(services, accept_rows(services).number).rows_done == ROWS  # the version before goes on beside it


def test_an_upgrade_of_the_first_version_with_imports_in_flight(
    database: DatabaseServer, services: Services, tmp_path: Path
) -> None:
    decided, stopping, queued = prepare(services, decided=True), prepare(services), accept_rows(services)
    end_lease(services, decided)
    with root(database) as cursor:
        columns = "generation", "last_number", "home_database", "home_server", "frozen_at", "frozen_reason"
        cursor.execute(f"ALTER TABLE backout.installation {', '.join(f'DROP COLUMN {name}' for name in columns)}")
        cursor.execute("UPDATE backout.alembic_version SET version_num = '0001'")
    # new processes before the migration: nothing is accepted, swept or lost, and a stop is decided as ever
    with pytest.raises(DatabaseUnavailable):
        accept_rows(services)
    with pytest.raises(DatabaseUnavailable):
        Sweeper(services).sweep()
    assert stop_import(services, stopping.id).state is State.STOPPING
    assert len(list_raw(services)) == 2
    done = run(database, "migrate")
    assert done.exit_code == 0, done.output
    new = open_services(make_settings(database.url, tmp_path / "spool"))
    assert converge(new, decided.number).state is State.COMMITTED
    assert converge(new, stopping.number).state is State.STOPPED
    assert converge(new, queued.number).state is State.COMMITTED
    assert frozen_reason(new) is None
