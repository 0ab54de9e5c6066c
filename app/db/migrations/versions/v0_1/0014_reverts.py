"""What a revert needs to know: whether a row was changed since its import, by whom, and which revert has which import.

What was imported before this can't be reverted: its receipts have no stamp.
"""

import json
from typing import Any

from alembic import op
from pymysql.constants import ER
from sqlalchemy import CHAR, JSON, Column, SmallInteger, String, inspect, text
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, INTEGER
from sqlalchemy.exc import DBAPIError

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CHANGED_AT = "import_changed_at"
OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
NUMBER, COUNT, INSTANT = INTEGER(unsigned=True), BIGINT(unsigned=True), DATETIME(fsp=6)


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    columns: list[tuple[str, Column[Any]]] = [
        ("installation", Column("last_stamp", INSTANT)),
        ("imports", Column("kind", String(8), nullable=False, server_default="import")),
        ("receipts", Column("stamp", INSTANT)),
        ("before_images", Column("old_changed_at", INSTANT)),
        ("before_images", Column("consumed_by", NUMBER)),
    ]
    for table, column in columns:
        if column.name not in _list_columns(table):
            op.add_column(table, column)
    if "before_images_row" not in {index["name"] for index in inspect(op.get_bind()).get_indexes("before_images")}:
        op.create_index("before_images_row", "before_images", ["old_import_no", "old_row_no"])
    op.create_table(
        "backout_reverted_imports",
        Column("import_no", NUMBER, primary_key=True, autoincrement=False),
        Column("revert_no", NUMBER, primary_key=True, autoincrement=False),
        Column("active", SmallInteger),
        Column("revert_id", CHAR(36), nullable=False),
        Column("rows_deleted", COUNT),
        Column("rows_restored", COUNT),
        Column("rows_left", COUNT),
        Column("rows_missing", COUNT),
        Column("in_the_way", JSON),
        Column("reverted_at", INSTANT),
        **OPTIONS,
    )
    indexes = {index["name"] for index in inspect(op.get_bind()).get_indexes("backout_reverted_imports")}
    if "reverted_imports_active" not in indexes:
        op.create_index("reverted_imports_active", "backout_reverted_imports", ["import_no", "active"], unique=True)
        op.create_index("reverted_imports_revert", "backout_reverted_imports", ["revert_no"])
    for name in ("orders", *_list_datasets()):
        # a dataset of before may have a column of this name, or no room for it: its imports can't be reverted
        if CHANGED_AT not in _list_columns(name):
            _add_changed_at(name)


def _add_changed_at(table: str) -> None:
    column = f"{CHANGED_AT} TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6) INVISIBLE"
    try:
        op.execute(text(f"ALTER TABLE `{table}` ADD COLUMN {column}"))
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] != ER.TOO_BIG_ROWSIZE:
            raise


def _list_columns(table: str) -> set[str]:
    # by the catalog: an inspection of MySQL's leaves out what is invisible
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = :name"
    return {str(name).lower() for (name,) in op.get_bind().execute(text(query), {"name": table})}


def _list_datasets() -> list[str]:
    """The tables of datasets that are there; an adopted one stays as its owner made it."""
    query = (
        "SELECT d.name, d.definition FROM datasets d JOIN information_schema.tables t"
        " ON t.table_schema = DATABASE() AND t.table_name = d.name WHERE d.definition IS NOT NULL"
    )
    found = [(str(name), json.loads(definition)) for name, definition in op.get_bind().execute(text(query))]
    return [name for name, definition in found if not definition.get("adopted")]
