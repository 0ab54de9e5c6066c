"""The registry: what each dataset is, and the lease under which it is being cleared.

A row is `creating` before its table is made, and `dropping` before it is dropped: what a crash leaves can be
recognised."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, String, bindparam, delete, func, insert, or_, select, update

from app.db.imports.transitions import NOW, seconds_from_now
from app.db.schema import datasets, imports
from app.domain.audit.actor import name_actor
from app.domain.dataset import ORDERS, Dataset, Registered, dataset_from_json
from app.domain.states import UNFINISHED

READY, CREATING, DROPPING = "ready", "creating", "dropping"

_NAMED = select(datasets).where(datasets.c.name == bindparam("wanted", type_=String), datasets.c.state == READY)
_HELD = _NAMED.with_for_update(read=True)
_BUILT_IN = Registered(ORDERS, None)  # never dropped or changed, so it need not be asked for


@dataclass(frozen=True)
class Unfinished:
    """A dataset whose creation or drop was cut off, or is under way."""

    dataset: Dataset
    token: str


def find_dataset(connection: Connection, name: str) -> Registered | None:
    """The dataset of this name, or None."""
    if name == ORDERS.name:
        return _BUILT_IN
    if not name.isprintable():
        return None  # no name of ours, and half a character, as JSON may have, can't even be asked for
    row = connection.execute(_NAMED, {"wanted": name}).first()
    return None if row is None else _registered(row)


def hold_dataset(connection: Connection, name: str) -> Registered | None:
    """`find_dataset`, and no other transaction can begin to drop it before this one ends."""
    if name == ORDERS.name:
        return _BUILT_IN
    row = connection.execute(_HELD, {"wanted": name}).first()
    return None if row is None else _registered(row)


def list_datasets(connection: Connection) -> list[Registered]:
    """Every dataset, by name."""
    query = select(datasets).where(datasets.c.state == READY).order_by(datasets.c.name)
    return [_registered(row) for row in connection.execute(query)]


def list_unfinished(connection: Connection, name: str | None = None) -> list[Unfinished]:
    """What is `creating` or `dropping`: all, or the one of this name."""
    query = select(datasets).where(datasets.c.state != READY)
    if name is not None:
        query = query.where(datasets.c.name == name)
    rows = connection.execute(query)
    return [Unfinished(dataset_from_json(row.name, row.definition), str(row.token)) for row in rows]


def begin_creating(connection: Connection, dataset: Dataset, token: str) -> None:
    """Take the name for a dataset whose table is about to be made. Raises SQLAlchemy's error where it is taken."""
    values = {"name": dataset.name, "state": CREATING, "token": token, "definition": dataset.as_json()}
    connection.execute(insert(datasets).values(created_at=NOW, created_by=name_actor(), **values))


def register_adopted(connection: Connection, dataset: Dataset, token: str) -> None:
    """Let a table that is there already be a dataset. Raises SQLAlchemy's error where the name is taken."""
    values = {"name": dataset.name, "state": READY, "token": token, "definition": dataset.as_json()}
    connection.execute(insert(datasets).values(created_at=NOW, created_by=name_actor(), **values))


def finish_creating(connection: Connection, name: str, token: str) -> bool:
    """From here on it can be found; False where it is no longer there."""
    mine = datasets.c.name == name, datasets.c.token == token, datasets.c.state == CREATING
    return connection.execute(update(datasets).where(*mine).values(state=READY, created_at=NOW)).rowcount == 1


def begin_dropping(connection: Connection, name: str) -> None:
    """From here on it can't be found, nor can an import of it be accepted."""
    connection.execute(
        update(datasets)
        .where(datasets.c.name == name, datasets.c.state == READY)
        .values(state=DROPPING, delete_lease_until=None)
    )


def forget_dataset(connection: Connection, name: str, token: str) -> None:
    """Give the name of an unfinished dataset back."""
    mine = datasets.c.name == name, datasets.c.token == token, datasets.c.state != READY
    connection.execute(delete(datasets).where(*mine))


def lock_dataset(connection: Connection, name: str) -> bool:
    """Wait for those that hold the dataset, and keep others out until this transaction has ended; False where there is
    no such dataset."""
    query = select(datasets.c.name).where(datasets.c.name == name, datasets.c.state == READY).with_for_update()
    return connection.execute(query).first() is not None


def take_delete_lease(connection: Connection, name: str, seconds: float) -> bool:
    """Begin to clear a dataset: no import of it is claimed for so long. False when another is clearing it."""
    marked = connection.execute(
        update(datasets)
        .where(
            datasets.c.name == name,
            datasets.c.state == READY,
            or_(datasets.c.delete_lease_until.is_(None), datasets.c.delete_lease_until <= NOW),
        )
        .values(delete_lease_until=seconds_from_now(seconds))
    )
    return marked.rowcount == 1


def is_being_cleared(connection: Connection, name: str) -> bool:
    """Whether a dataset is being cleared or dropped, or is gone."""
    free = or_(datasets.c.delete_lease_until.is_(None), datasets.c.delete_lease_until <= NOW)
    there = select(datasets.c.name).where(datasets.c.name == name, datasets.c.state == READY, free)
    return connection.execute(there).first() is None


def extend_delete_lease(connection: Connection, name: str, seconds: float) -> None:
    """Go on clearing for so many more seconds."""
    connection.execute(
        update(datasets).where(datasets.c.name == name).values(delete_lease_until=seconds_from_now(seconds))
    )


def end_delete_lease(connection: Connection, name: str) -> None:
    """Let imports of the dataset run again."""
    mine = datasets.c.name == name, datasets.c.truncation.is_(None)  # one that was begun is finished first
    connection.execute(update(datasets).where(*mine).values(delete_lease_until=None))


def count_unfinished(connection: Connection, name: str) -> int:
    """How many imports of the dataset are not final yet."""
    query = select(func.count()).where(imports.c.dataset == name, imports.c.state.in_(list(UNFINISHED)))
    return int(connection.execute(query).scalar_one())


def _registered(row: Row[Any]) -> Registered:
    built_in = row.definition is None
    dataset = ORDERS if built_in else dataset_from_json(row.name, row.definition)
    return Registered(dataset, None if built_in else row.created_at, row.created_by)
