"""Statistics about recent work."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class WorkStats:
    """Statistics of one kind of recent work: of imports, or of one step of handlings.

    Attributes:
        ended: how many succeeded or failed; stopped ones do not count.
        success_rate: the share of those that succeeded.
        error_rate: the share of failed attempts or tries, even if a later one succeeded.
        average_seconds, p95_seconds: from the beginning to the end, including all tries and pauses.
    """

    kind: str
    ended: int
    success_rate: float | None
    error_rate: float | None
    average_seconds: float | None
    p95_seconds: float | None


def summarize(kind: str, recent: Sequence[tuple[bool, int, float]]) -> WorkStats:
    """The statistics of pieces of work, each given as (succeeded, tries, seconds)."""
    if not recent:
        return WorkStats(kind, 0, None, None, None, None)
    succeeded = sum(good for good, _, _ in recent)
    tries = max(sum(count for _, count, _ in recent), succeeded, 1)
    times = sorted(seconds for _, _, seconds in recent)
    return WorkStats(
        kind=kind,
        ended=len(recent),
        success_rate=round(succeeded / len(recent), 4),
        error_rate=round(1 - succeeded / tries, 4),
        average_seconds=round(sum(times) / len(times), 3),
        p95_seconds=round(times[ceil(len(times) * 0.95) - 1], 3),
    )
