"""Pauses: what no worker claims until someone resumes it."""

from typing import Any

from alembic import op
from sqlalchemy import Column, String
from sqlalchemy.dialects.mysql import DATETIME

revision = "0013"
down_revision = "0012"
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
        "backout_pauses",
        Column("scope", String(8), primary_key=True),
        Column("name", String(64), primary_key=True),
        Column("client", String(64), nullable=False, server_default=""),
        Column("paused_at", DATETIME(fsp=6), nullable=False),
        **OPTIONS,
    )
