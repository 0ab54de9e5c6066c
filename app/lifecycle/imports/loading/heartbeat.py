"""The heartbeat: holds an attempt's lease from claim to end, and ends the attempt when the lease is lost."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Protocol

import structlog

from app.db.database import Connection, Database
from app.db.imports import transitions, uploads

BEATS_A_LEASE = 4

log = structlog.get_logger(__name__)


class Claimed(Protocol):
    """A row of a ledger that an attempt holds: an import, or a handling."""

    @property
    def number(self) -> int: ...

    @property
    def epoch(self) -> int: ...


class Heartbeat:
    """Renews a lease on a thread of its own; a SIGSTOP of the process halts it too, so a zombie's lease runs out.

    `on_loss` is called once, when a renewal finds the attempt no longer ours or none succeeded for the length of the
    lease. `renew` is the ledger's own (connection, number, epoch, seconds); an import's where none is given.
    """

    def __init__(
        self,
        database: Database,
        lease_seconds: float,
        row: Claimed,
        on_loss: Callable[[], None],
        renew: Callable[[Connection, int, int, float], bool] | None = None,
    ) -> None:
        self._database, self._lease_seconds = database, lease_seconds
        self._renew_lease = renew
        self._number, self._epoch = row.number, row.epoch
        self._on_loss = on_loss
        self._done = Event()
        self._thread = Thread(target=self._beat, name=f"heartbeat-{row.number}", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _renew(self, lease: float) -> bool:
        renew = self._renew_lease or transitions.ledger.renew_lease
        with self._database.begin() as connection:
            return renew(connection, self._number, self._epoch, lease)

    def _beat(self) -> None:
        lease = self._lease_seconds
        held_until = monotonic() + lease
        while not self._done.wait(lease / BEATS_A_LEASE):
            asked_at = monotonic()
            try:
                held = self._renew(lease)
            except Exception as error:  # noqa: BLE001 — a beat that ended silently would leave its attempt alone
                log.warning("lease_not_renewed", error=str(error) or type(error).__name__)
                held = asked_at < held_until
            else:
                held_until = asked_at + lease
            if not held:
                if not self._done.is_set():
                    try:
                        self._on_loss()
                    except Exception:  # the ledger fences the attempt in any case
                        log.exception("attempt_not_cut")
                return


class UploadHeartbeat(Heartbeat):
    """The same for an import whose file is still arriving, in the web server that receives it."""

    def _renew(self, lease: float) -> bool:
        with self._database.begin() as connection:
            return uploads.renew_upload_lease(connection, self._number, lease)
