"""Row counter: how many rows of a committed import are in the table, counted beside the request of who looks at it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from app.db.database import Database
from app.db.datasets import rows
from app.db.imports import counts, queries
from app.db.reverts import claims
from app.domain.errors import DatabaseUnavailable
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, State
from app.lifecycle.datasets.catalog import find_dataset_of

AGAIN_SECONDS = 60.0  # after a count, and after the request for one that may be lost
FRESH_SECONDS = 5.0  # after a commit: who waited for it looks once more, and its rows were counted a moment ago
MAX_WAITING = 50

log = structlog.get_logger(__name__)


class RowCounter:
    """Counts for one process, one import at a time on a thread and a connection of its own.

    A count is begun by one conditional UPDATE, so one is enough for all who look. What is lost by a crash here, or is
    one too many, the next one who looks asks for again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="count")
        self._waiting: set[int] = set()

    def ask(self, row: Import) -> None:
        """Count the import's rows soon, unless that was done lately or can't be. The caller does not wait."""
        if not _is_due(row) or row.number in self._waiting or len(self._waiting) >= MAX_WAITING:
            return
        self._waiting.add(row.number)
        with suppress(RuntimeError):  # this process ends
            self._aside.submit(self._run, row.number)

    def _run(self, number: int) -> None:
        try:
            count_rows(self._database, number)
        except DatabaseUnavailable as error:
            log.warning("rows_not_counted", import_no=number, error=error.detail)
        except Exception as error:  # noqa: BLE001 — no caller waits for it; a table may be dropped while it is read
            log.warning("rows_not_counted", import_no=number, error=f"{type(error).__name__}: {error}")
        finally:
            self._waiting.discard(number)


def count_rows(database: Database, number: int) -> bool:
    """Count the rows of a committed import, and keep the result; False where another did so lately, or where they are
    just being deleted. Raises `DatabaseUnavailable`, and SQLAlchemy's errors where the table is dropped meanwhile."""
    with database.begin() as connection:
        if not counts.claim(connection, number, AGAIN_SECONDS):
            return False
        row = queries.find_numbered(connection, number)
    # a crash here leaves the claim, which runs out
    dataset = find_dataset_of(database, row) if row is not None else None
    if dataset is None or dataset.adopted:
        return False
    with database.snapshot() as connection:
        row = queries.find_numbered(connection, number)
        holder = claims.find_holder(connection, number)
        # the rows go with the revert's branch, and the ledger says so a moment later
        if row is None or (holder is not None and holder[1] not in FINAL):
            return False
        found = rows.count_rows(connection, dataset, number)
    with database.begin() as connection:
        recorded = counts.record(connection, row, found)
    log.info("rows_counted", import_id=row.id, rows=found, recorded=recorded)
    return recorded


def _is_due(row: Import) -> bool:
    is_there = row.state is State.COMMITTED and row.kind is Kind.IMPORT and row.rows_done > row.rows_deleted
    if not is_there or row.finished_at is None:
        return False
    if row.rows_counted_at is not None:
        return (row.read_at - row.rows_counted_at).total_seconds() > AGAIN_SECONDS
    return (row.read_at - row.finished_at).total_seconds() > FRESH_SECONDS
