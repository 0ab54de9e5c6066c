"""Extension: what another part of the application adds to imports, which know nothing else of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.config import Settings
from app.db.database import Connection, Database
from app.domain.dataset import Dataset
from app.domain.feed_cursor import RowVersion
from app.domain.requests.erasure import Person
from app.lifecycle.work_stats import WorkStats
from app.queue import Hints
from app.spool import Spool

Place = tuple[int, int]  # where in its table a row is: the number of its import, and its row number
Counts = Mapping[str, int]


class Feed(Protocol):
    """How the one poller reads a ledger. Numbers are of one space with those of imports."""

    def list_changed(self, connection: Connection, since: datetime) -> list[RowVersion]:
        """What changed after an instant of the database's clock."""
        ...

    def list_numbered(self, connection: Connection, numbers: Iterable[int]) -> Sequence[Any]:
        """The rows with these numbers."""
        ...


class Extension(Protocol):
    """Registered where a process is wired."""

    @property
    def name(self) -> str:
        """What it is about, as in logs."""
        ...

    @property
    def feed(self) -> Feed:
        """What streams of its ledger send."""
        ...

    def sweep(self, database: Database, hints: Hints, settings: Settings) -> None:
        """Bring to its end, or queue again, what a crash left of it; with every sweep. Raises `DatabaseUnavailable`."""
        ...

    def clean(self, database: Database, settings: Settings) -> bool:
        """Remove a step of what outlived its use; returns whether there may be more."""
        ...

    def measure(self, database: Database, settings: Settings, seconds: float) -> list[WorkStats]:
        """How its kinds of work went within so many seconds. Raises `DatabaseUnavailable`."""
        ...

    def require_deletable(self, connection: Connection, dataset: Dataset, number: int | None = None) -> None:
        """Raise a `Refused` that says which, where rows may not be deleted: any, or those of the import of this number.

        Nothing new may get hold of these rows meanwhile: the dataset is marked as being cleared, or the import's rows
        are locked.
        """
        ...

    def list_in_use(self, connection: Connection, dataset: Dataset, places: Sequence[Place]) -> dict[Place, str]:
        """Which of these locked rows can't be erased now, and why, in a sentence."""
        ...

    def erase_rows(
        self, connection: Connection, spool: Spool, dataset: Dataset, places: Sequence[Place], *, dry_run: bool
    ) -> Counts:
        """Erase what is kept of these rows, in the transaction that deletes them; returns what, by place. A dry run
        counts it."""
        ...

    def erase_rest(
        self, database: Database, spool: Spool, person: Person, at: tuple[int, int], *, dry_run: bool
    ) -> tuple[Counts, tuple[int, int] | None]:
        """Erase a step of what is kept of the person beside rows, from a place on, first (0, 0); returns what, by
        place, and where the next step begins (None: nowhere)."""
        ...
