"""What the ledger knows, for those who watch: reading only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Row, and_, bindparam, case, func, select, text

from app.db import pages
from app.db.imports import transitions
from app.db.imports.transitions import NOW
from app.db.schema import events, imports, reverted_imports
from app.domain.caller import ANYWHERE, Reach
from app.domain.feed_cursor import RowVersion
from app.domain.file_format import FileFormat, file_format_from_json
from app.domain.imports import Import, Source
from app.domain.requests.policy import policy_from_json
from app.domain.requests.revert import Kind, revert_from_json
from app.domain.states import UNDOING, State


@dataclass(frozen=True)
class Event:
    """One line of an import's timeline."""

    sequence: int
    at: datetime
    kind: str
    detail: dict[str, Any] | None
    client: str | None = None  # whose doing it is; None for what Backout does itself


_COLUMNS: list[ColumnElement[Any]] = [
    *imports.c,
    case((imports.c.lease_until > NOW, 1), else_=0).label("lease_live"),
    NOW.label("read_at"),
]

# the one revert that has it, if it is over; one that left rows has let go of it
_REVERTED = imports.outerjoin(
    reverted_imports,
    and_(
        reverted_imports.c.import_no == imports.c.number,
        reverted_imports.c.active == 1,
        reverted_imports.c.reverted_at.is_not(None),
    ),
)
_COLUMNS += [
    reverted_imports.c.revert_id,
    reverted_imports.c.reverted_at,
    reverted_imports.c.client.label("reverted_by_client"),
]
_IMPORTS = select(*_COLUMNS).select_from(_REVERTED)
_CALLED = _IMPORTS.where(imports.c.id == bindparam("wanted"))
_NUMBERED = _IMPORTS.where(imports.c.number == bindparam("wanted", type_=Integer))


def find_import(connection: Connection, id: str) -> Import | None:
    """The import with this id, or None."""
    return _first(connection.execute(_CALLED, {"wanted": id}).first())


def find_numbered(connection: Connection, number: int) -> Import | None:
    """The import with this number, or None."""
    return _first(connection.execute(_NUMBERED, {"wanted": number}).first())


def recorded(number: int, values: Mapping[str, Any], at: datetime) -> Import:
    """What `find_numbered` would find of an import that was recorded with these values at this instant."""
    return _import(SimpleNamespace(**{**_BLANK, **transitions.NEW, **values, "number": number, "read_at": at}))


# what has a default begins at 0, but for these
_BLANK: dict[str, Any] = {column.name: None if column.server_default is None else 0 for column in imports.c}
_BLANK |= {
    "branches": 1,
    "sequence": 1,
    "lease_live": 0,
    "revert_id": None,
    "reverted_at": None,
    "reverted_by_client": None,
}


def find_by_dedup_key(connection: Connection, key: str) -> Import | None:
    """The import under this key that has not ended, or None."""
    return _first(connection.execute(_IMPORTS.where(imports.c.dedup_key == key)).first())


def list_imports(
    connection: Connection,
    *,
    states: Iterable[State] = (),
    dataset: str | None = None,
    client: str | None = None,
    before: int | None = None,
    limit: int = 50,
    reach: Reach = ANYWHERE,
) -> list[Import]:
    """Imports within a caller's reach, of one client if it is named, newest first; `before` is the number that the page
    before ended with."""
    wanted: pages.Wanted = {
        "state": {str(state) for state in states} or None,
        "dataset": pages.both(None if dataset is None else [dataset], reach.datasets),
        "client": pages.both(None if client is None else [client], None if reach.client is None else [reach.client]),
    }
    page = pages.select_page(imports, INDEXES, wanted, {"state": list(State)}, before=before, limit=limit)
    listed = page.join(_REVERTED, imports.c.number == page.c.number)
    query = select(*_COLUMNS).select_from(listed).order_by(imports.c.number.desc())
    return [_import(row) for row in connection.execute(query)]


# which index has the page of each set of filters
INDEXES = {
    frozenset[str](): "PRIMARY",
    frozenset({"state"}): "imports_of_state",
    frozenset({"dataset"}): "imports_of_dataset",
    frozenset({"client"}): "imports_of_client",
    frozenset({"dataset", "state"}): "imports_of_dataset_state",
    frozenset({"client", "state"}): "imports_of_client_state",
    frozenset({"client", "dataset", "state"}): "imports_of_client_dataset",
}


def list_last_row_counts(connection: Connection, dataset: str, before: int, limit: int) -> list[int]:
    """How many rows each of the dataset's last committed imports had, the newest first; `before` is a number."""
    of_dataset = and_(imports.c.dataset == dataset, imports.c.number < before, imports.c.state == State.COMMITTED)
    query = (
        select(imports.c.rows_total)
        .where(of_dataset, imports.c.kind == Kind.IMPORT)
        .order_by(imports.c.number.desc())
        .limit(limit)
    )
    return [int(rows) for rows in connection.scalars(query)]


def list_in_state(connection: Connection, states: Iterable[State]) -> list[Import]:
    """Every import in one of these states, oldest first."""
    query = _IMPORTS.where(imports.c.state.in_(list(states))).order_by(imports.c.number)
    return [_import(row) for row in connection.execute(query)]


