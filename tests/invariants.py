"""The promises, checked on the server: what must hold for an import once the system has converged."""

from time import monotonic, sleep

from app.db import xa
from app.db.datasets import rows
from app.db.imports import queries
from app.db.receipts import LOAD, REVERT
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, State
from app.domain.xid import name_branches, parse_xid
from app.lifecycle.datasets.catalog import find_dataset_of
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services
from tests.waiting import patience, wait_for


def find(services: Services, number: int) -> Import:
    with services.database.begin() as connection:
        row = queries.find_numbered(connection, number)
    assert row is not None
    return row


def converge(services: Services, number: int) -> Import:
    """Sweep, and load what is due as a worker would, until the import is final."""
    sweeper = Sweeper(services)
    until = monotonic() + patience()
    while find(services, number).state not in FINAL:
        assert monotonic() < until, f"still {find(services, number).state} after {patience():g} s"
        sweeper.sweep()
        load_next(services, "a-later-worker", GracefulShutdown(0))
        sleep(0.05)
    check(services, number)
    return find(services, number)


def check(services: Services, number: int) -> None:
    """Raise AssertionError unless the import is all there or not at all, and nothing of it is in doubt."""
    row = find(services, number)
    assert row.state in FINAL
    dataset = find_dataset_of(services.database, row)
    with services.database.uncommitted() as connection:  # sees what anybody left behind, committed or not
        if dataset is None or dataset.adopted:
            loaded = row.rows_done if row.state is State.COMMITTED else 0
        else:
            query = f"SELECT COUNT(*) FROM `{row.dataset}` WHERE import_no = %s"
            loaded = connection.exec_driver_sql(query, (number,)).scalar_one()
        receipts = list(connection.exec_driver_sql("SELECT * FROM receipts WHERE import_no = %s", (number,)))
    if row.state is State.COMMITTED:
        is_revert = row.kind is Kind.REVERT  # which brings no rows of its own
        assert loaded == (0 if is_revert else row.rows_done - row.rows_deleted)
        assert row.rows_total == row.rows_done + row.rows_updated + row.rows_skipped
        assert sorted(receipt.branch for receipt in receipts) == list(range(1, row.branches + 1))
        assert {(receipt.kind, receipt.epoch) for receipt in receipts} == {(REVERT if is_revert else LOAD, row.epoch)}
        touched = row.rows_done + (row.rows_updated if is_revert else 0)
        assert sum(receipt.row_count for receipt in receipts) == touched
    else:
        assert loaded == 0 and not receipts
    with services.database.session() as session:
        assert not [raw for raw in xa.list_prepared(session) if parse_xid(raw, services.installation)]
        xids = name_branches(services.installation, number, range(row.epoch + 1), 4)
        # a worker hangs up when it has recorded the end: the server notices a moment later
        wait_for(lambda: not xa.owners_of(session, xids), "no owner's lock is left")
    if dataset is not None and not dataset.adopted:
        with services.database.begin() as connection:
            assert rows.count_rows(connection, dataset, number) == loaded
