"""Denials: what was refused for who asked, counted here and written once a second, so that no request waits for it and
no stranger takes a connection to the database from others.

What a stranger is refused is one line a minute and address; of a known caller one a minute, token and operation. Beyond
`MAX_KINDS` of either kind a minute all others are one line. A server that is killed loses those of its last second.
"""

from collections import Counter
from threading import Lock, Timer
from time import time

import structlog

from app.db.access import audit
from app.db.database import Database
from app.domain.audit.entry import Denial
from app.domain.errors import DatabaseUnavailable
from app.routes.access.failures import place_of

MAX_KINDS = 300
MAX_KEPT = 2000  # while the database is away
PAUSE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Denials:
    """Those of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._pending: Counter[Denial] = Counter()
        self._first: dict[str, Denial] = {}
        self._minute = 0
        self._timer: Timer | None = None

    def note(
        self,
        *,
        act: str,
        client: str,
        address: str,
        reason: str,
        token: str | None,
        session: str | None,
        request_id: str,
    ) -> None:
        """Count a denial. Raises nothing, and waits for nothing."""
        place = place_of(address)
        folded = f"{place} {token or client} {act}" if client else place
        one = Denial(act, client, address, token, session, request_id, reason, folded)
        with self._lock:
            if self._minute != (minute := int(time() // 60)):
                self._minute = minute
                self._first.clear()
            is_known = bool(client)
            if folded not in self._first:
                if sum(1 for known in self._first.values() if bool(known.client) is is_known) >= MAX_KINDS:
                    folded = "other clients" if is_known else "other addresses"
                    one = Denial("", "", "", None, None, None, f"of {folded}", folded)
                self._first.setdefault(folded, one)
            self._pending[self._first[folded]] += 1
            self._write_soon()

    def write(self) -> None:
        """Write what was counted, and again what could not be written before."""
        with self._lock:
            pending, self._pending = self._pending, Counter()
        failed = None
        try:
            with self._database.begin() as connection:
                audit.insert_denials(connection, pending)
        except DatabaseUnavailable as error:
            failed = error
            log.warning("denials_not_recorded", denials=pending.total(), error=error.detail)
        except Exception as error:
            log.exception("denials_not_recorded", denials=pending.total(), exc_info=error)
        with self._lock:
            self._timer = None
            if failed is None and self._pending:
                self._write_soon()
            elif failed is not None and len(self._pending) + len(pending) <= MAX_KEPT:  # else only the log has them
                self._pending.update(pending)  # for the next denial: a server that ends must not wait for a database

    def _write_soon(self) -> None:
        """One write at a time: two would wait for each other's lines."""
        if self._timer is None:
            self._timer = Timer(PAUSE_SECONDS, self.write)  # no daemon: a server that ends waits for it
            self._timer.start()
