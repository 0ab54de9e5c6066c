"""People: who has signed in at an OpenID provider, and the groups of such a session."""

from alembic import op
from sqlalchemy import CHAR, JSON, Column, String, inspect
from sqlalchemy.dialects.mysql import DATETIME

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    inspector = inspect(op.get_bind())
    if "backout_people" not in inspector.get_table_names():
        op.create_table(
            "backout_people",
            Column("id", CHAR(64), primary_key=True),
            Column("client", String(64), nullable=False, unique=True),
            Column("created_at", DATETIME(fsp=6), nullable=False),
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
            mysql_collate="utf8mb4_bin",
        )
    if "groups" not in {one["name"] for one in inspector.get_columns("backout_sessions")}:
        op.add_column("backout_sessions", Column("groups", JSON))
