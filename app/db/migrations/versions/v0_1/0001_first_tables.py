"""The ledger, receipts, events, datasets, idempotency keys and orders."""

from typing import Any

from alembic import op
from sqlalchemy import CHAR, JSON, Boolean, Column, Index, Integer, SmallInteger, String
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, DECIMAL, INTEGER, VARCHAR

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# DDL commits implicitly: a migration that was cut off must be able to run again
OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    number, count, instant = INTEGER(unsigned=True), BIGINT(unsigned=True), DATETIME(fsp=6)
    op.create_table(
        "installation",
        Column("only", SmallInteger, primary_key=True, autoincrement=False),
        Column("id", CHAR(16), nullable=False),
        **OPTIONS,
    )
    op.create_table(
        "imports",
        Column("number", number, primary_key=True, autoincrement=True),
        Column("id", CHAR(36), nullable=False, unique=True),
        Column("dataset", String(64), nullable=False),
        Column("state", String(16), nullable=False),
        Column("epoch", Integer, nullable=False, server_default="0"),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("branches", SmallInteger, nullable=False, server_default="1"),
        Column("inline", Boolean, nullable=False, server_default="0"),
        Column("priority", SmallInteger, nullable=False, server_default="0"),
        Column("lease_until", instant),
        Column("not_before", instant),
        Column("worker", String(128)),
        Column("file_name", String(255)),
        Column("format", String(16)),
        Column("compression", String(16)),
        Column("spool_name", String(64)),
        Column("bytes_total", count),
        Column("generate", count),
        Column("seed", String(24)),
        Column("phase", String(16), nullable=False),
        Column("rows_total", count),
        Column("rows_done", count, nullable=False, server_default="0"),
        Column("bytes_done", count, nullable=False, server_default="0"),
        Column("attempt_rows", count, nullable=False, server_default="0"),
        Column("attempt_bytes", count, nullable=False, server_default="0"),
        Column("rows_deleted", count, nullable=False, server_default="0"),
        Column("sequence", count, nullable=False, server_default="1"),
        Column("error", JSON),
        Column("request_id", String(64)),
        Column("created_at", instant, nullable=False),
        Column("started_at", instant),
        Column("attempt_at", instant),
        Column("decided_at", instant),
        Column("finished_at", instant),
        Index("imports_due", "state", "priority", "number"),
        Index("imports_finished", "finished_at"),
        **OPTIONS,
    )
    op.create_table(
        "receipts",
        Column("import_no", number, primary_key=True, autoincrement=False),
        Column("branch", SmallInteger, primary_key=True, autoincrement=False),
        Column("kind", String(8), primary_key=True),
        Column("epoch", Integer, nullable=False),
        Column("row_count", count),
        **OPTIONS,
    )
    op.create_table(
        "events",
        Column("import_no", number, primary_key=True, autoincrement=False),
        Column("sequence", count, primary_key=True, autoincrement=False),
        Column("at", instant, nullable=False),
        Column("kind", String(32), nullable=False),
        Column("detail", JSON),
        **OPTIONS,
    )
    op.create_table(
        "datasets",
        Column("name", String(64), primary_key=True),
        Column("clearing_until", instant),
        **OPTIONS,
    )
    op.create_table(
        "idempotency_keys",
        Column("client", String(64), primary_key=True),
        Column("key", String(200), primary_key=True),
        Column("claim", CHAR(36), nullable=False),
        Column("claimed_until", instant, nullable=False),
        Column("content", CHAR(64)),
        Column("import_no", number),
        Index("idempotency_import", "import_no"),
        **OPTIONS,
    )
    op.create_table(
        "orders",
        Column("import_no", number, primary_key=True, autoincrement=False),
        Column("row_no", number, primary_key=True, autoincrement=False),
        Column("marketplace", VARCHAR(32), nullable=False),
        Column("order_number", VARCHAR(64), nullable=False),
        Column("customer", VARCHAR(120), nullable=False),
        Column("email", VARCHAR(254), nullable=False),
        Column("ship_to", VARCHAR(255), nullable=False),
        Column("sku", VARCHAR(64), nullable=False),
        Column("quantity", number, nullable=False),
        Column("unit_price", DECIMAL(12, 2), nullable=False),
        Column("currency", CHAR(3), nullable=False),
        Column("status", VARCHAR(16), nullable=False),
        Column("ordered_at", DATETIME, nullable=False),
        Index("orders_key", "marketplace", "order_number", unique=True),
        **OPTIONS,
    )
