"""What a revert of a revert needs: what the revert has taken, and which rows it left how; and an earlier last day."""

from typing import Any

from alembic import op
from sqlalchemy import CHAR, JSON, Column, SmallInteger, inspect
from sqlalchemy.dialects.mysql import DATETIME

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSTANT = DATETIME(fsp=6)


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    columns: list[tuple[str, Column[Any]]] = [
        ("imports", Column("revertible_until", INSTANT)),
        ("before_images", Column("act", SmallInteger, nullable=False, server_default="0")),
        ("before_images", Column("put_changed_at", INSTANT)),
        ("backout_reverted_imports", Column("fingerprint", CHAR(64))),
        ("backout_reverted_imports", Column("returned", JSON)),
    ]
    for table, column in columns:
        if column.name not in {one["name"] for one in inspect(op.get_bind()).get_columns(table)}:
            op.add_column(table, column)
