"""What the ledger keeps beside rows: imports by number, their texts, and which of them are unfinished."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from app.db.imports.transitions import ledger
from app.db.ledger import NOW, by_key
from app.db.schema import events, idempotency_keys, imports
from app.db.templates import templates
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, UNFINISHED

EVENT = "erased"


@dataclass(frozen=True)
class Told:
    """The texts of an import, or a handling, that may name someone."""

    number: int
    texts: Mapping[str, Any]  # by column


@dataclass(frozen=True)
class Kept:
    """An import as its files are asked for."""

    number: int
    id: str
    dataset: str
    is_final: bool
    epoch: int
    spool_name: str | None
    rows_rejected: int
    error: Mapping[str, Any] | None


def read_clock(connection: Connection) -> datetime:
    """Now, by the database's clock."""
    now: datetime = connection.execute(select(NOW)).scalar_one()
    return now


def find_last_number(connection: Connection, dataset: str) -> int:
    """The highest number of the dataset's imports; 0 without one."""
    query = select(imports.c.number).where(imports.c.dataset == dataset).order_by(imports.c.number.desc()).limit(1)
    return int(connection.execute(query).scalar() or 0)


def list_unfinished(connection: Connection, dataset: str, last: int, limit: int) -> list[tuple[str, str]]:
    """(id, state) of the dataset's imports that have not ended, of those up to the number `last`, and of all that may
    bring back what was there before: reverts and retries."""
    query = select(imports.c.id, imports.c.state).where(
        imports.c.dataset == dataset, imports.c.state.in_(list(UNFINISHED)), _counts(last)
    )
    return [(str(id), str(state)) for id, state in connection.execute(query.order_by(imports.c.number).limit(limit))]


def has_ended_since(connection: Connection, dataset: str, last: int, since: datetime) -> bool:
    """Whether one of these has ended since an instant of the database's clock."""
    ended = imports.c.dataset == dataset, imports.c.finished_at >= since, _counts(last)
    return connection.execute(select(imports.c.number).where(*ended).limit(1)).first() is not None


def _counts(last: int) -> ColumnElement[bool]:
    return or_(imports.c.number <= last, imports.c.kind == Kind.REVERT, imports.c.retry_of.is_not(None))


def list_kept(connection: Connection, ids: Iterable[str]) -> dict[str, Kept]:
    """The imports with these ids, by id."""
    query = select(imports).where(imports.c.id.in_(list(ids)))
    return {
        str(row.id): Kept(
            int(row.number),
            str(row.id),
            str(row.dataset),
            row.state in FINAL,
            int(row.epoch),
            row.spool_name,
            int(row.rows_rejected),
            row.error,
        )
        for row in connection.execute(query)
    }


def list_told(connection: Connection, dataset: str, after: int, limit: int) -> list[Told]:
    """What the dataset's ended imports say beyond that number, in order."""
    names = ("error", "file_name", "file_format", "options", "request_id")
    query = select(imports.c.number, *(imports.c[name] for name in names)).where(
        imports.c.dataset == dataset, imports.c.number > after, imports.c.state.in_(list(FINAL))
    )
    rows = connection.execute(query.order_by(imports.c.number).limit(limit)).mappings()
    return [Told(int(row["number"]), {name: row[name] for name in names}) for row in rows]


def list_details(connection: Connection, numbers: Sequence[int]) -> list[tuple[int, int, Any]]:
    """(number, sequence, detail) of the timelines of these imports or handlings, where there is a detail."""
    query = select(events.c.import_no, events.c.sequence, events.c.detail).where(
        events.c.import_no.in_(list(numbers)), events.c.detail.is_not(None)
    )
    return [(int(number), int(sequence), detail) for number, sequence, detail in connection.execute(query)]


def list_keys(connection: Connection, numbers: Sequence[int]) -> list[tuple[int, str, str]]:
    """(import number, client, key) of the Idempotency-Keys of these imports."""
    table = idempotency_keys
    query = select(table.c.import_no, table.c.client, table.c.key).where(table.c.import_no.in_(list(numbers)))
    return [(int(number), str(client), str(key)) for number, client, key in connection.execute(query)]


def list_templates(connection: Connection, dataset: str) -> list[tuple[str, Any]]:
    """(name, options) of every version of the dataset's templates."""
    query = select(templates.c.name, templates.c.options).where(templates.c.dataset == dataset)
    return [(str(name), options) for name, options in connection.execute(query)]


def note(connection: Connection, number: int, detail: Mapping[str, Any], **values: Any) -> None:
    """Record in an import's timeline what was erased of it, and set columns."""
    ledger.note(connection, number, EVENT, detail, **values)


def set_detail(connection: Connection, number: int, sequence: int, detail: Any) -> None:
    """Give a line of a timeline another detail."""
    line = events.c.import_no == number, events.c.sequence == sequence
    connection.execute(by_key(update(events), events).where(*line).values(detail=detail))


def delete_key(connection: Connection, client: str, key: str) -> None:
    """Forget an Idempotency-Key."""
    table = idempotency_keys
    connection.execute(delete(table).where(table.c.client == client, table.c.key == key))
