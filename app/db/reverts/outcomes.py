"""Outcomes: what a revert did, or would do, to each of its imports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from app.db.schema import imports, reverted_imports
from app.domain.requests.revert import ERASED, Kind
from app.domain.states import State

MAX_SKIPS = 20  # that a list names
LOOKED_AT = 10_000  # numbers after the import's: the price of the list does not grow with the history


@dataclass(frozen=True)
class Outcome:
    """What a revert did, or a dry run of one would do, to an import. The counts are None before its decision;
    `rows_erased` stay as they are, since their old values were erased; `in_the_way` has the rows that stood in its way,
    by class."""

    import_id: str
    revert_id: str
    state: State
    dry_run: bool
    rows_deleted: int | None
    rows_restored: int | None
    rows_left: int | None
    rows_erased: int | None
    in_the_way: Mapping[str, int]
    reason: str | None
    fingerprint: str | None
    created_at: datetime
    finished_at: datetime | None
    reverted: bool  # whether it was reverted itself
    created_by: str | None


@dataclass(frozen=True)
class LaterSkip:
    """A later import that skipped rows whose key was in the table: no one loads them again."""

    id: str
    rows_skipped: int


def list_of_import(connection: Connection, target: int) -> list[Outcome]:
    """What the reverts of an import came to, the latest first."""
    return _list(connection, reverted_imports.c.import_no == target)


def list_of_revert(connection: Connection, revert: int) -> list[Outcome]:
    """What a revert came to for each of its imports, the newest first."""
    return _list(connection, reverted_imports.c.revert_no == revert)


def _list(connection: Connection, condition: ColumnElement[bool]) -> list[Outcome]:
    table, target, again = reverted_imports, imports.alias("target"), reverted_imports.alias("again")
    query = (
        select(
            table,
            target.c.id.label("import_id"),
            imports.c.state,
            imports.c.options,
            imports.c.created_at,
            imports.c.finished_at,
            again.c.reverted_at.label("again_at"),
        )
        .join(imports, imports.c.number == table.c.revert_no)
        .join(target, target.c.number == table.c.import_no)
        .outerjoin(again, (again.c.import_no == table.c.revert_no) & (again.c.active == 1))
        .where(condition)
        .order_by(table.c.revert_no.desc(), table.c.import_no.desc())
    )
    found = []
    for row in connection.execute(query):
        options = row.options or {}
        found.append(
            Outcome(
                import_id=row.import_id,
                revert_id=row.revert_id,
                state=State(row.state),
                dry_run=bool(options.get("dry_run")),
                rows_deleted=row.rows_deleted,
                rows_restored=row.rows_restored,
                rows_left=row.rows_left,
                rows_erased=None if row.rows_deleted is None else int((row.in_the_way or {}).get(ERASED, 0)),
                in_the_way={kind: rows for kind, rows in (row.in_the_way or {}).items() if kind != ERASED},
                reason=(options.get("revert") or {}).get("reason"),
                fingerprint=row.fingerprint,
                created_at=row.created_at,
                finished_at=row.finished_at,
                reverted=row.again_at is not None,
                created_by=row.client,
            )
        )
    return found


def list_later_skips(connection: Connection, dataset: str, number: int) -> list[LaterSkip]:
    """The next imports into the dataset that have skipped rows: some perhaps because of the import of this number."""
    query = (
        select(imports.c.id, imports.c.rows_skipped)
        .where(
            imports.c.dataset == dataset,
            imports.c.number.between(number + 1, number + LOOKED_AT),
            imports.c.kind == Kind.IMPORT,
            imports.c.state == State.COMMITTED,
            imports.c.rows_skipped > 0,
        )
        .order_by(imports.c.number)
        .limit(MAX_SKIPS)
    )
    return [LaterSkip(str(row.id), int(row.rows_skipped)) for row in connection.execute(query)]
