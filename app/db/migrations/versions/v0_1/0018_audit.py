"""The audit: who changed what and who was denied what, and the chain of digests over it."""

from typing import Any

from alembic import op
from sqlalchemy import CHAR, Boolean, Column, Integer, String, inspect
from sqlalchemy.dialects.mysql import BIGINT, DATETIME

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

INSTANT = DATETIME(fsp=6)
NUMBER = BIGINT(unsigned=True)
OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    op.create_table(
        "backout_audit",
        Column("number", NUMBER, primary_key=True, autoincrement=True),
        Column("at", INSTANT, nullable=False),
        Column("act", String(40), nullable=False),
        Column("outcome", String(8), nullable=False),
        Column("target", String(255)),
        Column("client", String(128), nullable=False),
        Column("address", String(64), nullable=False),
        Column("token", CHAR(8)),
        Column("session", CHAR(16)),
        Column("request_id", String(64)),
        Column("reason", String(300)),
        Column("times", Integer, nullable=False, server_default="1"),
        Column("folded", String(200), unique=True),
        Column("chained", Boolean, nullable=False, server_default="0"),
        **OPTIONS,
    )
    there = {index["name"] for index in inspect(op.get_bind()).get_indexes("backout_audit")}
    for name, first in (("audit_unchained", "chained"), ("audit_of_client", "client"), ("audit_of_target", "target")):
        if name not in there:
            op.create_index(name, "backout_audit", [first, "number"])
    op.create_table(
        "backout_audit_chain",
        Column("sequence", NUMBER, primary_key=True, autoincrement=False),
        Column("audit_no", NUMBER, nullable=False, unique=True),
        Column("digest", CHAR(64), nullable=False),
        **OPTIONS,
    )
