"""A handling: orders that are in the table, taken through the steps of a pipeline. It can't be undone."""

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
    """Where a handling is. The docstrings say who moves it out of a state, and what a crash leaves."""

    QUEUED = "queued"
    """Accepted, or to be taken up again. A worker claims it; a stop ends it at once. A crash leaves it queued."""

    RUNNING = "running"
    """A worker takes its orders through their steps under a lease, and moves it on. A crash leaves a lease that runs
    out, after which the sweeper takes it back to `queued`: the next worker goes on where the record ends."""

    STOPPING = "stopping"
    """Told to stop: the steps in hand are ended, no other begins. A crash leaves a lease that runs out, after which the
    sweeper records the end."""

    STOPPED = "stopped"
    """At rest: what was done stays done, and orders that a stop left are pending. A retry queues it again."""

    DONE = "done"
    """Final: every order went through every step."""

    FAILED = "failed"
    """At rest: it has ended, and some orders failed; `error` says how many. A retry queues it again."""


class OrderState(StrEnum):
    """Where one order of a handling is."""

    PENDING = "pending"
    """Waiting for its next step; nothing of it is in hand."""

    RUNNING = "running"
    """In hand: a step of it is being done, or its next one is about to begin. A crash leaves it so until the handling
    is taken back, which makes it pending at the step that was in hand."""

    DONE = "done"
    """It went through every step."""

    FAILED = "failed"
    """A step failed for good; `error` says why. The later ones were not begun."""


class StepState(StrEnum):
    """What became of one step of an order."""

    RUNNING = "running"
    """Begun. A crash leaves it so until the handling is taken back."""

    INTERRUPTED = "interrupted"
    """Its worker ended in the middle: what the other side did is not known here. Asked for again with the same key."""

    DONE = "done"
    """The other side's answer is recorded."""

    FAILED = "failed"
    """Refused, or tried as often as is allowed; `error` says why."""


class Mode(StrEnum):
    """How the orders of a handling follow each other."""

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
    """Raise `IllegalMove` unless every one of `sources` may move to `target`: a bug of ours, never a user's fault."""
    for source in sources:
        if (source, target) not in LEGAL_MOVES:
            raise IllegalMove(f"a handling's {source} → {target} is no legal move")


@dataclass(frozen=True, order=True)
class OrderId:
    """An order's name for the outside, `<number of its import>-<row>`: both are its primary key, and are never given
    out again."""

    import_no: int
    row_no: int

    def __str__(self) -> str:
        return f"{self.import_no}-{self.row_no}"


def parse_order_id(text: str) -> OrderId | None:
    """The order that is meant; None for what can't be one."""
    match = _ORDER_ID.fullmatch(text)
    if match is None or not (0 < int(match[1]) <= MAX and 0 < int(match[2]) <= MAX):
        return None
    return OrderId(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Handling:
    """One row of the handlings' ledger, as it was read."""

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

    @property
    def orders_pending(self) -> int:
        """How many are neither done nor failed."""
        return self.orders_total - self.orders_done - self.orders_failed

    @property
    def percent(self) -> float:
        """How many of its orders have come to an end; 100 only when all have."""
        share = (self.orders_done + self.orders_failed) * 100 / self.orders_total if self.orders_total else 0.0
        return 100.0 if not self.orders_pending else round(min(share, 99.9), 1)


@dataclass(frozen=True)
class HandledOrder:
    """One order of a handling; `step` counts from 0 and is the one that is next, or in hand, or failed. It `is_active`
    while the handling has not ended."""

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
    """What became of one step of an order in one handling, and who asked for that."""

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
