"""The extension that handlings are to imports: swept by the same sweeper, asked before rows are deleted."""

from collections.abc import Sequence
from functools import partial

import structlog

from app.config import Settings
from app.db import statistics
from app.db.database import Connection, Database
from app.db.handlings import erasing, queries, transitions
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import OrdersKept
from app.domain.handling import Handling, HandlingState, OrderId
from app.domain.requests.erasure import Person
from app.handling import end, erase
from app.lifecycle.extension import Counts, Feed, Place
from app.lifecycle.recovery.chores import do_each
from app.lifecycle.work_stats import WorkStats, summarize
from app.queue import HANDLE_TASK, HANDLING_QUEUE, Hints
from app.spool import Spool

MAX_HINTS = 100  # a sweep
MAX_NAMED = 20

log = structlog.get_logger(__name__)


class HandlingExtension:
    """Handlings, for one process. It keeps orders from being deleted where nothing is handled any more, too."""

    name = "handlings"

    @property
    def feed(self) -> Feed:
        """The handlings' ledger."""
        return transitions

    def sweep(self, database: Database, hints: Hints, settings: Settings) -> None:
        """Requeue handlings whose lease ended, finish stops whose worker died, publish hints for queued ones."""
        with database.begin() as connection:
            held = transitions.list_in_state(connection, [HandlingState.RUNNING, HandlingState.STOPPING])
        do_each([row for row in held if not row.lease_live], partial(self._take_back, database, settings))
        self._hint(database, hints)

    def _take_back(self, database: Database, settings: Settings, row: Handling) -> None:
        if row.state is HandlingState.RUNNING:
            if end.try_again(database, settings, row, "its worker died or was cut off", only_expired=True):
                log.warning("handling_taken_back", handling_id=row.id, attempt=row.attempts)
        else:
            with database.begin() as connection:
                transitions.ledger.end_deserted_stop(connection, row.number, row.epoch)

    def _hint(self, database: Database, hints: Hints) -> None:
        with database.begin() as connection:
            due = transitions.list_due(connection, MAX_HINTS)
            rows = [transitions.find_numbered(connection, number) for number in due]
        hints.publish_missing([row.id for row in rows if row is not None], HANDLE_TASK, HANDLING_QUEUE)

    def clean(self, database: Database, settings: Settings) -> bool:
        """Forget a step of old handlings with their history, as old imports are; returns whether there may be more."""
        with database.begin() as connection:
            forgotten = transitions.forget_old(connection, settings.history_retention_days)
        if forgotten:
            log.info("handlings_forgotten", handlings=forgotten)
        return forgotten == transitions.BATCH_SIZE

    def measure(self, database: Database, settings: Settings, seconds: float) -> list[WorkStats]:
        """How each step went lately, where orders are handled."""
        if not settings.handling:
            return []
        with database.begin() as connection:
            names = statistics.list_steps(connection, seconds)
            return [summarize(name, statistics.sample_steps(connection, name, seconds)) for name in names]

    def require_deletable(self, connection: Connection, dataset: Dataset, number: int | None = None) -> None:
        """Raise `OrdersKept` where orders are being handled or were shipped."""
        if dataset.name != ORDERS.name:
            return
        count, first = queries.list_kept(connection, number, MAX_NAMED)
        if count:
            named = ", ".join(f"{order} ({reason})" for order, reason in first[:3])
            raise OrdersKept(
                f"{count} order(s) are being handled or were shipped, and nothing was deleted: {named}"
                + (" and more" if count > 3 else ""),
                orders=[{"order": str(order), "reason": reason} for order, reason in first],
                count=count,
            )

    def list_in_use(self, connection: Connection, dataset: Dataset, places: Sequence[Place]) -> dict[Place, str]:
        """Orders in a handling that has not ended."""
        if dataset.name != ORDERS.name:
            return {}
        found = erasing.list_in_hand(connection, [OrderId(*place) for place in places])
        return {
            (id.import_no, id.row_no): f"order {id} is in handling {by}: stop that, or erase again when it has ended"
            for id, by in found.items()
        }

    def erase_rows(
        self, connection: Connection, spool: Spool, dataset: Dataset, places: Sequence[Place], *, dry_run: bool
    ) -> Counts:
        """The steps of these orders and their packing slips. That they were handled stays."""
        ids = [OrderId(*place) for place in places]
        return erase.erase_orders(connection, spool, ids, dry_run=dry_run) if dataset.name == ORDERS.name else {}

    def erase_rest(
        self, database: Database, spool: Spool, person: Person, at: tuple[int, int], *, dry_run: bool
    ) -> tuple[Counts, tuple[int, int] | None]:
        """Packing slips of orders that are gone, and texts of handlings."""
        if person.dataset.name != ORDERS.name:
            return {}, None
        return erase.erase_rest(database, spool, person, at, dry_run=dry_run)
