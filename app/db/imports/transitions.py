"""Transitions: the ledger of imports, and what only its moves do (see `app.db.ledger`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import pymysql
from pymysql.constants import ER
from sqlalchemy import Connection, Integer, Select, and_, bindparam, case, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from app.db import schema
from app.db.imports.pauses import HELD
from app.db.ledger import NOW, Ledger, LedgerStates, by_key, seconds_from_now
from app.db.schema import datasets, imports, installation
from app.domain.imports import Tally
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, LEASED, NEVER_COMMIT, UNDOING, State, require_legal

__all__ = ["NOW", "seconds_from_now"]  # the ledger's clock, for statements outside of a move

WHOLE_SOURCE: ColumnElement[Any] = func.coalesce(imports.c.bytes_total, 0)  # of a file that has been read to its end
ARRIVED: ColumnElement[bool] = imports.c.upload_lease_until.is_(None)  # no part of its file is still to come

_BEING_CLEARED = exists().where(datasets.c.name == imports.c.dataset, datasets.c.delete_lease_until > NOW)
IS_REVERT = imports.c.kind == Kind.REVERT
# the client of an inline one waits for the answer; a pause holds no revert
_NOT_PAUSED = or_(imports.c.inline.is_(True), IS_REVERT, ~HELD)
# A revert has it as `not_before`, which this version does not look at: to a worker of the version before, which would
# take it for an import without a file, it is never due.
NOT_BY_OLD_WORKERS = datetime(9999, 12, 31)
_MAY_RUN = and_(~_BEING_CLEARED, _NOT_PAUSED, ~exists().where(installation.c.frozen_at.is_not(None)))

SMALL_BYTES = 1024 * 1024  # what is loaded within a blink, and may go before what is not
PACKED = 10  # what a byte of a compressed file stands for, at most and mostly
GENERATED_BYTES = 200  # of a generated row, about


PHASES = {
    State.QUEUED: "waiting",
    State.RUNNING: "preparing",
    State.COMMITTING: "committing",
    State.COMMITTED: "committed",
    **dict.fromkeys(UNDOING, "undoing"),
    **dict.fromkeys(UNDOING.values(), "undone"),
}


class ImportLedger(Ledger[State]):
    """What a move of an import sets besides: its phase, when it was decided and when it ended, and its dedup key."""

    def values_for(self, target: State) -> dict[str, Any]:
        """What it sets for a stop, `stops` sets, too."""
        values: dict[str, Any] = {"phase": PHASES[target]}
        if target in DECIDED:
            values["decided_at"] = NOW
        if target in FINAL:
            values["finished_at"] = NOW
        if target in FINAL or target in NEVER_COMMIT:
            values["dedup_key"] = None  # the same content may be sent again
        return values

    def claim(self, connection: Connection, number: int, *, worker: str, lease_seconds: float, **values: Any) -> bool:
        """`Ledger.claim` for so many `branches`: not while the dataset is being cleared, nor while it is paused or
        sweeping is frozen."""
        started = {"attempt_started_at": NOW, "attempt_rows": 0, "attempt_bytes": 0}
        return super().claim(connection, number, worker=worker, lease_seconds=lease_seconds, **started, **values)

    def note(self, connection: Connection, number: int, kind: str, detail: Mapping[str, Any], **values: Any) -> None:
        """`Ledger.note`. What was counted before a deletion through us says nothing of the rows after it."""
        if "rows_deleted" in values:
            values = {"rows_counted": None, "rows_counted_at": None, **values}
        super().note(connection, number, kind, detail, **values)


DECIDED = frozenset({State.COMMITTING, *UNDOING})
ledger = ImportLedger(
    imports, LedgerStates(State.QUEUED, State.RUNNING, State.FAILING, LEASED, require_legal), _MAY_RUN
)


def installation_id(connection: Connection) -> str:
    """The random id that marks this installation's branches."""
    return str(connection.execute(select(schema.installation.c.id)).scalar_one())


class DuplicateInFlight(Exception):
    """An import under the same dedup key has not ended; the transaction must be abandoned."""


@contextmanager
def find_by_dedup_key() -> Iterator[None]:
    """Around a statement that writes a dedup key. Raises `DuplicateInFlight`."""
    try:
        yield
    except IntegrityError as error:
        if error.orig is not None and error.orig.args[0] == ER.DUP_ENTRY:
            raise DuplicateInFlight from error
        raise


def insert_import(connection: Connection, values: Mapping[str, Any]) -> int:
    """Record an accepted import as `queued`, now unless `created_at` says when; returns its number. Raises
    `DuplicateInFlight`."""
    row = {"created_at": NOW, **NEW, **values}
    reckoned = {name: value for name, value in row.items() if isinstance(value, ColumnElement)}  # by the server
    given = {name: value for name, value in row.items() if name not in reckoned}
    with find_by_dedup_key():
        result = connection.execute(_INSERT.values(**reckoned) if reckoned else _INSERT, given)
    number = int(result.inserted_primary_key[0])  # type: ignore[index]
    ledger.add_event(connection, number, State.QUEUED)
    return number


