"""Outcomes: how an attempt ended."""

from enum import Enum


class AttemptOutcome(Enum):
    """How an attempt ended."""

    COMMITTED = "committed"  # every row is there
    CHECKED = "checked"  # a dry run went well: what it loaded is being undone
    FAILED = "failed"  # the file can't be loaded, now or ever: what was loaded is being undone
    LOST = "lost"  # the import was stopped or taken over meanwhile: the other side decides
    RELEASED = "released"  # queued again at once, because this worker goes
    REQUEUED = (
        "requeued"  # queued again after a pause; failed if this was the last attempt, stopped if a stop came first
    )


UNDOING_OUTCOMES = frozenset(AttemptOutcome) - {AttemptOutcome.COMMITTED, AttemptOutcome.RELEASED}
