"""The imported rows: bulk load inside a branch, conflicts, counting, reading and deleting."""

from collections.abc import Callable, Sequence
from typing import Any

import pymysql
from sqlalchemy import ColumnElement, Connection, delete, func, literal, select, true, tuple_, update

from app.db.datasets.tables import quote, table_of
from app.db.driver import DriverConnection
from app.db.schema import before_images, imports, receipts
from app.domain.dataset import Dataset
from app.domain.requests.revert import Act
from app.domain.requests.selection import read_value
from app.domain.states import State

READ_SIZE = 2000
KEYS_A_QUERY = 500
LOCK_WAIT_TIMEOUT, DEADLOCK = 1205, 1213
DELETED = 0  # what has consumed the image of a row that was deleted through us


class RowsDiffer(Exception):
    """The server did not take a batch as it was sent; the branch must be abandoned."""

    def __init__(
        self, sent: int, loaded: int, warnings: Sequence[str], warned: int | None = None, codes: Sequence[int] = ()
    ) -> None:
        super().__init__(f"{loaded} of {sent} rows were loaded: {'; '.join(warnings[:3]) or 'no warning'}")
        self.sent, self.loaded, self.warnings = sent, loaded, warnings
        self.warned = len(warnings) if warned is None else warned  # the server keeps only some warnings
        self.codes = codes  # of those that it kept


def load_payload(connection: DriverConnection, dataset: Dataset, number: int, payload: bytes, rows: int) -> None:
    """Send validated lines (row number, then the dataset's columns) into the open branch of `connection`.

    LOAD DATA LOCAL acts as IGNORE: a duplicate key is skipped and a bad value adjusted, each with a warning only, in
    strict mode too (MariaDB and MySQL manuals, "LOAD DATA"). So the row count and the warnings are compared, and any
    difference raises `RowsDiffer`. Raises PyMySQL's errors, and others when the connection is killed in mid-send.

    The payload is UTF-8 already, so the server takes its bytes unconverted: it still refuses what is no text
    of the column's, with a warning, and saves 7 % of its work. An adopted table may have columns of another encoding.
    """
    numbered = "@row_no" if dataset.adopted else "row_no"
    columns = ", ".join((numbered, *map(quote, dataset.column_names)))
    settings = "" if dataset.adopted else f" SET import_no = {number:d}"
    loaded, warned = connection.load(
        f"LOAD DATA LOCAL INFILE 'batch' INTO TABLE {quote(dataset.name)}"
        f" CHARACTER SET {'utf8mb4' if dataset.adopted else 'binary'}"
        " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''"
        f" LINES TERMINATED BY '\\n' ({columns}){settings}",
        payload,
    )
    if loaded != rows or warned:
        with connection.cursor() as cursor:
            # the count in the protocol is cut at 65,535
            cursor.execute("SHOW COUNT(*) WARNINGS")
            (warned,) = cursor.fetchone() or (0,)
            cursor.execute("SHOW WARNINGS")
            told = cursor.fetchall()
        raise RowsDiffer(rows, loaded, [str(row[2]) for row in told], warned, [int(row[1]) for row in told])


def is_lock_conflict(error: Exception) -> bool:
    """Whether the server gave up because another transaction holds what this one needs."""
    return isinstance(error, pymysql.err.MySQLError) and error.args[0] in (LOCK_WAIT_TIMEOUT, DEADLOCK)


def find_key_holder(
    connection: Connection,
    dataset: Dataset,
    keys: Sequence[tuple[str, ...]],
    *,
    not_by: tuple[int, int, int] | None = None,
) -> tuple[int, int, int] | None:
    """Which of `keys` is in the table already: (its position, import number, row number) of one that is, or None.

    Read through `Database.uncommitted`, so that rows of imports still under way are seen. `not_by` (import, first row,
    last row) leaves out the asker's own rows. In an adopted table rows have no numbers: they are 0.
    """
    table = table_of(dataset)
    columns = [table.c[name] for name in dataset.key]
    numbers = [literal(0), literal(0)] if dataset.adopted else [table.c.import_no, table.c.row_no]
    for start in range(0, len(keys), KEYS_A_QUERY):
        asked = [_typed(dataset, key) for key in keys[start : start + KEYS_A_QUERY]]
        for *key, number, row in connection.execute(select(*columns, *numbers).where(tuple_(*columns).in_(asked))):
            if not_by is None or not (number == not_by[0] and not_by[1] <= row <= not_by[2]):
                return start + _position(key, asked), int(number), int(row)
    return None


def _typed(dataset: Dataset, key: tuple[str, ...]) -> tuple[Any, ...]:
    # a number that is compared with a text is compared as a float
    columns = {column.name: column for column in dataset.columns}
    return tuple(read_value(columns[name], part) for name, part in zip(dataset.key, key, strict=True))


