"""How a file is read, what the client wants of its import, and how many of its rows were not accepted."""

from alembic import op
from sqlalchemy import JSON, Column, inspect
from sqlalchemy.dialects.mysql import BIGINT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("imports")}
    for column in (
        Column("reading", JSON),
        Column("options", JSON),
        Column("rows_rejected", BIGINT(unsigned=True), nullable=False, server_default="0"),
    ):
        if column.name not in there:
            op.add_column("imports", column)
