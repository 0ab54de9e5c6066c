"""Retry: the same content and options once more, as a new import that names the old one."""

from uuid import uuid4

import structlog

from app.db.access import audit
from app.db.imports import queries, transitions
from app.domain.errors import FileForgotten, ImportNotFound, NothingToRetry
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.domain.states import State
from app.lifecycle import freeze
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)

RETRYABLE = frozenset({State.STOPPED, State.FAILED, State.CHECKED})


def retry_import(services: Services, id: str, *, client: str = "", request_id: str | None = None) -> Import:
    """Accept a new import of the same file and options, for this client; returns it. A dry run becomes a real one.

    The file is shared by a hard link, so that each import keeps its own for as long as it needs it. Raises
    `ImportNotFound`, `NothingToRetry` for one that is not over or has loaded its rows, `FileForgotten`,
    `QuotaExceeded` and `LedgerFrozen`.
    """
    freeze.require_sweeping(services)
    with services.database.begin() as connection:
        old = queries.find_import(connection, id)
    if old is None:
        raise ImportNotFound(f"there is no import {id}", import_id=id)
    if old.kind is Kind.REVERT:
        raise NothingToRetry(
            "this is a revert: revert the import once more, or retry the import that it reverted", import_id=id
        )
    if old.state not in RETRYABLE and old.reverted_by is None:
        raise NothingToRetry(_WHY_NOT.get(old.state, "the import is not over yet: stop it first"), import_id=id)
    services.quotas.require(services.database, client)
    new_id = str(uuid4())
    values = {"client": client, "request_id": request_id}
    if old.source.generate is None:
        if old.source.spool_name is None or not services.spool.hard_link(old.source.spool_name, new_id):
            raise FileForgotten(
                "the file of this import is no longer kept, or was erased with a person's data: send it again",
                import_id=id,
            )
        values["spool_name"] = new_id
    # a crash here leaves a file without an import: the sweeper deletes it
    with services.database.begin() as connection:
        number = transitions.insert_again(connection, old.number, {"id": new_id, **values})
        transitions.ledger.note(connection, old.number, "tried_again", {"import": new_id})
        row = queries.find_numbered(connection, number)
        audit.record(connection, new_id)
    assert row is not None
    log.info("accepted", import_id=new_id, dataset=row.dataset, retry_of=id)
    services.hints.announce(new_id)
    return row


_WHY_NOT = {
    State.COMMITTED: "the import has committed: its rows are there already; revert it first",
    State.COMMITTING: "the import is committing: its rows will be there",
}
