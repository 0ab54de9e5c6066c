"""Who did it: beside each event, of a pause, a stopped handling, a revert, a template and a dataset."""

from alembic import op
from sqlalchemy import Column, String, inspect

revision = "0021"
down_revision = "0018"
branch_labels = None
depends_on = None

# null where no one was asked who asks, and in all rows from before
COLUMNS = (
    ("events", "client"),
    ("imports", "paused_by"),
    ("handlings", "stopped_by"),
    ("backout_reverted_imports", "client"),
    ("backout_templates", "created_by"),
    ("datasets", "created_by"),
)


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    for table, name in COLUMNS:
        if name not in {one["name"] for one in inspect(op.get_bind()).get_columns(table)}:
            op.add_column(table, Column(name, String(64)))
