"""Handlings: take orders of the table through the steps of a pipeline. A handling can't be undone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.states import IllegalMove

_ORDER_ID = re.compile("([0-9]{1,10})-([0-9]{1,10})")
MAX = 2**32 - 1


class HandlingState(StrEnum):
    """The state of a handling. Each docstring says who moves it on, and what a crash leaves."""

    QUEUED = "queued"
    """Accepted or requeued. A worker claims it; a stop ends it at once. A crash leaves it queued."""

    RUNNING = "running"
    """A worker takes its orders through their steps under a lease. After a crash the lease expires and the sweeper
    requeues the handling: the next worker continues where the record ends."""

    STOPPING = "stopping"
    """A stop was requested: running steps end, no other begins. After a crash the lease expires and the sweeper records
    the end."""

    STOPPED = "stopped"
    """Ended by a stop: completed steps stay done, the other orders are pending. A retry queues it again."""

    DONE = "done"
    """Final: every order went through every step."""

    FAILED = "failed"
    """Ended with failed orders; `error` says how many. A retry queues it again."""


class OrderState(StrEnum):
    """The state of one order of a handling."""

    PENDING = "pending"
    """Waiting for its next step."""

    RUNNING = "running"
    """A step of it is running, or its next step is about to begin. After a crash it stays so until the handling is
    requeued; then it is pending at that step."""

    DONE = "done"
    """It went through every step."""

    FAILED = "failed"
    """A step failed permanently; `error` says why. Its later steps do not begin."""


class StepState(StrEnum):
    """The state of one step of an order."""

    RUNNING = "running"
    """Begun. After a crash it stays so until the handling is requeued."""

    INTERRUPTED = "interrupted"
    """Its worker ended during the call, so the result is unknown. The call is repeated with the same key."""

    DONE = "done"
    """The service's response is recorded."""

    FAILED = "failed"
    """Refused by the service, or out of tries; `error` says why."""


class Mode(StrEnum):
    """How a handling schedules its orders."""

    ORDERED = "ordered"  # strictly one order after another
    PARALLEL = "parallel"  # as many at a time as its concurrency says, urgent steps first


LEGAL_MOVES = frozenset(
    {
        (HandlingState.QUEUED, HandlingState.RUNNING),
        (HandlingState.QUEUED, HandlingState.STOPPED),
        (HandlingState.RUNNING, HandlingState.QUEUED),
        (HandlingState.RUNNING, HandlingState.STOPPING),
        (HandlingState.RUNNING, HandlingState.DONE),
        (HandlingState.RUNNING, HandlingState.FAILED),
        (HandlingState.RUNNING, HandlingState.STOPPED),
        (HandlingState.STOPPING, HandlingState.STOPPED),
        (HandlingState.STOPPED, HandlingState.QUEUED),
        (HandlingState.FAILED, HandlingState.QUEUED),
    }
)
LEASED = frozenset({HandlingState.RUNNING, HandlingState.STOPPING})
RESTING = frozenset({HandlingState.STOPPED, HandlingState.DONE, HandlingState.FAILED})
UNFINISHED = frozenset(HandlingState) - RESTING


def require_legal(sources: Iterable[HandlingState], target: HandlingState) -> None:
    """Raise `IllegalMove` unless all `sources` may move to `target`. It signals a bug, never a user's mistake."""
    for source in sources:
        if (source, target) not in LEGAL_MOVES:
            raise IllegalMove(f"a handling's {source} → {target} is not a legal move")


@dataclass(frozen=True, order=True)
class OrderId:
    """An order's public id, `<number of its import>-<row>`. Both numbers are its primary key and are never reused."""

    import_no: int
    row_no: int

    def __str__(self) -> str:
        return f"{self.import_no}-{self.row_no}"


def parse_order_id(text: str) -> OrderId | None:
    """Parse an order's id; None if it is invalid."""
    match = _ORDER_ID.fullmatch(text)
    if match is None or not (0 < int(match[1]) <= MAX and 0 < int(match[2]) <= MAX):
        return None
    return OrderId(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Handling:
    """One row of the table `handlings`, as it was read at `read_at`."""

    number: int
    id: str
    client: str
    state: HandlingState
    mode: Mode
    concurrency: int
    pipeline: tuple[str, ...]
    priority: int
    epoch: int
    attempts: int
    lease_live: bool
    worker: str | None
    orders_total: int
    orders_done: int
    orders_failed: int
    sequence: int
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    read_at: datetime
    stopped_by: str | None = None

    @property
    def orders_pending(self) -> int:
        """How many are neither done nor failed."""
        return self.orders_total - self.orders_done - self.orders_failed

    @property
    def percent(self) -> float:
        """The percentage of its orders that have ended; 100 only when all have."""
        share = (self.orders_done + self.orders_failed) * 100 / self.orders_total if self.orders_total else 0.0
        return 100.0 if not self.orders_pending else round(min(share, 99.9), 1)


@dataclass(frozen=True)
class HandledOrder:
    """One order of a handling. `step` counts from 0: it is the next step, the running one or the failed one. The order
    `is_active` until the handling has ended."""

    handling_no: int
    position: int
    order: OrderId
    state: OrderState
    step: int
    error: str | None
    is_active: bool
    shipped_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class StepRecord:
    """The record of one step of an order in one handling, and who requested the handling."""

    handling_id: str
    client: str
    order: OrderId
    step: int
    name: str
    state: StepState
    tries: int
    answer: dict[str, Any] | None
    error: str | None
    started_at: datetime
    ended_at: datetime | None
