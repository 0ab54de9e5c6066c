"""Claims: which revert has which import. One at a time: a unique key holds (import, active).

A claim is made when the revert is accepted, or by its attempt for an import that depends on another one, and outlives
the attempts. It ends with the move that ends the revert without a commit. After a commit it stays, unless rows of the
import were left in the table: another revert may want those. A revert of the revert ends it, too.
"""

from collections.abc import Mapping
from typing import Any

from pymysql.constants import ER
from sqlalchemy import Connection, insert, null, select, update
from sqlalchemy.exc import IntegrityError

from app.db.imports import transitions
from app.db.ledger import NOW, by_key
from app.db.schema import imports, reverted_imports
from app.domain.imports import Import
from app.domain.requests.revert import Found, Kind
from app.domain.states import UNFINISHED, State


class ImportTaken(Exception):
    """Another revert has the import; the transaction must be abandoned."""


def take(connection: Connection, target: int, revert: int, revert_id: str, *, client: str, dry_run: bool) -> None:
    """Let a revert, for which this client asked, have an import; a dry run only names it. Raises `ImportTaken`."""
    values = {"import_no": target, "revert_no": revert, "revert_id": revert_id, "active": None if dry_run else 1}
    values["client"] = client or None
    try:
        connection.execute(insert(reverted_imports).values(**values))
    except IntegrityError as error:
        if error.orig is not None and error.orig.args[0] == ER.DUP_ENTRY:
            raise ImportTaken from error
        raise
    if not dry_run:
        transitions.ledger.note(connection, target, "revert_accepted", {"revert": revert_id})


def holds(connection: Connection, revert: int, epoch: int) -> bool:
    """Whether the attempt still has the revert; if it has, no stop comes before the end of this transaction."""
    mine = imports.c.number == revert, imports.c.epoch == epoch, imports.c.state == State.RUNNING
    locked = by_key(select(imports.c.number).where(*mine), imports).with_for_update()
    return connection.execute(locked).first() is not None


def list_targets(connection: Connection, revert: int) -> list[int]:
    """The numbers of what a revert takes back, in order."""
    query = select(reverted_imports.c.import_no).where(reverted_imports.c.revert_no == revert)
    return sorted(connection.scalars(query))


def find_holder(connection: Connection, target: int) -> tuple[str, State] | None:
    """The revert that has the import: its id and state; None where none has."""
    query = (
        select(imports.c.id, imports.c.state)
        .join(reverted_imports, reverted_imports.c.revert_no == imports.c.number)
        .where(reverted_imports.c.import_no == target, reverted_imports.c.active == 1)
    )
    row = connection.execute(query).first()
    return None if row is None else (str(row.id), State(row.state))


def record_counts(connection: Connection, revert: int, by_target: Mapping[int, Found], fingerprint: str) -> None:
    """Keep what a revert is about to do to each import, with its decision, or would do, with the end of its dry run."""
    _record(
        connection,
        revert,
        {
            target: {
                "rows_deleted": found.deleted,
                "rows_restored": found.restored,
                "rows_left": found.kept,
                "rows_missing": found.missing,
                "in_the_way": found.as_json(),
                "fingerprint": fingerprint,
            }
            for target, found in by_target.items()
        },
    )


def record_returned(connection: Connection, revert: int, target: int, returned: Mapping[int, int]) -> None:
    """Keep how many rows of each import a revert of a revert is about to bring back."""
    _record(connection, revert, {target: {"returned": {str(number): rows for number, rows in returned.items()}}})


def record_obstacles(connection: Connection, revert: int, by_target: Mapping[int, Found], fingerprint: str) -> None:
    """Keep what stands in the way of a revert that fails for it."""
    known = {"fingerprint": fingerprint}
    rows = {target: {"in_the_way": found.as_json(), **known} for target, found in by_target.items()}
    _record(connection, revert, rows)


def _record(connection: Connection, revert: int, values: Mapping[int, Mapping[str, Any]]) -> None:
    table = reverted_imports
    for target, columns in values.items():
        mine = table.c.import_no == target, table.c.revert_no == revert
        connection.execute(update(table).where(*mine).values(**columns))


def finish(connection: Connection, revert: Import) -> None:
    """Tell each import that its rows are gone, in the transaction that records the revert's commit."""
    table, asked = reverted_imports, revert.revert
    rows = connection.execute(select(table).where(table.c.revert_no == revert.number)).all()
    for row in rows:
        detail = {"revert": revert.id, "rows_deleted": row.rows_deleted, "rows_restored": row.rows_restored}
        detail |= {"rows_left": row.rows_left, "fingerprint": row.fingerprint}
        if asked is not None and asked.reason:
            detail["reason"] = asked.reason
        values = {}
        if asked is None or not asked.of_revert:
            # what another program had deleted is not in the table either
            values["rows_deleted"] = imports.c.rows_deleted + (row.rows_deleted or 0) + (row.rows_missing or 0)
        transitions.ledger.note(connection, row.import_no, "reverted", detail, **values)
        mine = table.c.import_no == row.import_no, table.c.revert_no == revert.number
        is_whole = not row.rows_left and (asked is None or asked.rows is None)
        connection.execute(
            update(table).where(*mine).values(reverted_at=NOW, **({} if is_whole else {"active": null()}))
        )
        if row.returned is not None:
            _free(connection, row.import_no, revert, row.returned)


def _free(connection: Connection, reverted: int, revert: Import, returned: Mapping[str, int]) -> None:
    """Tell the imports of a revert that was itself reverted that their rows are there again."""
    table = reverted_imports
    for number in list_targets(connection, reverted):
        rows = returned.get(str(number), 0)
        detail = {"revert": revert.id, "rows": rows}
        transitions.ledger.note(connection, number, "returned", detail, rows_deleted=imports.c.rows_deleted - rows)
        # a later revert may have it, too, which left these rows since they were gone; one that is under way keeps it
        over = table.c.import_no == number, table.c.active == 1, table.c.reverted_at.is_not(None)
        connection.execute(update(table).where(*over).values(active=null()))


def release(connection: Connection, revert: int, state: State) -> None:
    """Give the imports back, in the transaction that records that the revert ended in this state, without a commit."""
    table = reverted_imports
    held = table.c.revert_no == revert, table.c.active == 1
    # a locking read: an attempt may have claimed more since this transaction began
    for row in connection.execute(select(table.c.import_no, table.c.revert_id).where(*held).with_for_update()).all():
        transitions.ledger.note(connection, row.import_no, "revert_ended", {"revert": row.revert_id, "state": state})
    connection.execute(update(table).where(*held).values(active=None))


def list_reverts(connection: Connection, dataset: str) -> list[int]:
    """The numbers of a dataset's reverts that have committed."""
    of_dataset = imports.c.dataset == dataset, imports.c.kind == Kind.REVERT, imports.c.state == State.COMMITTED
    return list(connection.scalars(select(imports.c.number).where(*of_dataset)))


def is_reverting(connection: Connection, dataset: str) -> bool:
    """Whether a revert has rows of the dataset locked, or may have them."""
    of_dataset = imports.c.dataset == dataset, imports.c.kind == Kind.REVERT, imports.c.state.in_(list(UNFINISHED))
    return connection.execute(select(imports.c.number).where(*of_dataset).limit(1)).first() is not None