def _position(key: Sequence[Any], asked: Sequence[Sequence[Any]]) -> int:
    """Where the key stands. The server takes keys that differ in blanks at their end for the same (PAD SPACE), and by
    the collation of an adopted table also others: of these, the first that it can be."""

    def alike(change: Callable[[str], str]) -> int | None:
        def plain(parts: Sequence[Any]) -> list[Any]:
            return [change(part.rstrip(" ")) if isinstance(part, str) else part for part in parts]

        return next((at for at, one in enumerate(asked) if plain(one) == plain(key)), None)

    exact = alike(str)
    return exact if exact is not None else alike(str.casefold) or 0


def anything_left(connection: Connection, dataset: Dataset | None, number: int) -> bool:
    """Whether any row or receipt of an import is there, through `Database.uncommitted`: its undo is not over.

    The receipt was the branch's first insert, so it is the last that the server undoes; it alone is evidence where rows
    do not carry their import's number, or the dataset is gone.
    """
    receipt = select(receipts.c.import_no).where(receipts.c.import_no == number).limit(1)
    if connection.execute(receipt).first() is not None:
        return True
    if dataset is None or dataset.adopted:
        return False
    table = table_of(dataset)
    row = select(table.c.import_no).where(table.c.import_no == number).limit(1)
    return connection.execute(row).first() is not None


def count_rows(connection: Connection, dataset: Dataset, number: int | None = None) -> int:
    """Rows that a reader may see, all of them or one import's, by one snapshot (`Database.snapshot`): all that are
    there, less those of imports that are committing. To look at each row's import would double the price of a count."""
    table = table_of(dataset)
    query = select(func.count()).select_from(table)
    if number is not None:
        query = query.where(table.c.import_no == number)
    if dataset.adopted:
        return int(connection.execute(query).scalar_one())  # an import into it has one branch
    committing = list(connection.scalars(select(imports.c.number).where(imports.c.state == State.COMMITTING)))
    count = int(connection.execute(query).scalar_one())
    if committing:
        count -= int(connection.execute(query.where(table.c.import_no.in_(committing))).scalar_one())
    return count


def has_more_than(connection: Connection, dataset: Dataset, count: int) -> bool:
    """Whether the dataset's table has more rows than this."""
    query = select(literal(1)).select_from(table_of(dataset)).limit(1).offset(count)
    return connection.execute(query).first() is not None


def count_by_import(connection: Connection, dataset: Dataset) -> dict[int, int]:
    """How many rows of which import are in the dataset's table, by their numbers."""
    number = table_of(dataset).c.import_no
    found = connection.execute(select(number, func.count()).group_by(number).order_by(number))
    return {int(import_no): int(rows) for import_no, rows in found}


def lock_rows(connection: Connection, dataset: Dataset, number: int) -> int:
    """Lock one import's rows until the transaction ends, against readers that lock, too; returns how many there are."""
    table = table_of(dataset)
    own = select(func.count()).select_from(table).where(table.c.import_no == number)
    return int(connection.execute(own.with_for_update()).scalar_one())


def delete_rows(connection: Connection, dataset: Dataset, number: int) -> int:
    """Delete one import's rows; returns how many there were. No revert puts back what later imports updated of them."""
    table = table_of(dataset)
    deleted = connection.execute(delete(table).where(table.c.import_no == number)).rowcount
    forget_images(connection, number)  # last: others write there
    return deleted


def forget_images(connection: Connection, number: int) -> None:
    """Nothing puts back what later imports updated of one import's rows. A row that a revert has deleted was not there:
    it may come back by a revert of the revert."""
    of_rows = (
        before_images.c.old_import_no == number,
        before_images.c.consumed_by.is_(None),
        before_images.c.act != Act.DELETED,
    )
    connection.execute(update(before_images).where(*of_rows).values(consumed_by=DELETED))


def forget_reverted(connection: Connection, revert: int) -> None:
    """What a revert took never comes back: everything that was in its table is deleted."""
    images = before_images.c.import_no == revert, before_images.c.consumed_by.is_(None)
    connection.execute(update(before_images).where(*images).values(consumed_by=DELETED))


def committed_only(dataset: Dataset) -> ColumnElement[bool]:
    """What a reader may see of the dataset's table."""
    if dataset.adopted:
        return true()  # by the server: an import into it has one branch
    # Several branches commit within milliseconds, not at once: an import's rows count from `committed` on, which is
    # written after the last branch.
    return table_of(dataset).c.import_no.not_in(select(imports.c.number).where(imports.c.state == State.COMMITTING))
