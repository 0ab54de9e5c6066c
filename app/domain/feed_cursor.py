"""Cursors of the change feed: which changes a client has received, so that any process can continue its stream.

A time alone is not enough: of two changes, the later one may become visible first. So the cursor reaches back by more
than a ledger transaction takes, and lists the imports that were sent since then, with their sequences.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

OVERLAP = timedelta(seconds=30)  # longer than any lock wait can delay a change
MAX_SEEN = 400  # limited by the size of a request's header
TOO_MANY = "*"
_TEXT = re.compile(r"([0-9]{1,17})~(\*|(?:[0-9]{1,10}\.[0-9]{1,20}(?:_[0-9]{1,10}\.[0-9]{1,20})*)?)")
_EPOCH = datetime(1970, 1, 1)


class RowVersion(NamedTuple):
    """One version of an import's row: its number, its sequence and when it changed."""

    number: int
    sequence: int
    updated_at: datetime


@dataclass(frozen=True)
class Cursor:
    """The client has every change up to `since`, and later ones up to `seen`: sequences by import number."""

    since: datetime
    seen: Mapping[int, int] = field(default_factory=dict)
    is_exact: bool = True

    def __str__(self) -> str:
        seen = "_".join(f"{number}.{sequence}" for number, sequence in self.seen.items())
        exact = self.is_exact and len(self.seen) <= MAX_SEEN
        return f"{(self.since - _EPOCH) // timedelta(microseconds=1)}~{seen if exact else TOO_MANY}"

    def is_new(self, number: int, sequence: int) -> bool:
        """Whether the client has not received this version yet."""
        return sequence > self.seen.get(number, 0)


def cursor_at(now: datetime, versions: Iterable[RowVersion]) -> Cursor:
    """The cursor of a client that has received all `versions` at the time `now`."""
    since = now - OVERLAP
    return Cursor(since, {version.number: version.sequence for version in versions if version.updated_at > since})


def parse_cursor(text: str) -> Cursor | None:
    """The cursor of this text; None if it is invalid."""
    found = _TEXT.fullmatch(text)
    if not found:
        return None
    since = _EPOCH + timedelta(microseconds=int(found[1]))
    pairs = (pair.split(".") for pair in found[2].split("_")) if found[2] and found[2] != TOO_MANY else ()
    return Cursor(since, {int(number): int(sequence) for number, sequence in pairs}, is_exact=found[2] != TOO_MANY)
