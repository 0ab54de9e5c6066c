"""Claims: which revert has which import. One at a time: a unique key holds (import, active).

A claim is made when the revert is accepted, and outlives its attempts. It ends with the move that ends the revert
without a commit. After a commit it stays, unless rows of the import were left in the table: another revert may want
those.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pymysql.constants import ER
from sqlalchemy import Connection, insert, null, select, update
from sqlalchemy.exc import IntegrityError

from app.db.imports import transitions
from app.db.ledger import NOW
from app.db.schema import imports, reverted_imports
from app.domain.imports import Import
from app.domain.requests.revert import Found, Kind
from app.domain.states import UNFINISHED, State


class ImportTaken(Exception):
    """Another revert has the import; the transaction must be abandoned."""


@dataclass(frozen=True)
class Outcome:
    """What a revert did, or a dry run of one would do, to an import. The counts are None before its decision;
    `in_the_way` has the rows that stood in its way, by class."""

    revert_id: str
    state: State
    dry_run: bool
    rows_deleted: int | None
    rows_restored: int | None
    rows_left: int | None
    in_the_way: Mapping[str, int]
    reason: str | None
    created_at: datetime
    finished_at: datetime | None


def take(connection: Connection, target: int, revert: int, revert_id: str, *, dry_run: bool) -> None:
    """Let a revert have an import; a dry run only names it. Raises `ImportTaken`."""
    values = {"import_no": target, "revert_no": revert, "revert_id": revert_id, "active": None if dry_run else 1}
    try:
        connection.execute(insert(reverted_imports).values(**values))
    except IntegrityError as error:
        if error.orig is not None and error.orig.args[0] == ER.DUP_ENTRY:
            raise ImportTaken from error
        raise


def find_holder(connection: Connection, target: int) -> tuple[str, State] | None:
    """The revert that has the import: its id and state; None where none has."""
    query = (
        select(imports.c.id, imports.c.state)
        .join(reverted_imports, reverted_imports.c.revert_no == imports.c.number)
        .where(reverted_imports.c.import_no == target, reverted_imports.c.active == 1)
    )
    row = connection.execute(query).first()
    return None if row is None else (str(row.id), State(row.state))


def record_counts(connection: Connection, revert: int, found: Found) -> None:
    """Keep what a revert is about to do, with its decision, or would do, with the end of its dry run."""
    counts = {"rows_deleted": found.deleted, "rows_restored": found.restored, "rows_left": found.kept}
    values = {**counts, "rows_missing": found.missing, "in_the_way": found.as_json()}
    connection.execute(update(reverted_imports).where(reverted_imports.c.revert_no == revert).values(**values))


def record_obstacles(connection: Connection, revert: int, found: Found) -> None:
    """Keep what stands in the way of a revert that fails for it."""
    mine = reverted_imports.c.revert_no == revert
    connection.execute(update(reverted_imports).where(mine).values(in_the_way=found.as_json()))


def finish(connection: Connection, revert: Import) -> None:
    """Tell the import that its rows are gone, in the transaction that records the revert's commit."""
    table = reverted_imports
    rows = connection.execute(select(table).where(table.c.revert_no == revert.number)).all()
    for row in rows:
        detail = {"revert": revert.id, "rows_deleted": row.rows_deleted, "rows_restored": row.rows_restored}
        detail |= {"rows_left": row.rows_left}
        if revert.revert is not None and revert.revert.reason:
            detail["reason"] = revert.revert.reason
        # what another program had deleted is not in the table either
        deleted = imports.c.rows_deleted + (row.rows_deleted or 0) + (row.rows_missing or 0)
        transitions.ledger.note(connection, row.import_no, "reverted", detail, rows_deleted=deleted)
        mine = table.c.import_no == row.import_no, table.c.revert_no == revert.number
        kept = {"active": null()} if row.rows_left else {}
        connection.execute(update(table).where(*mine).values(reverted_at=NOW, **kept))


def release(connection: Connection, revert: int, state: State) -> None:
    """Give the import back, in the transaction that records that the revert ended in this state, without a commit."""
    table = reverted_imports
    held = table.c.revert_no == revert, table.c.active == 1
    for row in connection.execute(select(table.c.import_no, table.c.revert_id).where(*held)).all():
        transitions.ledger.note(connection, row.import_no, "revert_ended", {"revert": row.revert_id, "state": state})
    connection.execute(update(table).where(*held).values(active=None))


def list_outcomes(connection: Connection, target: int) -> list[Outcome]:
    """What reverts of an import came to, the latest first."""
    table = reverted_imports
    query = (
        select(
            table.c.revert_id,
            imports.c.state,
            imports.c.options,
            table.c.rows_deleted,
            table.c.rows_restored,
            table.c.rows_left,
            table.c.in_the_way,
            imports.c.created_at,
            imports.c.finished_at,
        )
        .join(imports, imports.c.number == table.c.revert_no)
        .where(table.c.import_no == target)
        .order_by(table.c.revert_no.desc())
    )
    return [
        Outcome(
            row.revert_id,
            State(row.state),
            bool((row.options or {}).get("dry_run")),
            row.rows_deleted,
            row.rows_restored,
            row.rows_left,
            row.in_the_way or {},
            ((row.options or {}).get("revert") or {}).get("reason"),
            row.created_at,
            row.finished_at,
        )
        for row in connection.execute(query)
    ]


def is_reverting(connection: Connection, dataset: str) -> bool:
    """Whether a revert has rows of the dataset locked, or may have them."""
    of_dataset = imports.c.dataset == dataset, imports.c.kind == Kind.REVERT, imports.c.state.in_(list(UNFINISHED))
    return connection.execute(select(imports.c.number).where(*of_dataset).limit(1)).first() is not None
