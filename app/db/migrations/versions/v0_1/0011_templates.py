"""Import templates: each version is a row that never changes."""

from typing import Any

from alembic import op
from sqlalchemy import CHAR, JSON, Column, Integer, String
from sqlalchemy.dialects.mysql import DATETIME

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    op.create_table(
        "backout_templates",
        Column("name", String(64), primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("dataset", String(64), nullable=False),
        Column("options", JSON, nullable=False),
        Column("header", CHAR(32)),
        Column("made_from", CHAR(36)),
        Column("created_at", DATETIME(fsp=6), nullable=False),
        Column("deleted_at", DATETIME(fsp=6)),
        **OPTIONS,
    )
