"""What became of rows whose key was there already, and what the updated ones were before."""

from alembic import op
from sqlalchemy import JSON, Column, String, inspect
from sqlalchemy.dialects.mysql import BIGINT, INTEGER

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("imports")}
    for name in ("rows_updated", "rows_skipped"):
        if name not in there:
            op.add_column("imports", Column(name, BIGINT(unsigned=True), nullable=False, server_default="0"))
    number = INTEGER(unsigned=True)
    op.create_table(
        "replaced",
        Column("import_no", number, primary_key=True, autoincrement=False),
        Column("old_import_no", number, primary_key=True, autoincrement=False),
        Column("old_row_no", number, primary_key=True, autoincrement=False),
        Column("dataset", String(64), nullable=False),
        Column("row", JSON, nullable=False),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
