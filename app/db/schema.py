"""The tables. Migrations make them; a test holds the two together."""

from typing import Any

from sqlalchemy import CHAR, JSON, Boolean, Column, Index, Integer, MetaData, SmallInteger, String, Table, text
from sqlalchemy.dialects.mysql import BIGINT, CHAR as MYSQL_CHAR, DATETIME, DECIMAL, INTEGER, VARCHAR

metadata = MetaData()

# utf8mb4_bin on both servers: keys are compared to the letter, and faster than by a language's rules
OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

_number = INTEGER(unsigned=True)
_count = BIGINT(unsigned=True)
_instant = DATETIME(fsp=6)


def _updated_at() -> Column[Any]:
    # by the server itself, so that no change can be forgotten; a lease that is renewed is one too
    now = text("CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)")
    return Column("updated_at", _instant, nullable=False, server_default=now)


installation = Table(
    "installation",
    metadata,
    Column("only", SmallInteger, primary_key=True, autoincrement=False),
    Column("id", CHAR(16), nullable=False),
    Column("generation", _count, nullable=False, server_default="0"),
    Column("last_number", _number, nullable=False, server_default="0"),
    Column("last_stamp", _instant),
    Column("home_database", String(64)),
    Column("home_server", String(255)),
    Column("frozen_at", _instant),
    Column("frozen_reason", String(1000)),
    **OPTIONS,
)

