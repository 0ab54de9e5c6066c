"""When an import changed last, for those who watch all of them; and which import another one tries again."""

from alembic import op
from sqlalchemy import CHAR, Column, inspect, text
from sqlalchemy.dialects.mysql import DATETIME

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CHANGED = text("CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)")


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    inspector = inspect(op.get_bind())
    there = {column["name"] for column in inspector.get_columns("imports")}
    if "changed_at" not in there:
        op.add_column("imports", Column("changed_at", DATETIME(fsp=6), nullable=False, server_default=CHANGED))
    if "retry_of" not in there:
        op.add_column("imports", Column("retry_of", CHAR(36)))
    if "imports_changed" not in {index["name"] for index in inspector.get_indexes("imports")}:
        op.create_index("imports_changed", "imports", ["changed_at"])
