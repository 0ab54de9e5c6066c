"""Accept: a revert is recorded, with its claims on imports, and hinted at afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import structlog

from app.db.access import audit
from app.db.database import Connection
from app.db.imports import queries, transitions
from app.db.reverts import claims
from app.domain.caller import Caller
from app.domain.dataset import Dataset
from app.domain.errors import DatabaseUnavailable, ImportNotFound, InvalidContent, NotRevertible, Reverted
from app.domain.imports import Import
from app.domain.requests.revert import Dependents, Kind, OnChanged, Revert, RowsAsked
from app.domain.requests.selection import parse_selection
from app.lifecycle import freeze
from app.lifecycle.imports.reverting.eligibility import check_eligibility, find_dataset
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RevertRequest:
    """How to revert: see `Revert`."""

    on_changed: OnChanged = OnChanged.FAIL
    dependents: Dependents = Dependents.RESTRICT
    rows: RowsAsked | None = None
    expected: str | None = None
    keep_images: bool = False
    dry_run: bool = False
    reason: str | None = None


def accept_revert(services: Services, ids: Sequence[str], caller: Caller, request: RevertRequest) -> Import:
    """Accept the revert of imports of one dataset, or of one revert; returns it, a row of the ledger like an import's.

    Raises `ImportNotFound`, `NotRevertible` with the reason, `Reverted` with the revert that has an import,
    `InvalidContent` and `LedgerFrozen`.
    """
    if services.settings.revert_needs_reason and not request.reason and not request.dry_run:
        raise _refused("reason", "a reason is required here: say why it is reverted")
    kept = services.spool.read_generation(services.installation)
    targets: list[Import] = []
    try:
        with services.database.begin() as connection:
            freeze.require_sweeping_in(services.database, services.installation, connection, kept)
            # the dataset is held from here on: a drop finds this revert unfinished, or the revert finds no dataset
            targets += (_find_target(services, connection, id) for id in dict.fromkeys(ids))
            _require_alike(connection, targets, request)
            row = _record(connection, targets, caller, request)
            audit.record(connection, row.id, request.reason)
    except claims.ImportTaken:
        raise _find_holder(services, targets) from None
    log.info("revert_accepted", import_id=row.id, reverts=[one.id for one in targets], dry_run=request.dry_run)
    # a crash here leaves `queued` without a hint: the sweeper publishes it
    services.hints.announce(row.id)
    return row


def _find_target(services: Services, connection: Connection, id: str) -> Import:
    target = queries.find_import(connection, id)
    if target is None:
        raise ImportNotFound(f"there is no import {id}", import_id=id)
    found = check_eligibility(connection, services.settings, target)
    if found.revert_id is not None:
        raise Reverted(str(found.reason), import_id=id, revert_id=found.revert_id)
    if found.reason is not None:
        raise NotRevertible(found.reason, import_id=id)
    return target


def _require_alike(connection: Connection, targets: Sequence[Import], request: RevertRequest) -> None:
    """Raise `InvalidContent` for what does not go together."""
    first = targets[0]
    other = next((target for target in targets if target.dataset != first.dataset), None)
    if other is not None:
        reason = (
            f"{first.id} is of the dataset {first.dataset}, {other.id} of {other.dataset}: revert them in two requests"
        )
        raise _refused("ids", reason)
    if len(targets) > 1 and any(target.kind is Kind.REVERT for target in targets):
        raise _refused("ids", "a revert can only be reverted alone")
    if request.rows is not None:
        if len(targets) > 1:
            raise _refused("rows", "rows can be chosen of one import")
        if request.dependents is Dependents.CASCADE:
            raise _refused("rows", "rows can't be chosen together with dependents=cascade")
        dataset = find_dataset(connection, first)
        assert dataset is not None  # it is held
        _check_filter(dataset, request.rows)
    if first.kind is Kind.REVERT:
        for name, is_given in (
            ("rows", request.rows is not None),
            ("dependents", request.dependents is Dependents.CASCADE),
            ("on_changed", request.on_changed is OnChanged.FORCE),
            ("keep_images", request.keep_images),
        ):
            if is_given:
                raise _refused(name, f"{name} is for imports, and {first.id} is a revert")


def _check_filter(dataset: Dataset, rows: RowsAsked) -> None:
    try:
        parse_selection(dataset, number=None, filters=rows.equal, sort=None)
    except InvalidContent as error:
        raise _refused("rows", str(error)) from None


def _record(connection: Connection, targets: Sequence[Import], caller: Caller, request: RevertRequest) -> Import:
    first = targets[0]
    asked = Revert(
        target=first.number,
        target_id=first.id,
        target_name=first.revert.target_name if first.revert is not None else first.source.file_name,
        imports=len(targets),
        on_changed=request.on_changed,
        dependents=request.dependents,
        rows=request.rows,
        expected=request.expected,
        keep_images=request.keep_images,
        reason=request.reason,
        of_revert=first.kind is Kind.REVERT,
    )
    id = str(uuid4())
    values = {
        "id": id,
        "kind": Kind.REVERT,
        "dataset": first.dataset,
        "client": caller.client,
        "request_id": caller.request_id,
        "rows_total": sum(_count_rows(target) for target in targets),
        "options": {"revert": asked.as_json(), **({"dry_run": True} if request.dry_run else {})},
        "not_before": transitions.NOT_BY_OLD_WORKERS,
    }
    number = transitions.insert_import(connection, values)
    for target in sorted(targets, key=lambda one: one.number):  # so that no two requests wait for each other
        claims.take(connection, target.number, number, id, client=caller.client, dry_run=request.dry_run)
    row = queries.find_numbered(connection, number)
    assert row is not None
    return row


def _count_rows(target: Import) -> int:
    """How many rows a revert of it is about, as far as the ledger knows."""
    return max(0, target.rows_done - target.rows_deleted) + target.rows_updated


def _find_holder(services: Services, targets: Sequence[Import]) -> Exception:
    with services.database.begin() as connection:
        for target in targets:
            if (holder := claims.find_holder(connection, target.number)) is not None:
                reason = f"the import is being reverted by {holder[0]}"
                return Reverted(reason, import_id=target.id, revert_id=holder[0])
    return DatabaseUnavailable("another request had this import at the same moment: try again")


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
