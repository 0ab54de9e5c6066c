"""Run: claim a handling and take its orders through their steps, in the order that its mode says.

One worker has a handling at a time, by the ledger's claim: that is what keeps the order, however many workers are up
and whatever the queue does.
"""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from heapq import heapify, heappop, heappush
from threading import Event
from time import monotonic

import structlog

from app.db.handlings import queries, transitions
from app.domain.errors import SpoolFull, SweepingFrozen
from app.domain.handling import Handling, HandlingState, Mode
from app.handling import end
from app.handling.service_calls import Outside
from app.handling.step_runner import Ended, Todo, perform
from app.handling.steps import all_steps
from app.lifecycle import freeze
from app.lifecycle.imports.loading.heartbeat import Heartbeat
from app.lifecycle.imports.loading.shutdown import Draining, HandBack
from app.lifecycle.services import Site

CANDIDATES = 5
LOOK_SECONDS = 0.2  # how often a run looks whether its worker was told to go

log = structlog.get_logger(__name__)


def run_next(site: Site, outside: Outside, worker: str, draining: Draining) -> str | None:
    """Claim what is due by priority, then age, and run it; returns its id, None where nothing was due or sweeping is
    frozen. Raises `DatabaseUnavailable` when nothing could be claimed."""
    try:
        freeze.require_sweeping(site)
    except SweepingFrozen as error:
        log.warning("nothing_claimed", error=error.detail)
        return None
    with site.database.begin() as connection:
        due = transitions.list_due(connection, CANDIDATES)
    for number in due:
        with draining.attempt():
            handling = claim(site, number, worker)
            if handling is not None:
                run(site, outside, handling, draining)
                return handling.id
    return None


def claim(site: Site, number: int, worker: str) -> Handling | None:
    """Take a queued handling for an attempt; None when somebody else was first."""
    with site.database.begin() as connection:
        if not transitions.claim(connection, number, worker=worker, lease_seconds=site.settings.lease_seconds):
            return None
        return transitions.find_numbered(connection, number)
    # a crash here leaves `running` under a lease that runs out


def run(site: Site, outside: Outside, handling: Handling, draining: Draining) -> None:
    """Run a claimed handling to whatever end this attempt has: the ledger says what came of it. Raises
    `DatabaseUnavailable` when the end could not be recorded: the lease runs out, and the sweeper takes over."""
    with structlog.contextvars.bound_contextvars(handling_id=handling.id, epoch=handling.epoch):
        log.info("handling_started", attempt=handling.attempts, orders=handling.orders_total)
        try:
            whole = _Run(site, outside, handling, draining).go()
        except SpoolFull:
            if not end.wait_for_space(site, handling):
                end.finish(site, handling, whole=False)
            return
        except Exception as error:  # the boundary of an attempt: whatever broke it, it is taken up again
            log.exception("handling_broken")
            end.try_again(site, handling, f"{type(error).__name__}: {error}")
            return
        if not whole and draining.told and end.hand_back(site, handling):
            return
        end.finish(site, handling, whole=whole)


class _Run:
    """One attempt. `ordered` is `parallel` with one order at a time, of which the first that has not ended is next."""

    def __init__(self, site: Site, outside: Outside, handling: Handling, draining: Draining) -> None:
        self._site, self._outside, self._handling, self._draining = site, outside, handling, draining
        self._ordered = handling.mode is Mode.ORDERED
        self._slots = 1 if self._ordered else handling.concurrency
        self._over = Event()  # stopped or taken over: nothing new is begun, what is in hand ends its step
        self._lost = Event()  # nothing that is in hand can be recorded any more
        priorities = [all_steps()[name].priority for name in handling.pipeline]
        self._priorities = [0 for _ in priorities] if self._ordered else priorities

    def go(self) -> bool:
        """Whether every order came to its end; False when the steps in hand ended and no other was begun."""
        handling = self._handling
        with self._site.database.begin_long() as connection:
            waiting = [Todo(*found) for found in queries.list_todo(connection, handling.number)]
        line = [(self._urgency(todo), todo.position, todo) for todo in waiting]
        heapify(line)
        running: dict[Future[Ended], Todo] = {}
        with (
            Heartbeat(self._site, handling, self._lost.set, transitions.renew_lease),
            ThreadPoolExecutor(self._slots, thread_name_prefix="handling") as pool,
        ):
            while running or (line and not self._halted):
                while line and len(running) < self._slots and not self._halted:
                    todo = heappop(line)[2]
                    running[pool.submit(self._perform, todo)] = todo
                done, _ = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
                for future in done:
                    todo = running.pop(future)
                    if self._settle(future) is Ended.NEXT:
                        heappush(line, (self._urgency(todo), todo.position, todo))
        return not line and not self._halted

    @property
    def _halted(self) -> bool:
        return self._over.is_set() or self._lost.is_set() or self._draining.told

    def _urgency(self, todo: Todo) -> int:
        return -self._priorities[todo.step]

    def _perform(self, todo: Todo) -> Ended:
        return perform(self._site, self._outside, self._handling, todo, self._pause)

    def _settle(self, future: "Future[Ended]") -> Ended:
        try:
            ended = future.result()
        except HandBack:
            return Ended.NOTHING
        except BaseException:
            self._lost.set()
            raise
        if ended is Ended.NOTHING and not self._still_ours():
            self._over.set()
        return ended

    def _still_ours(self) -> bool:
        with self._site.database.begin() as connection:
            now = transitions.find_numbered(connection, self._handling.number)
        return now is not None and now.state is HandlingState.RUNNING and now.epoch == self._handling.epoch

    def _pause(self, seconds: float) -> None:
        """Wait between two tries; raises `HandBack` when the worker must go, or the attempt is lost."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._draining.look()
            if self._lost.wait(min(left, LOOK_SECONDS)):
                raise HandBack
