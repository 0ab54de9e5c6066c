"""Stop: decided by the ledger the instant it is answered, whatever the workers do."""

from contextlib import suppress

import structlog

from app.db import xa
from app.db.access import audit
from app.db.database import Database
from app.db.imports import queries, stops
from app.db.reverts import claims
from app.domain.errors import AlreadyDecided, ImportNotFound
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.domain.states import STOPPABLE, State
from app.domain.xid import name_branches
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)

# why an import can't be stopped; the page shows the same
TOO_LATE = {
    State.COMMITTING: "too late: the import has been decided and is committing all of its {rows} rows",
    State.COMMITTED: "too late: the import has committed all of its {rows} rows",
    State.FAILING: "nothing to stop: the import has failed and is being rolled back; nothing of it will be loaded",
    State.FAILED: "nothing to stop: the import has failed and nothing of it was loaded",
    State.CHECKING: "nothing to stop: the dry run is over and its rows are being undone",
    State.CHECKED: "nothing to stop: the dry run is over and nothing of it was kept",
}


def stop_import(services: Services, id: str, client: str = "") -> Import:
    """Stop an import, as this client asks; returns it as `stopping` or `stopped`, which it stays: it will never commit.

    Stopping it again gives the same answer. Raises `ImportNotFound`, `AlreadyDecided` when it is too late, and
    `DatabaseUnavailable`, after which nothing is known: ask again.
    """
    with services.database.begin() as connection:
        won = stops.stop_at_once(connection, id, STOPPABLE, client)
        row = queries.find_import(connection, id)
        if won and row is not None and row.kind is Kind.REVERT and row.state is State.STOPPED:
            claims.release(connection, row.number, row.state)
        if won:
            audit.record(connection, id)
    if row is None:
        raise ImportNotFound(f"there is no import {id}", import_id=id)
    # a crash here leaves `stopping`: the answer is true already, and the sweeper does the rest
    if row.state in (State.COMMITTING, State.COMMITTED) and row.kind is Kind.REVERT:
        raise AlreadyDecided(
            "too late: the revert has been decided, and the rows are gone", import_id=id, state=row.state
        )
    if row.state not in (State.STOPPING, State.STOPPED):
        raise AlreadyDecided(TOO_LATE[row.state].format(rows=f"{row.rows_done:,}"), import_id=id, state=row.state)
    if won:
        log.info(row.state, import_id=id, by=client)
    if won and row.state is State.STOPPING:
        # beside the answer, which is true already: to kill a connection of a busy server takes longer than to decide
        with suppress(RuntimeError):  # this process ends
            services.background.submit(lambda: end_load(services.database, services.installation, row))
    return row


def end_load(database: Database, installation: str, row: Import) -> None:
    """End the load's connection at once, so that its worker is free; raises nothing, and promises nothing that is not
    decided."""
    try:
        with database.control() as session:
            xa.kill_owners(
                session, name_branches(installation, row.number, range(row.epoch, row.epoch + 1), row.branches)
            )
    except Exception as error:  # noqa: BLE001 — no caller waits for it
        log.warning("load_not_ended_at_once", import_id=row.id, error=str(error) or type(error).__name__)
    # a crash here leaves a load that runs on: its worker looks at its state, and the sweeper after it
