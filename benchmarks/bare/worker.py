"""The simplest worker: a task is one INSERT and its COMMIT. `celery -A benchmarks.bare.worker worker`."""

import secrets
from functools import cache
from uuid import uuid4

from celery import Celery
from kombu.entity import Queue
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

from app.config import read_settings
from app.domain.dataset import ORDERS
from app.formats.generate.orders import generate_rows
from app.formats.payload import read_payload

settings = read_settings()
app = Celery("bare", broker=settings.broker)
app.conf.update(
    task_default_queue="bare",
    task_queues=[Queue(name, queue_arguments={"x-queue-type": "quorum"}) for name in ("bare", "bare.hints")],
    task_ignore_result=True,
    broker_transport_options={"confirm_publish": True},
    worker_concurrency=settings.worker_slots,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
)
PLAIN = {"ssl_disabled": True}  # as ours does on one machine
INSERT = text("INSERT INTO bare VALUES (:id, 'queued', NOW(6))")
UPDATE = text("UPDATE bare SET state = 'stopping' WHERE id = :id AND state = 'queued'")


COLUMNS = ("import_no", "row_no", *ORDERS.column_names)
INSERT_ROWS = f"INSERT INTO peer ({', '.join(COLUMNS)}) VALUES ({', '.join(f'%({name})s' for name in COLUMNS)})"


@cache
def rows() -> list[dict[str, object]]:
    """Rows as `generate_rows` has them."""
    (batch,) = generate_rows(ORDERS, 100, "bare", 1024 * 1024)
    read = read_payload(batch.payload)
    return [{"row_no": row, **dict(zip(ORDERS.column_names, values, strict=True))} for row, values in read]


@cache
def engine() -> Engine:
    """One pool a process."""
    return create_engine(settings.database, pool_size=32, max_overflow=0, connect_args=PLAIN)


@app.task(name="bare.insert")
def insert() -> None:
    """One row."""
    with engine().begin() as connection:
        connection.execute(INSERT, {"id": str(uuid4())})


@app.task(name="bare.insert_rows")
def insert_rows() -> None:
    """A hundred orders, all of one statement, into a table like ours; they are made up once a process."""
    number = secrets.randbits(31)
    values = [{**row, "import_no": number, "order_number": f"{number}-{row['row_no']}"} for row in rows()]
    with engine().begin() as connection:
        connection.exec_driver_sql(INSERT_ROWS, values)


@app.task(name="bare.hint", queue="bare.hints")
def hint(id: str) -> None:
    """Only published."""
