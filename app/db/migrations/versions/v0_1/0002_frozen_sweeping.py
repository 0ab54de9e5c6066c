"""What shows whether this is the latest ledger, and that sweeping is frozen since it is not."""

from alembic import op
from sqlalchemy import Column, String, inspect
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, INTEGER

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("installation")}
    for column in (
        Column("mark", BIGINT(unsigned=True), nullable=False, server_default="0"),
        Column("last_number", INTEGER(unsigned=True), nullable=False, server_default="0"),
        Column("home_database", String(64)),
        Column("home_server", String(255)),
        Column("frozen_at", DATETIME(fsp=6)),
        Column("frozen_reason", String(1000)),
    ):
        if column.name not in there:
            op.add_column("installation", column)
