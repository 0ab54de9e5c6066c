"""The tables of datasets: what a column is on the server, and the DDL that makes and drops them.

DDL never runs inside a branch: it goes through `Database.define`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from pymysql.constants import ER
from sqlalchemy import CHAR, Column, Connection, MetaData, Table, UniqueConstraint, text
from sqlalchemy.dialects.mysql import BIGINT, DATE, DATETIME, DECIMAL, INTEGER, MEDIUMTEXT, TIMESTAMP, TINYINT, VARCHAR
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable, DropTable

from app.db.schema import OPTIONS, orders
from app.domain.changes import CHANGED_AT, marks_changes
from app.domain.dataset import ORDERS, Column as DatasetColumn, ColumnType, Dataset
from app.domain.errors import DatasetExists, DatasetInUse, InvalidContent, NotEnabled
from app.domain.row_size import LONGEST_VARCHAR, text_length

# invisible: strangers' `SELECT *` and INSERT do not see it (MariaDB and MySQL manuals, "Invisible columns")
_NOT_CHANGED = text("NULL ON UPDATE CURRENT_TIMESTAMP(6) INVISIBLE")
_COMMENT = "A dataset of Backout, {token}"
_INTEGERS = (
    (-(2**31), 2**31 - 1, INTEGER()),
    (0, 2**32 - 1, INTEGER(unsigned=True)),
    (-(2**63), 2**63 - 1, BIGINT()),
    (0, 2**64 - 1, BIGINT(unsigned=True)),
)
_CANT_BE = (ER.TOO_BIG_ROWSIZE, ER.TOO_LONG_KEY, ER.DUP_FIELDNAME, ER.WRONG_COLUMN_NAME, ER.TOO_MANY_FIELDS)
_NO_RIGHT = (ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR)
PROVISION = "`python -m app.cli provision` gives the application's user the right, on an installation of before, too"


def quote(name: str) -> str:
    """The name as an identifier in a statement of ours: reserved words and odd characters included."""
    return "`" + name.replace("`", "``") + "`"


@lru_cache(maxsize=256)
def table_of(dataset: Dataset) -> Table:
    """The dataset's table as queries see it. The whole definition is the key: a dataset that was dropped and made again
    with other columns is another table."""
    if dataset == ORDERS:
        return orders
    return _build(dataset, None)


def create_table(connection: Connection, dataset: Dataset, token: str) -> None:
    """Make a dataset's table, which carries the token. Raises `InvalidContent` for what the server does not take,
    `DatasetExists`, `NotEnabled` where the right is missing, and `DatasetInUse`."""
    with _refusing(dataset.name):
        table = _build(dataset, token)
        if marks_changes(dataset):
            table.append_column(Column(CHANGED_AT, TIMESTAMP(fsp=6), server_default=_NOT_CHANGED))
        connection.execute(CreateTable(table))


def drop_own_table(connection: Connection, name: str, token: str) -> bool:
    """Drop the table of this name if it is the one that was made with this token; whether it was there. Raises
    `DatasetInUse` while it is read, and `NotEnabled`."""
    if find_comment(connection, name) != _COMMENT.format(token=token):
        return False
    with _refusing(name):
        connection.execute(DropTable(Table(name, MetaData()), if_exists=True))
    return True


def find_comment(connection: Connection, name: str) -> str | None:
    """The comment of the table or view of this name; None where there is neither."""
    query = "SELECT table_comment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :name"
    found = connection.execute(text(query), {"name": name}).scalar()
    return None if found is None else str(found)


def _build(dataset: Dataset, token: str | None) -> Table:
    numbers = () if dataset.adopted else ("import_no", "row_no")
    columns = [
        *(Column(name, INTEGER(unsigned=True), primary_key=True, autoincrement=False) for name in numbers),
        *(Column(column.name, _type_of(column), nullable=column.nullable) for column in dataset.columns),
    ]
    unique = [UniqueConstraint(*dataset.key, name="dataset_key")] if dataset.key else []
    comment = None if token is None else _COMMENT.format(token=token)
    return Table(dataset.name, MetaData(), *columns, *unique, comment=comment, **OPTIONS)


def _type_of(column: DatasetColumn) -> Any:
    match column.type:
        case ColumnType.INTEGER:
            fitting = (kind for least, most, kind in _INTEGERS if least <= column.minimum and column.maximum <= most)
            return next(fitting)
        case ColumnType.DECIMAL:
            return DECIMAL(column.precision, column.scale)
        case ColumnType.BOOLEAN:
            return TINYINT(1)
        case ColumnType.DATE:
            return DATE()
        case ColumnType.DATETIME:
            return DATETIME(fsp=column.scale) if column.scale else DATETIME()
        case ColumnType.CURRENCY:
            return CHAR(3)
        case _:
            length = text_length(column)
            return VARCHAR(length) if length <= LONGEST_VARCHAR else MEDIUMTEXT()


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        code, said = (*(error.orig.args if error.orig else ()), None, "")[:2]
        if code in _CANT_BE:
            raise InvalidContent(f"the server can't make this table: {said}", errors=[{"field": "columns"}]) from error
        if code == ER.TABLE_EXISTS_ERROR:
            raise DatasetExists(f"there is a table {name} already") from error
        if code in _NO_RIGHT:
            raise NotEnabled(f"the database does not let the application do this: {said}. {PROVISION}") from error
        if code == ER.LOCK_WAIT_TIMEOUT:
            raise DatasetInUse(f"the table {name} is in use, by a reader or a prepared branch: try again") from error
        raise
