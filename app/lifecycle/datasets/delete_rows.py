"""Clear: empties a dataset, unless an import of it is unfinished; or deletes one import's rows, beside others."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.db.access import audit
from app.db.database import Connection, Database
from app.db.datasets import deletions, registry, rows, truncations
from app.db.imports import counts, lost_branches, transitions
from app.db.reverts import claims
from app.domain.dataset import Dataset
from app.domain.errors import DatasetBeingCleared, ImportsRunning, NotEnabled
from app.domain.imports import Import
from app.domain.states import FINAL
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog, truncate
from app.lifecycle.services import Services

CLEAR_SECONDS = 60.0  # the lease of a clearing, renewed with every import's rows
TURN_SECONDS = 5.0  # how long one deletion waits for another
FEW_ROWS = 20_000  # are deleted in a second, beside readers

log = structlog.get_logger(__name__)


def delete_rows(services: Services, dataset: Dataset, number: int | None = None) -> int:
    """Delete every row of a dataset, or those of the import with this number, and record it in the history of the
    imports that brought them; returns how many.

    One import's rows go in one transaction, beside other imports that run; all need an idle dataset. Raises
    `ImportsRunning`, `DatasetBeingCleared`, `LedgerFrozen`, `NotEnabled` for an adopted table, or what an extension has
    against it, and then deletes nothing; `DatasetInUse` while someone reads a large table, which is truncated.
    """
    freeze.require_sweeping(services)
    off = catalog.list_unsupported(dataset)
    if reason := off.get("delete_all" if number is None else "delete_by_import"):
        raise NotEnabled(reason)
    if number is not None:
        return _delete_import(services, dataset, number)
    database = services.database
    before = truncate.finish(services, dataset.name)  # what a crash has left of an earlier one
    with clearing(services, dataset):
        with database.begin() as connection:
            for extension in services.extensions:
                extension.require_deletable(connection, dataset)
            has_many = rows.has_more_than(connection, dataset, FEW_ROWS)
        if has_many:
            try:
                return before + _truncate(services, dataset)
            except truncations.CantTruncate as error:
                log.info("rows_deleted_by_import", dataset=dataset.name, reason=str(error))
        with database.begin_long() as connection:
            found = rows.count_by_import(connection, dataset)
        with database.begin() as connection:
            audit.record(connection, dataset.name)  # a crash after this leaves a part of the rows
        deleted = sum(_clear(database, dataset, one) for one in found)
        with database.begin() as connection:
            counts.record_none(connection, dataset.name)  # nor of imports that had no row left
            reverts = claims.list_reverts(connection, dataset.name)
        for revert in reverts:
            with database.begin_long() as connection:
                rows.forget_reverted(connection, revert)
        return before + deleted


def _truncate(services: Services, dataset: Dataset) -> int:
    """Delete all rows at once. Raises `CantTruncate`, and `DatasetInUse` while they are read."""
    with services.database.define(services.installation) as definer:
        with services.database.begin() as connection:
            if reason := truncations.find_hindrance(connection, dataset):
                raise truncations.CantTruncate(reason)
            token = truncations.begin(connection, dataset.name)
            if token is None:
                raise _being_cleared(dataset)
            require_idle(connection, dataset)
        return truncate.truncate_dataset(services, definer, dataset, token, CLEAR_SECONDS)


def _delete_import(services: Services, dataset: Dataset, number: int) -> int:
    """One import's rows, while others of the dataset run. A crash at any point leaves all of them."""
    try:
        with services.database.begin_long() as connection:
            _take_turn(connection, services.installation, dataset)
            # From here on no revert of it is accepted; one that was is seen. No one else needs this row for long.
            row = deletions.lock_import(connection, number)
            _require_final(connection, dataset, number, row)
            with deletions.needing_rows():
                # first, so that what others have recorded of these rows is seen, and nothing new is
                rows.lock_rows(connection, dataset, number)
                for extension in services.extensions:
                    extension.require_deletable(connection, dataset, number)
                deleted = _delete(connection, dataset, number)
            audit.record(connection, str(number) if row is None else row.id)
            counts.record_none(connection, dataset.name, number)
    except deletions.RowsInUse as error:
        held = (
            f"rows of import number {number} are held by an import that is running, a revert or another program, and"
            f" nothing was deleted: wait until that has ended ({error})"
        )
        raise ImportsRunning(held, unfinished=1, lost_branches=0) from error
    log.info("rows_deleted", import_no=number, rows=deleted)
    return deleted


