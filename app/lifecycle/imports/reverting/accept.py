"""Accept: a revert is recorded, with its claim on the import, and hinted at afterwards."""

from uuid import uuid4

import structlog

from app.db.imports import queries, transitions
from app.db.reverts import claims
from app.domain.caller import Caller
from app.domain.errors import DatabaseUnavailable, ImportNotFound, NotRevertible, Reverted
from app.domain.imports import Import
from app.domain.requests.revert import Kind, OnChanged, Revert
from app.lifecycle import freeze
from app.lifecycle.imports.reverting.eligibility import check_eligibility
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)


def accept_revert(
    services: Services,
    id: str,
    caller: Caller,
    *,
    on_changed: OnChanged = OnChanged.FAIL,
    dry_run: bool = False,
    reason: str | None = None,
) -> Import:
    """Accept the revert of an import; returns it, a row of the ledger like an import's.

    Raises `ImportNotFound`, `NotRevertible` with the reason, `Reverted` with the revert that has the import, and
    `LedgerFrozen`.
    """
    kept = services.spool.read_generation(services.installation)
    target: Import | None = None
    try:
        with services.database.begin() as connection:
            freeze.require_sweeping_in(services.database, services.installation, connection, kept)
            target = queries.find_import(connection, id)
            if target is None:
                raise ImportNotFound(f"there is no import {id}", import_id=id)
            # the dataset is held from here on: a drop finds this revert unfinished, or the revert finds no dataset
            found = check_eligibility(connection, services.settings, target)
            if found.revert_id is not None:
                raise Reverted(str(found.reason), import_id=id, revert_id=found.revert_id)
            if found.reason is not None:
                raise NotRevertible(found.reason, import_id=id)
            asked = Revert(target.number, target.id, on_changed, reason, target.source.file_name)
            revert_id = str(uuid4())
            values = {
                "id": revert_id,
                "kind": Kind.REVERT,
                "dataset": target.dataset,
                "client": caller.client,
                "request_id": caller.request_id,
                "rows_total": max(0, target.rows_done - target.rows_deleted) + target.rows_updated,
                "options": {"revert": asked.as_json(), **({"dry_run": True} if dry_run else {})},
                "not_before": transitions.NOT_BY_OLD_WORKERS,
            }
            number = transitions.insert_import(connection, values)
            claims.take(connection, target.number, number, revert_id, dry_run=dry_run)
            if not dry_run:
                transitions.ledger.note(connection, target.number, "revert_accepted", {"revert": revert_id})
            row = queries.find_numbered(connection, number)
    except claims.ImportTaken:
        assert target is not None
        with services.database.begin() as connection:
            holder = claims.find_holder(connection, target.number)
        if holder is None:
            raise DatabaseUnavailable("another request had this import at the same moment: try again") from None
        raise Reverted(f"the import is being reverted by {holder[0]}", import_id=id, revert_id=holder[0]) from None
    assert row is not None
    log.info("revert_accepted", import_id=revert_id, reverts=id, dry_run=dry_run)
    # a crash here leaves `queued` without a hint: the sweeper publishes it
    services.hints.announce(revert_id)
    return row
