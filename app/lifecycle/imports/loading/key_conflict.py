"""Conflicts: which row of ours met which row of whom, said in words instead of a lock timeout."""

from collections.abc import Callable
from typing import Any

from app.db import xa
from app.db.database import Database
from app.db.datasets import rows, upserts
from app.db.imports import queries
from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.requests.policy import OnConflict
from app.domain.states import FINAL
from app.formats.batch import Batch

DUPLICATE = 1062  # the server's code
MAX_ROWS = 2**32  # of an import: what a row's number has room for


def explain_conflict(
    database: Database, dataset: Dataset, branch: xa.Branch, batch: Batch, on_conflict: OnConflict, error: Exception
) -> ImportFailed | None:
    """Why the server did not take a batch, if rows are the reason; None when it is something else.

    The branch is asked once more, which is allowed after these errors; it must be abandoned all the same.
    """
    if isinstance(error, rows.RowsDiffer):
        return _explain_difference(database, dataset, branch, batch, error)
    if rows.is_lock_conflict(error):
        return _explain_wait(database, dataset, branch, batch, on_conflict) if dataset.key else None
    return None


def _explain_difference(
    database: Database, dataset: Dataset, branch: xa.Branch, batch: Batch, error: rows.RowsDiffer
) -> ImportFailed:
    if dataset.adopted:
        return _explain_adopted(database, dataset, batch, error)
    number = branch.xid.number
    missing = upserts.list_missing(branch.connection, dataset, number, batch.row_numbers)
    if not missing or error.warned > len(missing) or set(error.codes) - {DUPLICATE}:
        return ImportFailed("value_adjusted", f"the server would have changed a value: {'; '.join(error.warnings[:3])}")
    skipped = missing[0]
    key = batch.keys[batch.position_of(skipped) or 0]
    with database.uncommitted() as connection:
        holder = rows.find_key_holder(connection, dataset, [key])
        other = None if holder is None else queries.find_numbered(connection, holder[1])
    reason = f"{_name(dataset, key)} is a duplicate"
    if holder is not None and holder[1] == number:
        line = batch.line_of(holder[2]) if holder[2] <= skipped else None
        reason += f": it stands in this file twice, first in {f'line {line}' if line else f'row {holder[2]}'}"
    elif holder is not None:
        reason += f": it was loaded before, as row {holder[2]} of import {other.id if other else holder[1]}"
    named = other.id if other is not None and other.number != number else None
    return _failure("duplicate_key", reason, dataset, batch, skipped, key, named)


def _explain_adopted(database: Database, dataset: Dataset, batch: Batch, error: rows.RowsDiffer) -> ImportFailed:
    """The same of a table whose rows have no numbers: what was there before is what others see of it."""
    said = "; ".join(error.warnings[:3])
    if set(error.codes) != {DUPLICATE}:
        return ImportFailed("value_adjusted", f"the server would have changed or left out a row: {said}")
    if not dataset.key:
        return ImportFailed("duplicate_key", f"a row is a duplicate: {said}")
    with database.begin() as connection:
        holder = rows.find_key_holder(connection, dataset, batch.keys)
    if holder is not None:
        at, reason = holder[0], "it is in the table already"
    elif (twice := _find_twice(batch, _folded)) is not None:
        at, reason = twice[1], f"it stands in this file twice, first in row {batch.row_at(twice[0])}"
    else:
        return ImportFailed("duplicate_key", f"a row is a duplicate of an earlier one: {said}")
    key = batch.keys[at]
    told = f"{_name(dataset, key)} is a duplicate: {reason}"
    return _failure("duplicate_key", told, dataset, batch, batch.row_at(at), key, None)


def _find_twice(batch: Batch, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> tuple[int, int] | None:
    """Where in the batch a key stands first, and where again; the same is what is changed into the same."""
    seen: dict[tuple[str, ...], int] = {}
    for at, key in enumerate(batch.keys):
        if (first := seen.setdefault(change(key), at)) != at:
            return first, at
    return None


def _explain_wait(
    database: Database, dataset: Dataset, branch: xa.Branch, batch: Batch, on_conflict: OnConflict
) -> ImportFailed | None:
    number = branch.xid.number
    unique = on_conflict is OnConflict.FAIL  # else a key may stand in the file twice, and its rows are in one branch
    if unique and not dataset.adopted and (twice := _find_twice(batch, _padded)) is not None:
        # where a key is there already, the server also locks the next one, which may be another branch's: it has waited
        # for that before it could say so
        first, again = (batch.row_at(position) for position in twice)
        key = batch.keys[twice[1]]
        reason = f"{_name(dataset, key)} is a duplicate: it stands in this file twice, first in row {first}"
        return _failure("duplicate_key", reason, dataset, batch, again, key, None)
    ours = (number, batch.first_row, batch.last_row) if unique else (number, 0, MAX_ROWS)
    with database.uncommitted() as connection:
        holder = rows.find_key_holder(connection, dataset, batch.keys, not_by=ours)
        other = None if holder is None else queries.find_numbered(connection, holder[1])
    if (
        holder is None
        or dataset.adopted
        or (other is None and holder[1] != number)
        or (other is not None and other.state in FINAL)
    ):
        return None  # another program's lock, or one that may be gone when the import is tried again
    row, key = batch.row_at(holder[0]), batch.keys[holder[0]]
    if other is not None and other.number != number:
        reason = (
            f"{_name(dataset, key)} is also in import {other.id}, which is {other.state}; waited"
            f" {database.lock_wait_seconds} s for it to end: send this file again when it has"
        )
        return _failure("key_in_use", reason, dataset, batch, row, key, other.id)
    reason = f"{_name(dataset, key)} is a duplicate: it stands in this file twice, also in row {holder[2]}"
    return _failure("duplicate_key", reason, dataset, batch, row, key, None)


def _failure(
    code: str, reason: str, dataset: Dataset, batch: Batch, row: int, key: tuple[str, ...], other: str | None
) -> ImportFailed:
    return ImportFailed(
        code,
        reason,
        line=batch.line_of(row),
        row=row,
        column=dataset.key[-1],
        value=key[-1],
        other_import=other,
    )


def _padded(key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.rstrip(" ") for part in key)


def _folded(key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in _padded(key))


def _name(dataset: Dataset, key: tuple[Any, ...]) -> str:
    named = [f"{column.replace('_', ' ')} {value}" for column, value in zip(dataset.key, key, strict=True)]
    return ", ".join(reversed(named))
