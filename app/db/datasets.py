"""A dataset's own row: the lease under which it is being cleared."""

from sqlalchemy import Connection, func, or_, select, update

from app.db.ledger import NOW, seconds_from_now
from app.db.schema import datasets, imports
from app.domain.states import UNFINISHED


def mark_clearing(connection: Connection, name: str, seconds: float) -> bool:
    """Begin to clear a dataset: no import of it is claimed for so long. False when another is clearing it."""
    marked = connection.execute(
        update(datasets)
        .where(datasets.c.name == name, or_(datasets.c.clearing_until.is_(None), datasets.c.clearing_until <= NOW))
        .values(clearing_until=seconds_from_now(seconds))
    )
    return marked.rowcount == 1


def extend_clearing(connection: Connection, name: str, seconds: float) -> None:
    """Go on clearing for so many more seconds."""
    connection.execute(update(datasets).where(datasets.c.name == name).values(clearing_until=seconds_from_now(seconds)))


def end_clearing(connection: Connection, name: str) -> None:
    """Let imports of the dataset run again."""
    connection.execute(update(datasets).where(datasets.c.name == name).values(clearing_until=None))


def count_unfinished(connection: Connection, name: str) -> int:
    """How many imports of the dataset are not final yet."""
    query = select(func.count()).where(imports.c.dataset == name, imports.c.state.in_(list(UNFINISHED)))
    return int(connection.execute(query).scalar_one())
