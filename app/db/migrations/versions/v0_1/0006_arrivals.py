"""Whose import it is, so that clients take turns; and until when a web server says that its file is still arriving."""

from alembic import op
from sqlalchemy import Column, String, inspect
from sqlalchemy.dialects.mysql import DATETIME

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    there = {column["name"] for column in inspect(op.get_bind()).get_columns("imports")}
    for column in (
        Column("arriving_until", DATETIME(fsp=6)),
        Column("client", String(64), nullable=False, server_default=""),
    ):
        if column.name not in there:
            op.add_column("imports", column)
