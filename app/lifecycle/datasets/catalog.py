"""The catalog: which datasets there are, and what is not possible with one of them.

What is not built in is asked for anew by every request and every attempt: a cache would have to know of each drop in
every other process.
"""

from app.config import Settings
from app.db.database import Database
from app.db.datasets import registry
from app.domain.dataset import ORDERS, Dataset, Registered
from app.domain.errors import DatasetNotFound, ImportFailed, InvalidContent
from app.domain.imports import Import
from app.domain.requests.policy import OnConflict, Policy

NAMED = 20  # how many names an error lists


def list_datasets(database: Database) -> list[Registered]:
    """Every dataset, by name."""
    with database.begin() as connection:
        return registry.list_datasets(connection)


def find_dataset(database: Database, name: str) -> Registered:
    """The dataset of this name; raises `DatasetNotFound`."""
    with database.begin() as connection:
        known = registry.find_dataset(connection, name)
    if known is None:
        raise DatasetNotFound(f"there is no dataset {name[:80]!r}")
    return known


def find_import_dataset(database: Database, name: str) -> Dataset:
    """The dataset that an import is for; raises `InvalidContent`, which says which there are."""
    with database.begin() as connection:
        known = registry.find_dataset(connection, name)
        if known is None:
            raise no_dataset(name, registry.list_datasets(connection))
    return known.dataset


def no_dataset(name: str, there: list[Registered]) -> InvalidContent:
    """The error that says which datasets there are instead."""
    names = [known.dataset.name for known in there]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return InvalidContent(
        f"there is no dataset {name[:80]!r}; there is: {', '.join(names[:NAMED])}{more}", errors=[{"field": "dataset"}]
    )


def find_dataset_of(database: Database, row: Import) -> Dataset | None:
    """The dataset that an import was accepted for; None where it was dropped, be there another of its name or not."""
    if row.dataset == ORDERS.name:
        return ORDERS  # built in
    with database.begin() as connection:
        known = registry.find_dataset(connection, row.dataset)
    if known is None or (known.created_at is not None and known.created_at > row.created_at):
        return None
    return known.dataset


def dataset_of(database: Database, row: Import) -> Dataset:
    """`find_dataset_of` for an attempt: raises `ImportFailed` where there is none."""
    dataset = find_dataset_of(database, row)
    if dataset is None:
        raise ImportFailed("dataset_dropped", f"the dataset {row.dataset} was dropped: nothing was loaded")
    return dataset


def count_branches(settings: Settings, known: Registered | None, policy: Policy) -> int:
    """How many branches an attempt has."""
    if policy.on_conflict is not OnConflict.FAIL:
        return 1  # a row may meet one of its own file: two branches would wait for each other
    if known is not None and known.dataset.adopted:
        return 1  # the rows of one of several branches could not be left out or deleted
    return settings.branches


def why_unsupported(dataset: Dataset, on_conflict: OnConflict) -> str | None:
    """Why rows of a dataset can't be treated like that; None where they can."""
    if on_conflict is OnConflict.FAIL:
        return None
    if not dataset.key:
        return f"{dataset.name} has no key, so no row is in another's way: leave on_conflict out"
    if on_conflict is OnConflict.UPDATE and dataset.adopted:
        return f"{dataset.name} was adopted: its rows have no import number under which their old values could be kept"
    return None


def list_unsupported(dataset: Dataset) -> dict[str, str]:
    """What is not possible with a dataset, and why."""
    off = {
        f"on_conflict={choice}": reason
        for choice in (OnConflict.SKIP, OnConflict.UPDATE)
        if (reason := why_unsupported(dataset, choice))
    }
    if dataset.name != ORDERS.name:
        off["generate"] = f"rows can be generated for {ORDERS.name} only"
    if dataset.adopted:
        carry = f"{dataset.name} was adopted: its rows don't carry their import's number"
        off["filter_by_import"] = off["delete_by_import"] = carry
        off["delete_all"] = f"{dataset.name} was adopted: not all of its rows came by imports"
    return off
