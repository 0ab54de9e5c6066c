"""The mark: what was seen of the ledger and is kept outside of the database, where no restored backup takes it back."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Mark:
    """How far the ledger's own count, and its imports' numbers, had come when the sweeper looked last."""

    mark: int
    number: int


@dataclass(frozen=True)
class Installation:
    """The installation as its database tells it, and where that database is met now."""

    id: str
    mark: int
    last_number: int
    home_database: str | None
    home_server: str | None
    database: str
    server: str
    frozen_at: datetime | None
    frozen_reason: str | None
    read_at: datetime

    @property
    def is_copy(self) -> bool:
        """Whether the ledger is met under another database's name than the one that it was kept in: prepared branches
        with its id are the other's."""
        return self.home_database is not None and self.home_database.casefold() != self.database.casefold()


def find_doubt(here: Installation, kept: Mark | None, unfinished: int) -> str | None:
    """A sentence that says why this is not the ledger that was known; None where it is.

    `kept` must have been read before `here`: the ledger's mark is written first and never goes back by itself, so it is
    at least what was kept. Without a mark (a new spool folder) nothing is wrong in itself; on another server as well
    nobody can say that this is the latest ledger, which matters if imports are `unfinished`.
    """
    if here.is_copy:
        return (
            f"this ledger was kept in database {here.home_database} and is met in {here.database}: it is a copy, and"
            " prepared branches with its id belong to the original"
        )
    if kept is not None and kept.mark > here.mark:
        return (
            f"the ledger has gone back: its mark is {here.mark}, and was {kept.mark} when import numbers had come to"
            f" {kept.number}: an older backup was restored"
        )
    if kept is None and here.home_server not in (None, here.server) and unfinished:
        return (
            f"the ledger is met on another server than before, beside a spool folder that does not know it, and"
            f" {unfinished} import(s) are unfinished: a backup was restored, and nothing tells whether it is the latest"
        )
    return None
