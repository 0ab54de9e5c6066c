"""Orders handled in bulk, and the one import at a time of a caller's content."""

from typing import Any

from alembic import op
from sqlalchemy import CHAR, JSON, Column, Integer, SmallInteger, String, inspect, text
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, INTEGER

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
CHANGED = text("CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)")
FIRST_HANDLING = "2147483648"


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    looked = inspect(op.get_bind())
    # 0010 renames what is compared here
    if not {"job", "dedup_key"} & {column["name"] for column in looked.get_columns("imports")}:
        op.add_column("imports", Column("job", CHAR(64)))
    if not {"job", "dedup_key"} & {index["name"] for index in looked.get_indexes("imports")}:
        op.create_index("job", "imports", ["job"], unique=True)
    number, instant = INTEGER(unsigned=True), DATETIME(fsp=6)
    op.create_table(
        "handlings",
        Column("number", number, primary_key=True, autoincrement=True),
        Column("id", CHAR(36), nullable=False, unique=True),
        Column("client", String(64), nullable=False),
        Column("state", String(16), nullable=False),
        Column("mode", String(8), nullable=False),
        Column("concurrency", SmallInteger, nullable=False),
        Column("pipeline", JSON, nullable=False),
        Column("priority", SmallInteger, nullable=False, server_default="0"),
        Column("epoch", Integer, nullable=False, server_default="0"),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("lease_until", instant),
        Column("not_before", instant),
        Column("worker", String(128)),
        Column("orders_total", number, nullable=False),
        Column("orders_done", number, nullable=False, server_default="0"),
        Column("orders_failed", number, nullable=False, server_default="0"),
        Column("sequence", BIGINT(unsigned=True), nullable=False, server_default="1"),
        Column("error", JSON),
        Column("request_id", String(64)),
        Column("created_at", instant, nullable=False),
        Column("started_at", instant),
        Column("finished_at", instant),
        Column("changed_at", instant, nullable=False, server_default=CHANGED),
        mysql_auto_increment=FIRST_HANDLING,
        **OPTIONS,
    )
    op.create_table(
        "handled_orders",
        Column("handling_no", number, primary_key=True, autoincrement=False),
        Column("position", number, primary_key=True, autoincrement=False),
        Column("import_no", number, nullable=False),
        Column("row_no", number, nullable=False),
        Column("active", SmallInteger),
        Column("state", String(16), nullable=False),
        Column("epoch", Integer, nullable=False, server_default="0"),
        Column("step", SmallInteger, nullable=False, server_default="0"),
        Column("error", String(1000)),
        Column("shipped_at", instant),
        Column("started_at", instant),
        Column("finished_at", instant),
        **OPTIONS,
    )
    op.create_table(
        "handling_steps",
        Column("import_no", number, primary_key=True, autoincrement=False),
        Column("row_no", number, primary_key=True, autoincrement=False),
        Column("handling_no", number, primary_key=True, autoincrement=False),
        Column("step", SmallInteger, primary_key=True, autoincrement=False),
        Column("name", String(32), nullable=False),
        Column("state", String(16), nullable=False),
        Column("tries", Integer, nullable=False, server_default="0"),
        Column("answer", JSON),
        Column("error", String(1000)),
        Column("started_at", instant, nullable=False),
        Column("ended_at", instant),
        **OPTIONS,
    )
    _add_indexes(
        {
            "handlings_due": ("handlings", ["state", "priority", "number"]),
            "handlings_changed": ("handlings", ["changed_at"]),
            "handled_orders_active": ("handled_orders", ["import_no", "row_no", "active"]),
            "handled_orders_state": ("handled_orders", ["handling_no", "state", "position"]),
            "handling_steps_ended": ("handling_steps", ["name", "ended_at"]),
            "handling_steps_handling": ("handling_steps", ["handling_no"]),
        },
        unique={"handled_orders_active"},
    )


def _add_indexes(wanted: dict[str, tuple[str, list[str]]], unique: set[str]) -> None:
    """Those that are not there: a table is made without them first, and that may be all that an earlier try did."""
    looked = inspect(op.get_bind())
    for name, (table, columns) in wanted.items():
        names = {name, name.replace("_changed", "_updated")}  # 0010 renames that one
        if not names & {str(index["name"]) for index in looked.get_indexes(table)}:
            op.create_index(name, table, columns, unique=name in unique)
