"""Drop: a dataset and its table go, unless an import of it is unfinished. An adopted table stays."""

import structlog

from app.db.access import audit
from app.db.database import Database
from app.db.datasets import registry, rows
from app.db.imports import counts, pauses, transitions
from app.domain.dataset import Dataset
from app.domain.errors import DatasetNotFound, NotEnabled
from app.domain.pause import Scope
from app.lifecycle import freeze
from app.lifecycle.datasets import create, delete_rows, truncate
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)


def drop_dataset(services: Services, name: str) -> None:
    """Drop a dataset with all of its rows, which is recorded in the history of the imports that brought them; an
    adopted one is only forgotten.

    Raises `DatasetNotFound`, `ImportsRunning`, `DatasetBeingCleared`, `LedgerFrozen` or `NotEnabled`, and then
    changes nothing; `DatasetInUse` while its table is still read, after which it is dropped as soon as that has ended:
    by the sweeper, or by asking again.
    """
    freeze.require_sweeping(services)
    database = services.database
    with database.define(services.installation) as definer:
        if create.repair(database, definer, name):
            return  # an earlier drop that was cut off, or a creation that was
    truncate.finish(services, name)
    with database.begin() as connection:
        known = registry.find_dataset(connection, name)
    if known is None:
        raise DatasetNotFound(f"there is no dataset {name[:80]!r}")
    if known.built_in:
        raise NotEnabled(f"{name} is built in and can't be dropped; its rows can be deleted")
    # while it is marked, no import of it is claimed and no rows are deleted
    with delete_rows.clearing(services, known.dataset):
        kept = {}
        if not known.dataset.adopted:
            with database.begin_long() as connection:
                kept = rows.count_by_import(connection, known.dataset)
        with database.begin() as connection:
            registry.extend_delete_lease(connection, name, delete_rows.CLEAR_SECONDS)
        with database.define(services.installation) as definer:
            _let_go(database, known.dataset, kept)
            # a crash here leaves the name `dropping`, and the table
            create.repair(database, definer, name)
    log.info("dataset_dropped", dataset=name)


def _let_go(database: Database, dataset: Dataset, kept: dict[int, int]) -> None:
    with database.begin() as connection:
        # An acceptance holds the dataset until its import is there, so that one is either found here, or finds none.
        registry.lock_dataset(connection, dataset.name)
        delete_rows.require_idle(connection, dataset)
        registry.begin_dropping(connection, dataset.name)
        pauses.delete_pause(connection, Scope.DATASET, dataset.name)  # another one may get the name
        for number, count in kept.items():
            transitions.note_deleted(connection, number, count)
        if not dataset.adopted:
            counts.record_none(connection, dataset.name)
        audit.record(connection, dataset.name)
