"""What a dataset is, beside its name: a registry of those that were created or adopted."""

from alembic import op
from sqlalchemy import CHAR, JSON, Column, String, inspect
from sqlalchemy.dialects.mysql import DATETIME

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("datasets")}
    for column in (
        Column("state", String(16), nullable=False, server_default="ready"),
        Column("token", CHAR(16)),
        Column("definition", JSON),
        Column("created_at", DATETIME(fsp=6)),
    ):
        if column.name not in there:
            op.add_column("datasets", column)
