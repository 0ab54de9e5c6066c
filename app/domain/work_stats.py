"""Kinds of work, and how they went lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class WorkStats:
    """How one kind of work went lately: imports, or one step of handlings.

    Attributes:
        ended: how many came to an end that is a success or a failure; a stop is neither.
        success_rate: the share of those that succeeded.
        error_rate: the share of attempts or tries that went wrong, also where a later one succeeded.
        average_seconds, p95_seconds: from the beginning to the end, tries and pauses included.
    """

    kind: str
    ended: int
    success_rate: float | None
    error_rate: float | None
    average_seconds: float | None
    p95_seconds: float | None


def summarize(kind: str, lately: Sequence[tuple[bool, int, float]]) -> WorkStats:
    """The figures of (succeeded, tries, seconds) of each that ended."""
    if not lately:
        return WorkStats(kind, 0, None, None, None, None)
    succeeded = sum(good for good, _, _ in lately)
    tries = max(sum(count for _, count, _ in lately), succeeded, 1)
    times = sorted(seconds for _, _, seconds in lately)
    return WorkStats(
        kind=kind,
        ended=len(lately),
        success_rate=round(succeeded / len(lately), 4),
        error_rate=round(1 - succeeded / tries, 4),
        average_seconds=round(sum(times) / len(times), 3),
        p95_seconds=round(times[ceil(len(times) * 0.95) - 1], 3),
    )
