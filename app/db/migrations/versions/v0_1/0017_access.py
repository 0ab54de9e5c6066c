"""Tokens and browsers' sessions; who stopped an import, and an index for the list of a client's own imports."""

from typing import Any

from alembic import op
from sqlalchemy import CHAR, JSON, Column, String, inspect
from sqlalchemy.dialects.mysql import DATETIME

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INSTANT = DATETIME(fsp=6)
OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    op.create_table(
        "backout_tokens",
        Column("id", CHAR(8), primary_key=True),
        Column("digest", CHAR(64), nullable=False),
        Column("name", String(64), nullable=False),
        Column("scopes", JSON, nullable=False),
        Column("datasets", JSON),
        Column("created_at", INSTANT, nullable=False),
        Column("created_by", String(128), nullable=False),
        Column("expires_at", INSTANT, nullable=False),
        Column("last_used_at", INSTANT),
        Column("revoked_at", INSTANT),
        Column("revoked_by", String(128)),
        Column("replaces", CHAR(8)),
        **OPTIONS,
    )
    op.create_table(
        "backout_sessions",
        Column("id", CHAR(16), primary_key=True),
        Column("digest", CHAR(64), nullable=False, unique=True),
        Column("client", String(64), nullable=False),
        Column("token", CHAR(8)),
        Column("key_proof", CHAR(64)),
        Column("address", String(64), nullable=False),
        Column("created_at", INSTANT, nullable=False),
        Column("expires_at", INSTANT, nullable=False),
        Column("ended_at", INSTANT),
        Column("ended_by", String(64)),
        **OPTIONS,
    )
    there = inspect(op.get_bind())
    if "stopped_by" not in {column["name"] for column in there.get_columns("imports")}:
        op.add_column("imports", Column("stopped_by", String(64)))
    if "imports_of_client" not in {index["name"] for index in there.get_indexes("imports")}:
        op.create_index("imports_of_client", "imports", ["client", "number"])
