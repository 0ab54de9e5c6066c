"""Columns and a table get the field's words, before anything is released.

Stop web servers, workers and sweepers first: those of the version before know only the old names.
"""

from alembic import op
from sqlalchemy import inspect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = {
    "imports": {
        "arriving_until": "upload_lease_until",
        "attempt_at": "attempt_started_at",
        "changed_at": "updated_at",
        "generate": "generate_rows",
        "job": "dedup_key",
        "reading": "file_format",
    },
    "handlings": {"changed_at": "updated_at"},
    "handling_steps": {"answer": "response"},
    "datasets": {"clearing_until": "delete_lease_until"},
}
INDEXES = {
    "imports": {"imports_changed": "imports_updated", "job": "dedup_key"},
    "handlings": {"handlings_changed": "handlings_updated"},
}


def upgrade() -> None:
    # DDL commits by itself: a migration that was cut off must be able to run again
    for table, names in COLUMNS.items():
        known = {column["name"] for column in inspect(op.get_bind()).get_columns(table)}
        for old, new in names.items():
            if old in known and new in known:
                op.execute(f"ALTER TABLE {table} DROP COLUMN `{old}`")  # an older migration ran again
            elif old in known:
                op.execute(f"ALTER TABLE {table} RENAME COLUMN `{old}` TO {new}")
    for table, names in INDEXES.items():
        known = {str(index["name"]) for index in inspect(op.get_bind()).get_indexes(table)}
        for old, new in names.items():
            if old in known and new not in known:
                op.execute(f"ALTER TABLE {table} RENAME INDEX `{old}` TO {new}")
    looked = inspect(op.get_bind())
    if looked.has_table("replaced") and not looked.has_table("before_images"):
        op.execute("RENAME TABLE replaced TO before_images")
    elif looked.has_table("replaced"):
        op.execute("DROP TABLE replaced")  # empty: an older migration made it again