def list_numbers_in_state(connection: Connection, states: Iterable[State]) -> list[int]:
    """Numbers of the imports in one of these states, oldest first."""
    query = select(imports.c.number).where(imports.c.state.in_(list(states))).order_by(imports.c.number)
    return list(connection.scalars(query))


def is_any_in_state(connection: Connection, states: Iterable[State]) -> bool:
    """Whether any import is in one of these states."""
    query = select(imports.c.number).where(imports.c.state.in_(list(states))).limit(1)
    return connection.execute(query).first() is not None


def list_undoing(connection: Connection, seconds: float) -> list[int]:
    """Numbers of imports that are being undone since at most so many seconds, oldest first."""
    return list(connection.scalars(_UNDOING, {"since": -int(seconds * 1_000_000)}))


_UNDOING = (
    select(imports.c.number)
    .where(
        imports.c.state.in_([str(state) for state in UNDOING]),
        imports.c.decided_at > func.timestampadd(text("MICROSECOND"), bindparam("since", type_=Integer), NOW),
    )
    .order_by(imports.c.number)
)


def count_queued(connection: Connection) -> int:
    """How many imports wait for a worker."""
    return int(connection.execute(_QUEUED).scalar_one())


_QUEUED = select(func.count()).where(imports.c.state == State.QUEUED, imports.c.inline.is_(False))


_LINE = (events.c.sequence, events.c.at, events.c.kind, events.c.detail, events.c.client)


def list_events(connection: Connection, number: int) -> list[Event]:
    """The import's timeline, in order."""
    query = select(*_LINE).where(events.c.import_no == number).order_by(events.c.sequence)
    return [Event(*row) for row in connection.execute(query)]


def list_changed(connection: Connection, since: datetime) -> list[RowVersion]:
    """Imports that changed after an instant of the database's clock, or whose lease was renewed."""
    query = select(imports.c.number, imports.c.sequence, imports.c.updated_at).where(imports.c.updated_at > since)
    return [RowVersion(*row) for row in connection.execute(query)]


def list_numbered(connection: Connection, numbers: Iterable[int]) -> list[Import]:
    """The imports with these numbers, oldest first."""
    query = _IMPORTS.where(imports.c.number.in_(list(numbers))).order_by(imports.c.number)
    return [_import(row) for row in connection.execute(query)]


def list_timelines(connection: Connection, numbers: Iterable[int]) -> dict[int, list[Event]]:
    """The timelines of these imports, by number."""
    found: dict[int, list[Event]] = {number: [] for number in numbers}
    lines = select(events.c.import_no, *_LINE)
    query = lines.where(events.c.import_no.in_(list(found))).order_by(events.c.import_no, events.c.sequence)
    for number, *line in connection.execute(query):
        found[number].append(Event(*line))
    return found


def read_clock(connection: Connection) -> datetime:
    """Now, by the database's clock."""
    now: datetime = connection.execute(select(NOW)).scalar_one()
    return now


def _first(row: Row[Any] | None) -> Import | None:
    return None if row is None else _import(row)


def _file_format(row: Row[Any] | SimpleNamespace) -> FileFormat | None:
    if row.format is None:
        return None
    # an import that was queued before there was a reading
    return file_format_from_json(row.file_format or {"format": row.format, "compression": row.compression or "none"})


def _import(row: Row[Any] | SimpleNamespace) -> Import:
    return Import(
        number=row.number,
        id=row.id,
        dataset=row.dataset,
        source=Source(
            file_name=row.file_name,
            file_format=_file_format(row),
            spool_name=row.spool_name,
            bytes_total=row.bytes_total,
            generate=row.generate_rows,
            seed=row.seed,
            **_origin(row.options),
        ),
        state=State(row.state),
        epoch=row.epoch,
        attempts=row.attempts,
        branches=row.branches,
        inline=bool(row.inline),
        lease_live=bool(row.lease_live),
        phase=row.phase,
        rows_total=row.rows_total,
        rows_done=row.rows_done,
        bytes_done=row.bytes_done,
        attempt_rows=row.attempt_rows,
        attempt_bytes=row.attempt_bytes,
        rows_deleted=row.rows_deleted,
        rows_rejected=row.rows_rejected,
        rows_blank=row.rows_blank,
        rows_updated=row.rows_updated,
        rows_skipped=row.rows_skipped,
        policy=policy_from_json(row.options),
        sequence=row.sequence,
        error=row.error,
        worker=row.worker,
        created_at=row.created_at,
        started_at=row.started_at,
        attempt_started_at=row.attempt_started_at,
        decided_at=row.decided_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
        retry_of=row.retry_of,
        read_at=row.read_at,
        priority=row.priority,
        arriving=row.upload_lease_until is not None,
        kind=Kind(row.kind or Kind.IMPORT),
        revert=revert_from_json((row.options or {}).get("revert")),
        reverted_by=row.revert_id,
        reverted_at=row.reverted_at,
        reverted_by_client=row.reverted_by_client,
        revertible_until=row.revertible_until,
        client=row.client or "",
        stopped_by=row.stopped_by,
        paused_by=row.paused_by,
        rows_counted=row.rows_counted,
        rows_counted_at=row.rows_counted_at,
    )


def _origin(options: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = options or {}
    return {"given": kept.get("given", {}), "header": kept.get("header"), "template": kept.get("template")}