_INSERT = insert(imports)  # what is given is a parameter: made once for each set of columns
NEW: Mapping[str, Any] = {"state": State.QUEUED, "phase": "waiting"}


def insert_again(connection: Connection, number: int, values: Mapping[str, Any]) -> int:
    """Record, as `queued`, an import of what another one was to load, with its options but no dry run; returns its
    number. `values` replace what is copied."""
    row = connection.execute(select(imports).where(imports.c.number == number)).mappings().one()
    copied = {name: row[name] for name in ("dataset", "priority", *_SOURCE) if row[name] is not None}
    copied |= {"rows_total": row["generate_rows"]}
    options = {name: value for name, value in (row["options"] or {}).items() if name != "dry_run"}
    return insert_import(connection, {**copied, "options": options or None, "retry_of": row["id"], **values})


# what an import loads and how it is read; `rows_total` of a file is known when it has been read
_SOURCE = ("file_name", "format", "compression", "file_format", "bytes_total", "generate_rows", "seed")


def note_deleted(connection: Connection, number: int, rows: int) -> None:
    """Record in an import's history that so many of its rows were deleted, which are all that there were: the state
    stays what it is."""
    none_left = {"rows_counted": 0, "rows_counted_at": NOW}
    deleted = imports.c.rows_deleted + rows
    ledger.note(connection, number, "rows_deleted", {"rows": rows}, rows_deleted=deleted, **none_left)


def note_erased(connection: Connection, number: int, rows: int) -> None:
    """Record in an import's history that so many of its rows were erased; nothing happens where it is forgotten."""
    deleted = imports.c.rows_deleted + rows
    ledger.note(connection, number, "rows_deleted", {"rows": rows, "erased": True}, rows_deleted=deleted)


def list_due(connection: Connection, limit: int, *, only_small: bool = False) -> list[int]:
    """Numbers of imports that a worker may claim now: by priority; then those whose client has the fewest running, so
    that clients take turns; then by age."""
    return list(connection.scalars(_due(only_small), {"limit": limit}))


@cache  # making the statement takes longer than the server needs for it
def _due(only_small: bool) -> Select[Any]:
    taken = (
        select(imports.c.client, func.count().label("running"))
        .where(imports.c.state.in_(LEASED))
        .group_by(imports.c.client)
        .subquery()
    )
    due = (
        select(imports.c.number)
        .outerjoin(taken, taken.c.client == imports.c.client)
        .where(
            or_(ledger.due(), and_(imports.c.state == State.QUEUED, IS_REVERT)),
            imports.c.inline.is_(False),
            ~_BEING_CLEARED,
            _NOT_PAUSED,
        )
        .order_by(imports.c.priority.desc(), func.coalesce(taken.c.running, 0), imports.c.number)
        .limit(bindparam("limit", type_=Integer))
    )
    return due.where(_is_small()) if only_small else due


def _is_small() -> ColumnElement[bool]:
    # an upload that is still arriving has no size, nor is it known how long it takes
    packed = case((imports.c.compression == "none", 1), else_=PACKED)
    size = func.coalesce(imports.c.bytes_total * packed, imports.c.generate_rows * GENERATED_BYTES)
    return and_(size <= SMALL_BYTES, ARRIVED)


def list_deserted(connection: Connection, seconds: float) -> list[int]:
    """Numbers of inline imports that no process claimed: the web process that was to load them at once has died."""
    query = select(imports.c.number).where(
        imports.c.state == State.QUEUED, imports.c.inline.is_(True), imports.c.created_at <= seconds_from_now(-seconds)
    )
    return list(connection.scalars(query))


def holds_still(connection: "pymysql.Connection[Any]", number: int, epoch: int) -> bool:
    """`holds`, asked on the connection of a branch that has not begun yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM imports WHERE number = %s AND epoch = %s AND state = %s", (number, epoch, str(State.RUNNING))
        )
        return cursor.fetchone() is not None


def record_progress(
    connection: Connection, number: int, epoch: int, *, phase: str, tally: Tally, source_bytes: int
) -> bool:
    """Write how far this attempt has come, in rows and source bytes; False when it is no longer ours.

    What is shown is the high-water mark, so that progress never goes back when an import is taken up again.
    """
    written = connection.execute(
        by_key(update(imports), imports)
        .where(imports.c.number == number, imports.c.epoch == epoch, imports.c.state == State.RUNNING)
        .values(
            phase=phase,
            attempt_rows=tally.accepted,
            attempt_bytes=source_bytes,
            rows_done=func.greatest(imports.c.rows_done, tally.inserted),
            rows_updated=func.greatest(imports.c.rows_updated, tally.updated),
            rows_skipped=func.greatest(imports.c.rows_skipped, tally.skipped),
            bytes_done=func.greatest(imports.c.bytes_done, source_bytes),
            sequence=imports.c.sequence + 1,
        )
    )
    return written.rowcount == 1
