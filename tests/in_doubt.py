"""Imports in doubt: made as a crash leaves them, with real rows in real branches."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.db import xa
from app.db.imports import transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.imports import Import
from app.domain.states import State
from app.domain.xid import RawXid, Xid, name_branches
from app.formats.generate.orders import generate_rows
from app.lifecycle.imports import accept
from app.lifecycle.imports.loading.attempt import Attempt
from app.lifecycle.imports.loading.load import claim
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services
from tests.invariants import find
from tests.waiting import wait_for

ROWS = 50


def accept_rows(services: Services, rows: int = ROWS) -> Import:
    return accept.accept_generated(services, ORDERS, rows, Caller()).row


def prepare(services: Services, *, decided: bool = False) -> Import:
    """An import whose worker died with every branch prepared; `decided`: and the commit recorded. Its lease lives."""
    number = accept_rows(services).number
    row = claim(services.database, services.settings, number, "doomed")
    assert row is not None
    attempt = Attempt(services.database, services.installation, row, GracefulShutdown(0))
    attempt.load(generate_rows(ORDERS, ROWS, row.source.seed or "", services.settings.batch_bytes))
    for branch in attempt.branches:
        branch.prepare()
    if decided:
        with services.database.begin() as connection:
            values = {"rows_total": ROWS, "rows_done": ROWS, "decided_at": transitions.NOW}
            assert transitions.ledger.move(
                connection, number, {State.RUNNING}, State.COMMITTING, at_epoch=row.epoch, **values
            )
    attempt.abandon()
    set_lease(services, number, 3600)
    wait_for(lambda: not owned(services, xids_of(services, row)), "the server noticed that the owner is gone")
    return find(services, number)


def xids_of(services: Services, row: Import) -> list[Xid]:
    return name_branches(services.installation, row.number, range(row.epoch, row.epoch + 1), row.branches)


def owned(services: Services, xids: list[Xid]) -> dict[Xid, int]:
    with services.database.session() as session:
        return xa.owners_of(session, xids)


def end_lease(services: Services, row: Import) -> None:
    set_lease(services, row.number, -1)


def set_lease(services: Services, number: int, seconds: int) -> None:
    with services.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE imports SET lease_until = NOW(6) + INTERVAL %s SECOND WHERE number = %s", (seconds, number)
        )


def list_raw(services: Services) -> set[RawXid]:
    with services.database.session() as session:
        return set(xa.list_prepared(session))


@contextmanager
def prepared_by_another(services: Services, raw: RawXid) -> Iterator[None]:
    """A branch that no import of ours explains, its owner gone; ended afterwards if it is still there."""
    literal = f"X'{raw.gtrid.hex()}',X'{raw.bqual.hex()}',{raw.format_id}"
    connection = services.database.connect_branch()
    with connection.cursor() as cursor:
        cursor.execute(f"XA START {literal}")
        kind = raw.gtrid.hex()[-8:]  # so that two of them don't wait for each other
        cursor.execute("INSERT INTO receipts (import_no, branch, kind, epoch) VALUES (4000000000, 1, %s, 1)", (kind,))
        cursor.execute(f"XA END {literal}")
        cursor.execute(f"XA PREPARE {literal}")
    connection.close()
    try:
        yield
    finally:
        if raw in list_raw(services):
            with services.database.session() as session, session.cursor() as cursor:
                cursor.execute(f"XA ROLLBACK {literal}")
