"""How many rows of an import were in the table when they were last counted, when that was, and who asks for it now."""

from typing import Any

from alembic import op
from sqlalchemy import Column, inspect
from sqlalchemy.dialects.mysql import BIGINT, DATETIME

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("imports")}
    columns: list[Column[Any]] = [
        Column("rows_counted", BIGINT(unsigned=True)),
        Column("rows_counted_at", DATETIME(fsp=6)),
        Column("count_asked_at", DATETIME(fsp=6)),
    ]
    for column in columns:
        if column.name not in there:
            op.add_column("imports", column)
