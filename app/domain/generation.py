"""Generations: how often the ledger was swept. A copy of the count outside the database shows a restored backup."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Generation:
    """The ledger's generation, and the highest import number at that time. The sweeper counts the generation up."""

    generation: int
    last_number: int


@dataclass(frozen=True)
class Installation:
    """The installation's row in the ledger, and the database and server that answer now."""

    id: str
    generation: int
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
        """Whether this database has another name than the ledger's home. Prepared branches with the ledger's id then
        belong to the original."""
        return self.home_database is not None and self.home_database.casefold() != self.database.casefold()


def why_stale(here: Installation, kept: Generation | None, unfinished: int) -> str | None:
    """Say in a sentence why this may not be the latest ledger; None if nothing speaks against it.

    `kept` is the generation in the spool folder. Read it before `here`: the sweeper writes the ledger first and never
    lowers it, so the ledger's is at least as high. `kept` is None in a new spool folder: that alone is fine.
    On another server as well, nothing shows that this ledger is the latest, which matters if imports are `unfinished`.
    """
    if here.is_copy:
        return (
            f"this ledger was kept in database {here.home_database} and is now in {here.database}: it is a copy, and"
            " prepared branches with its id belong to the original"
        )
    if kept is not None and kept.generation > here.generation:
        return (
            f"the ledger has gone back: its generation is {here.generation}, and was {kept.generation} when the last"
            f" import number was {kept.last_number}: someone restored an older backup"
        )
    if kept is None and here.home_server not in (None, here.server) and unfinished:
        return (
            f"the ledger is on another server than before, the spool folder does not know it, and {unfinished}"
            " import(s) are unfinished: someone restored a backup, and nothing shows whether it is the latest"
        )
    return None
