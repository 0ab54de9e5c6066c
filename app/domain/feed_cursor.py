"""A cursor: what a watcher of all imports was told, in words of the ledger, so that any process can go on from it.

Instants alone would not do: of two changes the later one may be seen first. So the cursor reaches back by more than a
ledger transaction lasts, and names the imports that were told of since then, with their sequences.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

OVERLAP = timedelta(seconds=30)  # a change that is seen later than this was held up for longer than any lock wait
MAX_SEEN = 400  # a request's header has room for no more
TOO_MANY = "*"
_TEXT = re.compile(r"([0-9]{1,17})~(\*|(?:[0-9]{1,10}\.[0-9]{1,20}(?:_[0-9]{1,10}\.[0-9]{1,20})*)?)")
_EPOCH = datetime(1970, 1, 1)


class RowVersion(NamedTuple):
    """That an import has changed: no more than is needed to know it."""

    number: int
    sequence: int
    updated_at: datetime


@dataclass(frozen=True)
class Cursor:
    """Every change up to `since` was told, and of the later ones those up to `seen`: sequences by import number."""

    since: datetime
    seen: Mapping[int, int] = field(default_factory=dict)
    is_exact: bool = True

    def __str__(self) -> str:
        seen = "_".join(f"{number}.{sequence}" for number, sequence in self.seen.items())
        exact = self.is_exact and len(self.seen) <= MAX_SEEN
        return f"{(self.since - _EPOCH) // timedelta(microseconds=1)}~{seen if exact else TOO_MANY}"

    def is_news(self, number: int, sequence: int) -> bool:
        """Whether this state of an import was not told yet."""
        return sequence > self.seen.get(number, 0)


def cursor_at(now: datetime, glances: Iterable[RowVersion]) -> Cursor:
    """The cursor of somebody who was told all of `glances` at the instant `now`."""
    since = now - OVERLAP
    return Cursor(since, {glance.number: glance.sequence for glance in glances if glance.updated_at > since})


def parse_cursor(text: str) -> Cursor | None:
    """The cursor that was written like this; None for anything else."""
    found = _TEXT.fullmatch(text)
    if not found:
        return None
    since = _EPOCH + timedelta(microseconds=int(found[1]))
    pairs = (pair.split(".") for pair in found[2].split("_")) if found[2] and found[2] != TOO_MANY else ()
    return Cursor(since, {int(number): int(sequence) for number, sequence in pairs}, is_exact=found[2] != TOO_MANY)