imports = Table(
    "imports",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("id", CHAR(36), nullable=False, unique=True),
    Column("kind", String(8), nullable=False, server_default="import"),
    Column("dataset", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("branches", SmallInteger, nullable=False, server_default="1"),
    Column("inline", Boolean, nullable=False, server_default="0"),
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column("lease_until", _instant),
    Column("not_before", _instant),
    Column("upload_lease_until", _instant),
    Column("client", String(64), nullable=False, server_default=""),
    Column("worker", String(128)),
    Column("file_name", String(255)),
    Column("format", String(16)),
    Column("compression", String(16)),
    Column("file_format", JSON),
    Column("options", JSON),
    Column("dedup_key", CHAR(64), unique=True),
    Column("spool_name", String(64)),
    Column("bytes_total", _count),
    Column("generate_rows", _count),
    Column("seed", String(24)),
    Column("phase", String(16), nullable=False),
    Column("rows_total", _count),
    Column("rows_done", _count, nullable=False, server_default="0"),
    Column("bytes_done", _count, nullable=False, server_default="0"),
    Column("attempt_rows", _count, nullable=False, server_default="0"),
    Column("attempt_bytes", _count, nullable=False, server_default="0"),
    *(
        Column(f"rows_{kind}", _count, nullable=False, server_default="0")
        for kind in ("deleted", "rejected", "updated", "skipped", "blank")
    ),
    Column("rows_counted", _count),
    *(Column(name, _instant) for name in ("rows_counted_at", "count_asked_at")),
    Column("sequence", _count, nullable=False, server_default="1"),
    Column("error", JSON),
    Column("request_id", String(64)),
    Column("created_at", _instant, nullable=False),
    *(Column(name, _instant) for name in ("started_at", "attempt_started_at", "decided_at", "finished_at")),
    _updated_at(),
    Column("retry_of", CHAR(36)),
    *(Column(name, String(64)) for name in ("stopped_by", "paused_by")),
    Column("revertible_until", _instant),  # if a client has shortened it
    Column("settled", SmallInteger, nullable=False, server_default="0"),  # see `Settled`
    Index("imports_due", "state", "priority", "number"),
    Index("imports_finished", "finished_at"),
    Index("imports_settled", "settled", "finished_at"),
    Index("imports_updated", "updated_at"),
    # one for each set of filters of the list: see `app.db.pages`
    Index("imports_of_state", "state", "number"),
    Index("imports_of_dataset", "dataset", "number"),
    Index("imports_of_dataset_state", "dataset", "state", "number"),
    Index("imports_of_client", "client", "number"),
    Index("imports_of_client_state", "client", "state", "number"),
    Index("imports_of_client_dataset", "client", "dataset", "state", "number"),
    **OPTIONS,
)

FIRST_HANDLING = 2**31  # imports are numbered from 1, handlings from here: both have their events in one table

handlings = Table(
    "handlings",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("id", CHAR(36), nullable=False, unique=True),
    Column("client", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("mode", String(8), nullable=False),
    Column("concurrency", SmallInteger, nullable=False),
    Column("pipeline", JSON, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_until", _instant),
    Column("not_before", _instant),
    Column("worker", String(128)),
    Column("orders_total", _number, nullable=False),
    Column("orders_done", _number, nullable=False, server_default="0"),
    Column("orders_failed", _number, nullable=False, server_default="0"),
    Column("sequence", _count, nullable=False, server_default="1"),
    Column("error", JSON),
    Column("request_id", String(64)),
    Column("created_at", _instant, nullable=False),
    *(Column(name, _instant) for name in ("started_at", "finished_at")),
    _updated_at(),
    Column("stopped_by", String(64)),
    Index("handlings_due", "state", "priority", "number"),
    Index("handlings_finished", "finished_at"),
    Index("handlings_updated", "updated_at"),
    Index("handlings_of_state", "state", "number"),
    Index("handlings_of_client", "client", "number"),
    Index("handlings_of_client_state", "client", "state", "number"),
    mysql_auto_increment=str(FIRST_HANDLING),
    **OPTIONS,
)

# `active` is 1 until the handling has ended and then NULL, so the unique key holds an order for one handling at a time.
handled_orders = Table(
    "handled_orders",
    metadata,
    Column("handling_no", _number, primary_key=True, autoincrement=False),
    Column("position", _number, primary_key=True, autoincrement=False),
    Column("import_no", _number, nullable=False),
    Column("row_no", _number, nullable=False),
    Column("active", SmallInteger),
    Column("state", String(16), nullable=False),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("step", SmallInteger, nullable=False, server_default="0"),
    Column("error", String(1000)),
    *(Column(name, _instant) for name in ("shipped_at", "started_at", "finished_at")),
    Index("handled_orders_active", "import_no", "row_no", "active", unique=True),
    Index("handled_orders_state", "handling_no", "state", "position"),
    **OPTIONS,
)

handling_steps = Table(
    "handling_steps",
    metadata,
    Column("import_no", _number, primary_key=True, autoincrement=False),
    Column("row_no", _number, primary_key=True, autoincrement=False),
    Column("handling_no", _number, primary_key=True, autoincrement=False),
    Column("step", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("response", JSON),
    Column("error", String(1000)),
    Column("started_at", _instant, nullable=False),
    Column("ended_at", _instant),
    Index("handling_steps_ended", "name", "ended_at"),
    Index("handling_steps_handling", "handling_no"),
    **OPTIONS,
)

# No foreign key leads from here to the ledger: a stop or a decision there would wait for the branch.
receipts = Table(
    "receipts",
    metadata,
    Column("import_no", _number, primary_key=True, autoincrement=False),
    Column("branch", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("row_count", _count),
    Column("stamp", _instant),  # what `import_changed_at` of a row is that this attempt updated
    **OPTIONS,
)

# Rows as they were before an import updated them, or a revert took them; `old_import_no` and `old_row_no` are their
# numbers in the table.
before_images = Table(
    "before_images",
    metadata,
    Column("import_no", _number, primary_key=True, autoincrement=False),
    Column("old_import_no", _number, primary_key=True, autoincrement=False),
    Column("old_row_no", _number, primary_key=True, autoincrement=False),
    Column("dataset", String(64), nullable=False),
    Column("row", JSON, nullable=False),
    Column("old_changed_at", _instant),
    Column("consumed_by", _number),  # the revert that put it back; 0: its row was deleted through us
    Column("act", SmallInteger, nullable=False, server_default="0"),  # what was done then: see `Act`
    Column("put_changed_at", _instant),  # what a revert made of `import_changed_at` then
    Index("before_images_row", "old_import_no", "old_row_no"),
    **OPTIONS,
)

events = Table(
    "events",
    metadata,
    Column("import_no", _number, primary_key=True, autoincrement=False),
    Column("sequence", _count, primary_key=True, autoincrement=False),
    Column("at", _instant, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("detail", JSON),
    Column("client", String(64)),
    **OPTIONS,
)

datasets = Table(
    "datasets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("delete_lease_until", _instant),
    Column("state", String(16), nullable=False, server_default="ready"),
    Column("token", CHAR(16)),
    *(Column(name, JSON) for name in ("definition", "truncation")),
    Column("created_at", _instant),
    Column("created_by", String(64)),
    **OPTIONS,
)

# its name has the prefix that datasets can't have, since somebody may have a dataset `templates`
pauses = Table(
    "backout_pauses",
    metadata,
    Column("scope", String(8), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("client", String(64), nullable=False, server_default=""),
    Column("paused_at", _instant, nullable=False),
    **OPTIONS,
)

# `active` is 1 while the revert has the import, and NULL once it has let go of it: one revert at a time has an import.
reverted_imports = Table(
    "backout_reverted_imports",
    metadata,
    Column("import_no", _number, primary_key=True, autoincrement=False),
    Column("revert_no", _number, primary_key=True, autoincrement=False),
    Column("active", SmallInteger),
    Column("revert_id", CHAR(36), nullable=False),
    *(Column(name, _count) for name in ("rows_deleted", "rows_restored", "rows_left", "rows_missing")),
    Column("reverted_at", _instant),
    Column("fingerprint", CHAR(64)),  # of the rows that it takes and of those in its way
    *(Column(name, JSON) for name in ("in_the_way", "returned")),  # rows by class, and by import
    Column("client", String(64)),
    Index("reverted_imports_active", "import_no", "active", unique=True),
    Index("reverted_imports_revert", "revert_no"),
    **OPTIONS,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("client", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("claim", CHAR(36), nullable=False),
    Column("claimed_until", _instant, nullable=False),
    Column("content", CHAR(64)),
    Column("import_no", _number),
    Index("idempotency_import", "import_no"),
    **OPTIONS,
)

orders = Table(
    "orders",
    metadata,
    Column("import_no", _number, primary_key=True, autoincrement=False),
    Column("row_no", _number, primary_key=True, autoincrement=False),
    Column("marketplace", VARCHAR(32), nullable=False),
    Column("order_number", VARCHAR(64), nullable=False),
    Column("customer", VARCHAR(120), nullable=False),
    Column("email", VARCHAR(254), nullable=False),
    Column("ship_to", VARCHAR(255), nullable=False),
    Column("sku", VARCHAR(64), nullable=False),
    Column("quantity", INTEGER(unsigned=True), nullable=False),
    Column("unit_price", DECIMAL(12, 2), nullable=False),
    Column("currency", MYSQL_CHAR(3), nullable=False),
    Column("status", VARCHAR(16), nullable=False),
    Column("ordered_at", DATETIME, nullable=False),
    Index("orders_key", "marketplace", "order_number", unique=True),
    **OPTIONS,
)
