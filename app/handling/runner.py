"""Runner: claim a handling and take its orders through their steps, in the order that its mode says.

One worker has a handling at a time, by the ledger's claim: that is what keeps the order, however many workers are up
and whatever the queue does.
"""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from heapq import heapify, heappop, heappush
from threading import Event
from time import monotonic

import structlog

from app.config import Settings
from app.db.database import Database
from app.db.handlings import queries, transitions
from app.domain.errors import LedgerFrozen, SpoolFull, SpoolUnavailable
from app.domain.handling import Handling, HandlingState, Mode
from app.handling import end
from app.handling.service_calls import ServiceClients
from app.handling.step_runner import PendingOrder, StepOutcome, run_step
from app.handling.steps import all_steps
from app.lifecycle import freeze
from app.lifecycle.imports.loading.heartbeat import Heartbeat
from app.lifecycle.imports.loading.shutdown import GracefulShutdown, Released
from app.lifecycle.imports.requeue import WAITS_FOR_SPACE
from app.lifecycle.services import Services

CANDIDATES = 5
LOOK_SECONDS = 0.2  # how often a run looks whether its worker shuts down

log = structlog.get_logger(__name__)


def run_next(services: Services, clients: ServiceClients, worker: str, shutdown: GracefulShutdown) -> str | None:
    """Claim the next queued handling by priority, then age, and run it; returns its id, None if there is none or
    sweeping is frozen. Raises `DatabaseUnavailable` when nothing could be claimed."""
    try:
        freeze.require_sweeping(services)
    except LedgerFrozen as error:
        log.warning("nothing_claimed", error=error.detail)
        return None
    with services.database.begin() as connection:
        due = transitions.list_due(connection, CANDIDATES)
    for number in due:
        with shutdown.attempt():
            handling = claim(services.database, services.settings, number, worker)
            if handling is not None:
                run(services, clients, handling, shutdown)
                return handling.id
    return None


def claim(database: Database, settings: Settings, number: int, worker: str) -> Handling | None:
    """Take a queued handling for an attempt; None when somebody else was first."""
    with database.begin() as connection:
        if not transitions.ledger.claim(connection, number, worker=worker, lease_seconds=settings.lease_seconds):
            return None
        return transitions.find_numbered(connection, number)
    # a crash here leaves `running` under a lease that runs out


def run(services: Services, clients: ServiceClients, handling: Handling, shutdown: GracefulShutdown) -> None:
    """Run a claimed handling to whatever end this attempt has: the ledger says what came of it. Raises
    `DatabaseUnavailable` when the end could not be recorded: the lease runs out, and the sweeper takes over."""
    with structlog.contextvars.bound_contextvars(handling_id=handling.id, epoch=handling.epoch):
        log.info("handling_started", attempt=handling.attempts, orders=handling.orders_total)
        try:
            whole = _Run(services, clients, handling, shutdown).go()
        except (SpoolFull, SpoolUnavailable) as error:
            reason = error.detail if isinstance(error, SpoolUnavailable) else WAITS_FOR_SPACE
            if not end.wait_for_space(services.database, handling, reason):
                end.finish(services.database, handling, whole=False)
            return
        except Exception as error:  # the boundary of an attempt: whatever broke it, it is taken up again
            log.exception("handling_broken")
            end.try_again(services.database, services.settings, handling, f"{type(error).__name__}: {error}")
            return
        if not whole and shutdown.told and end.release(services.database, services.hints, handling):
            return
        end.finish(services.database, handling, whole=whole)


class _Run:
    """One attempt. `ordered` is `parallel` with one order at a time, of which the first that has not ended is next."""

    def __init__(
        self, services: Services, clients: ServiceClients, handling: Handling, shutdown: GracefulShutdown
    ) -> None:
        self._services, self._clients, self._handling, self._shutdown = services, clients, handling, shutdown
        self._ordered = handling.mode is Mode.ORDERED
        self._slots = 1 if self._ordered else handling.concurrency
        self._over = Event()  # stopped or taken over: nothing new is begun, what is in hand ends its step
        self._lost = Event()  # nothing that is in hand can be recorded any more
        priorities = [all_steps()[name].priority for name in handling.pipeline]
        self._priorities = [0 for _ in priorities] if self._ordered else priorities

    def go(self) -> bool:
        """Whether every order came to its end; False when the steps in hand ended and no other was begun."""
        handling = self._handling
        with self._services.database.begin_long() as connection:
            waiting = [PendingOrder(*found) for found in queries.list_pending(connection, handling.number)]
        queue = [(self._urgency(pending), pending.position, pending) for pending in waiting]
        heapify(queue)
        running: dict[Future[StepOutcome], PendingOrder] = {}
        with (
            Heartbeat(
                self._services.database,
                self._services.settings.lease_seconds,
                handling,
                self._lost.set,
                transitions.ledger.renew_lease,
            ),
            ThreadPoolExecutor(self._slots, thread_name_prefix="handling") as pool,
        ):
            while running or (queue and not self._halted):
                while queue and len(running) < self._slots and not self._halted:
                    pending = heappop(queue)[2]
                    running[pool.submit(self._run_step, pending)] = pending
                done, _ = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
                for future in done:
                    pending = running.pop(future)
                    if self._collect_result(future) is StepOutcome.NEXT:
                        heappush(queue, (self._urgency(pending), pending.position, pending))
        return not queue and not self._halted

    @property
    def _halted(self) -> bool:
        return self._over.is_set() or self._lost.is_set() or self._shutdown.told

    def _urgency(self, pending: PendingOrder) -> int:
        return -self._priorities[pending.step]

    def _run_step(self, pending: PendingOrder) -> StepOutcome:
        return run_step(self._services, self._clients, self._handling, pending, self._pause)

    def _collect_result(self, future: "Future[StepOutcome]") -> StepOutcome:
        try:
            ended = future.result()
        except Released:
            return StepOutcome.NOTHING
        except BaseException:
            self._lost.set()
            raise
        if ended is StepOutcome.NOTHING and not self._still_ours():
            self._over.set()
        return ended

    def _still_ours(self) -> bool:
        with self._services.database.begin() as connection:
            now = transitions.find_numbered(connection, self._handling.number)
        return now is not None and now.state is HandlingState.RUNNING and now.epoch == self._handling.epoch

    def _pause(self, seconds: float) -> None:
        """Wait between two tries; raises `Released` when the worker must go, or the attempt is lost."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._shutdown.check()
            if self._lost.wait(min(left, LOOK_SECONDS)):
                raise Released
