"""What every verb of the story works with: the settings and the places they name."""

from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any

from app.config import Settings
from app.db import history, ledger
from app.db.engines import Database
from app.domain.xid import Xid
from app.lifecycle.chapter import Chapter
from app.queue import Hints, create_celery
from app.spool import Spool

RATES_SECONDS = 5.0  # how old the rates of the latest imports may be: an estimate is one


class Recent:
    """What a process asked not long ago, and may say again."""

    def __init__(self) -> None:
        self._rates: tuple[float, tuple[float | None, float | None]] | None = None

    def rates(self, connection: Any) -> tuple[float | None, float | None]:
        """`history.measure_rates`, as it was `RATES_SECONDS` ago at most; asked anew while there are none."""
        known = self._rates
        if known is None or known[1][0] is None or monotonic() >= known[0] + RATES_SECONDS:
            known = self._rates = monotonic(), history.measure_rates(connection)
        return known[1]


@dataclass(frozen=True)
class Site:
    """One process's view of the installation."""

    settings: Settings
    database: Database
    spool: Spool
    hints: Hints
    recent: Recent = field(default_factory=Recent)
    chapters: tuple[Chapter, ...] = ()  # what else there is; the story of imports knows no more of them than that

    @cached_property
    def installation(self) -> str:
        """The random id that marks this installation's branches; raises `DatabaseUnavailable`."""
        with self.database.begin() as connection:
            return ledger.installation_id(connection)

    def xids(self, number: int, epochs: range, branches: int) -> list[Xid]:
        """The names of all branches that these attempts of an import may have."""
        return [Xid(self.installation, number, epoch, branch) for epoch in epochs for branch in range(1, branches + 1)]


def open_site(settings: Settings, *, pool_size: int = 10, chapters: tuple[Chapter, ...] = ()) -> Site:
    """The places that these settings name; nothing is connected to before it is used. Whoever wires a process knows the
    `chapters` that it has."""
    return Site(
        settings=settings,
        database=Database(settings.database, lock_wait_seconds=settings.lock_wait_seconds, pool_size=pool_size),
        spool=Spool(settings.spool_dir, settings.max_upload_bytes),
        hints=Hints(create_celery(settings), settings.publish_seconds),
        chapters=chapters,
    )
