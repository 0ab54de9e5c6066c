"""Define: a dataset is created, with a table of its own.

The name is taken in the registry first, as `creating`, with a token that the table is made to carry; then the table
is made; then the dataset is `ready`. A drop goes the other way: `dropping`, the table, the name. So a crash anywhere
leaves a row that says which table may be there, and only a table with the row's token is ever dropped. All of it is
done under one lock of the installation (`Database.define`): its holder knows that the maker of such a row is gone,
and repairs it, before a second try or in the sweeper.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import structlog

from app.db.access import audit
from app.db.database import Connection, Database
from app.db.datasets import registry, tables
from app.domain.dataset import Dataset, Registered
from app.domain.definition import read_definition
from app.domain.errors import DatasetExists, DatasetInUse, InvalidContent, NotEnabled, Refused
from app.formats.validate.columns import validator_for
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)


def create_dataset(services: Services, body: Mapping[str, Any]) -> Registered:
    """Create the dataset that `body` describes (see `read_definition`), with a table of its own.

    Raises `InvalidContent`, `DatasetExists`, `DatasetInUse`, `NotEnabled` where the database lets the application make
    no tables, and `LedgerFrozen`; then nothing is left. After `DatabaseUnavailable` send it again.
    """
    dataset = read_definition(body)
    _check_columns(dataset)
    freeze.require_sweeping(services)
    with services.database.define(services.installation) as definer:
        require_no_dataset(services.database, definer, dataset.name)
        if tables.find_comment(definer, dataset.name) is not None:
            raise DatasetExists(
                f"there is a table {dataset.name} already, which is no dataset: take another name, or adopt the table"
                ' with {"name": "' + dataset.name + '", "adopt": true}'
            )
        token = secrets.token_hex(8)
        with services.database.begin() as connection:
            registry.begin_creating(connection, dataset, token)
        # a crash here leaves the name `creating`, and no table
        try:
            tables.create_table(definer, dataset, token)
        except Refused:
            with services.database.begin() as connection:
                registry.forget_dataset(connection, dataset.name, token)
            raise
        # a crash here leaves the name `creating`, and a table with its token
        with services.database.begin() as connection:
            if not registry.finish_creating(connection, dataset.name, token):
                # the lock went with its connection, and another has repaired what seemed to be cut off
                raise DatasetInUse(f"the creation of {dataset.name} took too long and was undone: send it again")
            audit.record(connection, dataset.name)
    log.info("dataset_created", dataset=dataset.name)
    return catalog.find_dataset(services.database, dataset.name)


def repair(database: Database, definer: Connection, name: str | None = None) -> list[str]:
    """Undo what was cut off while it was created or dropped: of this name, or all; the names. `definer` comes from
    `Database.define`, so no other process works on it. Raises `DatasetInUse` where a table is still read."""
    with database.begin() as connection:
        unfinished = registry.list_unfinished(connection, name)
    for one in unfinished:
        if not one.dataset.adopted:
            tables.drop_own_table(definer, one.dataset.name, one.token)
        # a crash here leaves a name without a table: this is done again
        with database.begin() as connection:
            registry.forget_dataset(connection, one.dataset.name, one.token)
    return [one.dataset.name for one in unfinished]


def repair_all(database: Database, installation: str) -> None:
    """`repair` for the sweeper, which tries again if a table is still read, another defines one, or a right is
    missing."""
    with database.begin() as connection:
        if not registry.list_unfinished(connection):
            return
    try:
        with database.define(installation) as definer:
            repaired = repair(database, definer)
    except (DatasetInUse, NotEnabled) as error:
        log.info("dataset_not_mended", reason=error.detail)
    else:
        log.info("datasets_repaired", datasets=repaired)


def require_no_dataset(database: Database, definer: Connection, name: str) -> None:
    """Raise `DatasetExists` where the name is taken; one that was left unfinished is repaired, which frees its name."""
    repair(database, definer, name)
    with database.begin() as connection:
        known = registry.find_dataset(connection, name)
    if known is not None:
        raise DatasetExists(f"there is a dataset {name} already: take another name, or drop it first")


def _check_columns(dataset: Dataset) -> None:
    wrong = []
    for at, column in enumerate(dataset.columns):
        try:
            validator_for(column)
        except ValueError as error:
            wrong.append({"field": f"columns[{at}]", "reason": str(error)})
    if wrong:
        raise InvalidContent(f"{wrong[0]['field']}: {wrong[0]['reason']}", errors=wrong)
