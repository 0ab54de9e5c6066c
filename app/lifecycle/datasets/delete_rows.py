"""Clear: empties a dataset, or deletes one import's rows, unless an import of it is unfinished."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.db.database import Connection, Database
from app.db.datasets import registry, rows
from app.db.imports import counts, lost_branches, transitions
from app.domain.dataset import Dataset
from app.domain.errors import DatasetBeingCleared, ImportsRunning, NotEnabled
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog
from app.lifecycle.services import Services

CLEAR_SECONDS = 60.0  # the lease of a clearing, renewed with every import's rows

log = structlog.get_logger(__name__)


def delete_rows(services: Services, dataset: Dataset, number: int | None = None) -> int:
    """Delete every row of a dataset, or those of the import with this number, and record it in the history of the
    imports that brought them; returns how many.

    One import's rows go in one transaction. Raises `ImportsRunning`, `DatasetBeingCleared`, `LedgerFrozen`,
    `NotEnabled` for an adopted table, or what an extension has against it, and then deletes nothing.
    """
    freeze.require_sweeping(services)
    off = catalog.list_unsupported(dataset)
    if reason := off.get("delete_all" if number is None else "delete_by_import"):
        raise NotEnabled(reason)
    with clearing(services.database, dataset):
        for extension in services.extensions:
            extension.require_deletable(services.database, dataset, number)
        with services.database.begin() as connection:
            numbers = rows.imports_with_rows(connection, dataset) if number is None else [number]
        deleted = sum(_delete(services.database, dataset, one) for one in numbers)
        with services.database.begin() as connection:
            counts.record_none(connection, dataset.name, number)  # nor of imports that had no row left
        return deleted


@contextmanager
def clearing(database: Database, dataset: Dataset) -> Iterator[None]:
    """Mark a dataset as being cleared for as long as this lasts. Raises `DatasetBeingCleared`, and `ImportsRunning`
    while an import of it is unfinished."""
    with database.begin() as connection:
        if not registry.take_delete_lease(connection, dataset.name, CLEAR_SECONDS):
            raise DatasetBeingCleared(f"another request is clearing {dataset.name}: wait until it has ended")
    # From here on no import of it is claimed; a crash leaves a mark that runs out.
    try:
        with database.begin() as connection:
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


def _delete(database: Database, dataset: Dataset, number: int) -> int:
    with database.begin() as connection:
        registry.extend_delete_lease(connection, dataset.name, CLEAR_SECONDS)
    with database.begin_long() as connection:
        deleted = rows.delete_rows(connection, dataset, number)
        if deleted:
            transitions.note_deleted(connection, number, deleted)
    log.info("rows_deleted", import_no=number, rows=deleted)
    return deleted
