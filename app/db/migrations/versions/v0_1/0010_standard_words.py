"""Columns, a table, kinds of events, an error code and a file format's part get the field's words before a release.

Stop web servers, workers and sweepers first: those of the version before know only the old names.
"""

from alembic import op
from sqlalchemy import inspect, text

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
    "installation": {"mark": "generation"},
}
INDEXES = {
    "imports": {"imports_changed": "imports_updated", "job": "dedup_key"},
    "handlings": {"handlings_changed": "handlings_updated"},
}
EVENTS = {"damage": "lost_branch", "forced": "heuristic_decision"}


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
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
    for old, new in EVENTS.items():
        op.execute(text("UPDATE events SET kind = :new WHERE kind = :old").bindparams(old=old, new=new))
    # `updated_at` changes by default, and clients would read a change that is none
    op.execute(
        "UPDATE imports SET error = JSON_SET(error, '$.code', 'lost_branch'), updated_at = updated_at"
        " WHERE JSON_UNQUOTE(JSON_EXTRACT(error, '$.code')) = 'damaged'"
    )
    # kept only if it is true
    op.execute(
        "UPDATE imports SET updated_at = updated_at, file_format = JSON_SET(JSON_REMOVE(file_format, '$.quote_said'),"
        " '$.quote_given', JSON_EXTRACT(file_format, '$.quote_said'))"
        " WHERE JSON_CONTAINS_PATH(file_format, 'one', '$.quote_said')"
    )
