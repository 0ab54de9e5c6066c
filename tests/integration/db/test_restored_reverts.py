"""Reverts in a restored backup, and the upgrade that brings them, while work is in doubt: on servers of their own."""

import pytest

from app.domain.caller import Caller
from app.domain.errors import NotRevertible
from app.domain.imports import Import
from app.domain.states import State
from app.formats.reject_file import RejectWriter
from app.lifecycle.imports import commit
from app.lifecycle.imports.loading.load import claim
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.reverting.accept import RevertRequest, accept_revert
from app.lifecycle.imports.reverting.attempt import RevertAttempt
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.in_doubt import ROWS, accept_rows, end_lease, list_raw, prepare
from tests.integration.db.test_restore import copy_folder, database, frozen_reason, own_server, root, run, stopped
from tests.invariants import converge, find
from tests.servers import DatabaseServer, make_settings

__all__ = ["database", "own_server"]

pytestmark = pytest.mark.in_turn  # one with each database

# but for the tables that a prepared branch holds, whose migration waits for it: see test_restore.py
AFTER_0013 = {
    "imports": ("kind", "revertible_until", "rows_counted", "rows_counted_at", "count_asked_at"),
    "installation": ("last_stamp",),
    "before_images": ("old_changed_at", "consumed_by", "act", "put_changed_at"),
}


def accept(services: Services, row: Import, **options: bool) -> Import:
    return accept_revert(services, [row.id], Caller(), RevertRequest(**options))


def decided_revert(services: Services, row: Import) -> Import:
    """A revert whose worker is gone, its branch prepared and its commit recorded."""
    waiting = accept(services, row, keep_images=True)
    claimed = claim(services.database, services.settings, waiting.number, "doomed")
    assert claimed is not None
    attempt = RevertAttempt(services, claimed, GracefulShutdown(0), RejectWriter(services.spool.path("doomed")))
    attempt.run()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.db.xa.Branch.commit", die)
        with pytest.raises(KeyboardInterrupt):
            arguments = services.database, services.installation, claimed, attempt.branches, attempt.tally
            commit.commit_branches(*arguments, attempt.record_counts)
    attempt.abandon()
    end_lease(services, claimed)
    return find(services, waiting.number)


def count(services: Services, row: Import) -> int:
    with services.database.begin() as connection:
        query = "SELECT COUNT(*) FROM orders WHERE import_no = %s"
        return int(connection.exec_driver_sql(query, (row.number,)).scalar_one())


def test_a_physical_backup_that_holds_a_decided_revert(database: DatabaseServer, services: Services) -> None:
    row = accept_rows(services)
    converge(services, row.number)
    Sweeper(services).sweep()
    revert = decided_revert(services, row)
    backup = database.server.folder / "backup"
    stopped(database, lambda data: copy_folder(data, backup))
    assert converge(services, revert.number).state is State.COMMITTED
    assert converge(services, accept(services, revert).number).state is State.COMMITTED
    assert count(services, row) == ROWS

    stopped(database, lambda data: copy_folder(backup, data))
    assert find(services, revert.number).state is State.COMMITTING and len(list_raw(services)) == 1
    Sweeper(services).sweep()
    assert "gone back" in (frozen_reason(services) or "")
    assert run(database, "sweeping", "resume", "--yes").exit_code == 0
    assert converge(services, revert.number).state is State.COMMITTED
    assert count(services, row) == 0 and find(services, row.number).reverted_by == revert.id
    # the images came with the backup
    assert converge(services, accept(services, revert).number).rows_done == ROWS
    assert count(services, row) == ROWS and find(services, row.number).reverted_by is None


def test_the_upgrade_that_brings_reverts_with_imports_in_flight(
    database: DatabaseServer, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = accept_rows(services)
    converge(services, before.number)
    decided, queued = prepare(services, decided=True), accept_rows(services)
    end_lease(services, decided)
    with root(database) as cursor:
        for table, columns in AFTER_0013.items():
            if table == "before_images":
                cursor.execute("ALTER TABLE backout.before_images DROP INDEX before_images_row")
            cursor.execute(f"ALTER TABLE backout.{table} {', '.join(f'DROP COLUMN {name}' for name in columns)}")
        cursor.execute("DROP TABLE backout.backout_reverted_imports")
        cursor.execute("UPDATE backout.alembic_version SET version_num = '0013'")
    done = run(database, "migrate")
    assert done.exit_code == 0, done.output
    new = open_services(make_settings(database.url, tmp_path_factory.mktemp("spool")))
    assert converge(new, decided.number).state is State.COMMITTED
    assert converge(new, queued.number).state is State.COMMITTED
    assert converge(new, accept(new, queued).number).rows_done == ROWS
    with new.database.begin() as connection:  # what the version before has loaded has no stamp
        connection.exec_driver_sql("UPDATE receipts SET stamp = NULL WHERE import_no = %s", (before.number,))
    with pytest.raises(NotRevertible, match="before there were reverts"):
        accept(new, before)
