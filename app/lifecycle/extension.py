"""Extension: what another part of the application adds to imports, which know nothing else of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.config import Settings
from app.db.database import Connection, Database
from app.domain.dataset import Dataset
from app.domain.feed_cursor import RowVersion
from app.lifecycle.work_stats import WorkStats
from app.queue import Hints


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

    def clean(self, database: Database, settings: Settings) -> None:
        """Remove a step of what outlived its use."""
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