def _take_turn(connection: Connection, installation: str, dataset: Dataset) -> None:
    """One deletion at a time; a clearing marks the dataset first and then looks for this one."""
    free = deletions.begin(connection, installation, dataset.name, TURN_SECONDS)
    if not free or registry.is_being_cleared(connection, dataset.name):
        raise _being_cleared(dataset)


def _require_final(connection: Connection, dataset: Dataset, number: int, row: Import | None) -> None:
    """Raise `ImportsRunning` while the import, or a revert of it, is unfinished. Rows may outlive their import's
    history."""
    if row is not None and row.state not in FINAL:
        lost = [one for one in lost_branches.list_with_lost_branch(connection, dataset.name) if one == number]
        raise ImportsRunning(_explain(dataset, 1, lost), unfinished=1, lost_branches=len(lost))
    holder = claims.find_holder(connection, number)
    if holder is not None and holder[1] not in FINAL:
        held = f"the import is being reverted by {holder[0]}: wait for that or stop it first"
        raise ImportsRunning(held, unfinished=1, lost_branches=0)


def _being_cleared(dataset: Dataset) -> DatasetBeingCleared:
    return DatasetBeingCleared(f"another request is deleting rows of {dataset.name}: wait until it has ended")


@contextmanager
def clearing(services: Services, dataset: Dataset) -> Iterator[None]:
    """Mark a dataset as being cleared for as long as this lasts. Raises `DatasetBeingCleared`, and `ImportsRunning`
    while an import of it is unfinished."""
    database = services.database
    with database.begin() as connection:
        if not registry.take_delete_lease(connection, dataset.name, CLEAR_SECONDS):
            raise _being_cleared(dataset)
    # From here on no import of it is claimed; a crash leaves a mark that runs out.
    try:
        with database.begin() as connection:
            if deletions.is_running(connection, services.installation, dataset.name):
                raise _being_cleared(dataset)
            require_idle(connection, dataset)
        yield
    finally:
        with database.begin() as connection:
            registry.end_delete_lease(connection, dataset.name)


def require_idle(connection: Connection, dataset: Dataset) -> None:
    """Raise `ImportsRunning` while an import of the dataset is unfinished."""
    lost = lost_branches.list_with_lost_branch(connection, dataset.name)
    unfinished = registry.count_unfinished(connection, dataset.name)
    if unfinished:
        raise ImportsRunning(_explain(dataset, unfinished, lost), unfinished=unfinished, lost_branches=len(lost))


def _explain(dataset: Dataset, unfinished: int, lost: list[int]) -> str:
    told = []
    if unfinished > len(lost):
        running = unfinished - len(lost)
        told.append(f"{running} import(s) of {dataset.name} are queued or running: wait for them or stop them first")
    for number in lost:
        told.append(
            f"import number {number} of {dataset.name} has lost a branch, which neither waiting nor a stop ends: an"
            f" operator resolves it with `python -m app.cli resolve {number} rollback` (docs/how-to/recovery.md)"
        )
    return "; ".join(told)


def _clear(database: Database, dataset: Dataset, number: int) -> int:
    with database.begin() as connection:
        registry.extend_delete_lease(connection, dataset.name, CLEAR_SECONDS)
    with database.begin_long() as connection:
        deleted = _delete(connection, dataset, number)
    log.info("rows_deleted", import_no=number, rows=deleted)
    return deleted


def _delete(connection: Connection, dataset: Dataset, number: int) -> int:
    deleted = rows.delete_rows(connection, dataset, number)
    if deleted:
        transitions.note_deleted(connection, number, deleted)
    return deleted
