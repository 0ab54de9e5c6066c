"""Clear: empties a dataset, unless an import of it is unfinished."""

import structlog

from app.db import datasets, ledger, rows
from app.domain.dataset import Dataset
from app.domain.errors import DatasetBeingCleared, ImportsRunning
from app.lifecycle.site import Site

CLEAR_SECONDS = 60.0  # the lease of a clearing, renewed with every import's rows

log = structlog.get_logger(__name__)


def clear_dataset(site: Site, dataset: Dataset) -> int:
    """Delete every row of a dataset and record it in the history of the imports that brought them; returns how many.

    One import's rows go in one transaction. Raises `ImportsRunning` or `DatasetBeingCleared`, and then deletes nothing.
    """
    with site.database.begin() as connection:
        if not datasets.mark_clearing(connection, dataset.name, CLEAR_SECONDS):
            raise DatasetBeingCleared(f"another request is clearing {dataset.name}: wait until it has ended")
    # From here on no import of it is claimed; a crash leaves a mark that runs out.
    try:
        with site.database.begin() as connection:
            unfinished = datasets.count_unfinished(connection, dataset.name)
        if unfinished:
            raise ImportsRunning(
                f"{unfinished} import(s) of {dataset.name} are queued or running: wait for them or stop them first",
                unfinished=unfinished,
            )
        return _delete(site, dataset)
    finally:
        with site.database.begin() as connection:
            datasets.end_clearing(connection, dataset.name)


def _delete(site: Site, dataset: Dataset) -> int:
    with site.database.begin() as connection:
        numbers = rows.imports_with_rows(connection, dataset)
    total = 0
    for number in numbers:
        with site.database.begin() as connection:
            datasets.extend_clearing(connection, dataset.name, CLEAR_SECONDS)
        with site.database.begin_long() as connection:
            deleted = rows.delete_rows(connection, dataset, number)
            ledger.note_deleted(connection, number, deleted)
        total += deleted
        log.info("rows_deleted", import_no=number, rows=deleted)
    return total
