"""Truncate: all rows of a dataset go at once, whatever crashes, or none."""

from itertools import islice

import structlog

from app.db.access import audit
from app.db.database import DEFINE_SECONDS, Connection, Database
from app.db.datasets import registry, rows, truncations
from app.db.imports import counts, transitions
from app.db.reverts import claims
from app.domain.dataset import Dataset
from app.domain.errors import DatasetInUse
from app.lifecycle.services import Services

IMPORTS = 500  # of so many is recorded at once that they have no rows left

log = structlog.get_logger(__name__)


def truncate_dataset(
    services: Services, definer: Connection, dataset: Dataset, token: str, lease_seconds: float
) -> int:
    """Empty the dataset of a truncation that has begun, and record it in the history of its imports; returns how many
    rows that were. It is then marked as being cleared for so many seconds.

    Raises `DatasetInUse` and `CantTruncate`; then nothing is deleted. After `DatabaseUnavailable` the sweeper finishes
    it.
    """
    database = services.database
    # a crash here leaves a truncation that was not decided: the sweeper ends it
    try:
        found = rows.count_by_import(definer, dataset)
        with database.begin() as connection:
            if not truncations.holds(connection, dataset.name, token):
                raise DatasetInUse(f"nothing was deleted: counting the rows of {dataset.name} took too long: try again")
            truncations.keep(connection, dataset.name, token, found)
            audit.record(connection, dataset.name)
        # a crash here, and anywhere before the end, leaves it to the sweeper, which truncates
        truncations.truncate(definer, dataset)
    except (truncations.CantTruncate, DatasetInUse):
        _cancel(database, dataset.name, token, lease_seconds)
        raise
    _record(database, dataset.name, token, lease_seconds)
    return sum(found.values())


def finish_all(services: Services) -> None:
    """Finish what a crash has left of truncations; later where another is at it, or the table is read."""
    with services.database.begin() as connection:
        names = truncations.list_begun(connection)
    for name in names:
        try:
            finish(services, name, wait_seconds=0)
        except DatasetInUse as error:
            log.info("truncation_waits", dataset=name, reason=error.detail)


def finish(services: Services, name: str, wait_seconds: float = DEFINE_SECONDS) -> int:
    """Finish what a crash has left of the truncation of this dataset; returns how many rows that deleted. Raises
    `DatasetInUse` while the table is read, or another defines one for longer than so many seconds."""
    database = services.database
    with database.begin() as connection:
        if name not in truncations.list_begun(connection):
            return 0
    with database.define(services.installation, wait_seconds) as definer:
        with database.begin() as connection:
            taken = truncations.take_over(connection, name)
            known = registry.find_dataset(connection, name)
        if taken is None or known is None:
            return 0  # another has finished it
        token, found = taken
        if found is None:
            _cancel(database, name, token, 0)
            return 0
        if truncations.is_there(definer, known.dataset, found):
            try:
                truncations.truncate(definer, known.dataset)
            except truncations.CantTruncate as error:
                _cancel(database, name, token, 0)
                log.error("truncation_given_up", dataset=name, reason=str(error))
                return 0
    _record(database, name, token, 0)
    log.info("truncation_finished", dataset=name, rows=sum(found.values()))
    return sum(found.values())


def _cancel(database: Database, name: str, token: str, lease_seconds: float) -> None:
    with database.begin() as connection:
        if truncations.holds(connection, name, token):
            truncations.end(connection, name, lease_seconds)


def _record(database: Database, name: str, token: str, lease_seconds: float) -> None:
    """Tell the ledger, in steps. A crash between two of them leaves the rest to the sweeper."""
    while True:
        with database.begin_long() as connection:
            if not truncations.holds(connection, name, token):
                return  # another has taken it over
            left = truncations.list_left(connection, name)
            if not left:
                _forget_reverts(connection, name)
                counts.record_none(connection, name)  # nor of imports that had no row left
                truncations.end(connection, name, lease_seconds)
                return
            for number in islice(left, IMPORTS):
                rows.forget_images(connection, number)
                transitions.note_deleted(connection, number, left[number])
            truncations.keep(connection, name, token, dict(islice(left.items(), IMPORTS, None)))


def _forget_reverts(connection: Connection, name: str) -> None:
    for revert in claims.list_reverts(connection, name):
        rows.forget_reverted(connection, revert)
