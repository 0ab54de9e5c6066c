"""What a long history must not make dearer: totals of what has ended, indexes for lists and for cleaning.

Columns and indexes are added in place: the ledger is read and written meanwhile. The cleaner fills the totals in steps.
Until it has come to an import, that is counted by reading it.
"""

from alembic import op
from sqlalchemy import inspect, text

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

INDEXES = {
    "imports": {
        "imports_settled": "settled, finished_at",
        "imports_of_state": "state, number",
        "imports_of_dataset_state": "dataset, state, number",
        "imports_of_client_state": "client, state, number",
        "imports_of_client_dataset": "client, dataset, state, number",
    },
    "handlings": {
        "handlings_finished": "finished_at",
        "handlings_of_state": "state, number",
        "handlings_of_client": "client, number",
        "handlings_of_client_state": "client, state, number",
    },
    "backout_sessions": {
        "sessions_created": "created_at, id",
        "sessions_expired": "expires_at",
        "sessions_ended": "ended_at",
    },
    "backout_tokens": {
        "tokens_created": "created_at, id",
        "tokens_expired": "expires_at",
        "tokens_revoked": "revoked_at",
    },
}
BOUNDS = (1, 5, 15, 60, 300, 900, 3600, 14400)


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    found = inspect(op.get_bind())
    if "settled" not in {column["name"] for column in found.get_columns("imports")}:
        op.execute("ALTER TABLE imports ADD COLUMN settled SMALLINT NOT NULL DEFAULT 0")
    for table, indexes in INDEXES.items():
        there = {index["name"] for index in found.get_indexes(table)}
        missing = [f"ADD INDEX {name} ({columns})" for name, columns in indexes.items() if name not in there]
        if missing:  # in one statement, which reads the table once
            op.execute(f"ALTER TABLE {table} {', '.join(missing)}, ALGORITHM=INPLACE, LOCK=NONE")
    within = ", ".join(f"within_{bound} BIGINT UNSIGNED NOT NULL DEFAULT 0" for bound in BOUNDS)
    op.execute(
        text(
            "CREATE TABLE IF NOT EXISTS backout_totals (state VARCHAR(16) NOT NULL PRIMARY KEY,"
            " imports BIGINT UNSIGNED NOT NULL DEFAULT 0, rows_done BIGINT UNSIGNED NOT NULL DEFAULT 0,"
            " rows_rejected BIGINT UNSIGNED NOT NULL DEFAULT 0, micros BIGINT UNSIGNED NOT NULL DEFAULT 0,"
            f" {within}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
        )
    )
