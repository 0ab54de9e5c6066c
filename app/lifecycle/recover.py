"""Recover: the sweep that brings everything to its end after any crash. Several sweepers may run."""

from collections.abc import Callable
from time import monotonic

import structlog

from app.db import history, ledger, xa
from app.domain.errors import DatabaseUnavailable, ImportDamaged, ImportFailed
from app.domain.imports import Direction, Import, direction
from app.domain.states import State
from app.domain.xid import Xid, parse_xid
from app.lifecycle import clean, commit, requeue, rollback
from app.lifecycle.site import Site

CLEAN_SECONDS = 60.0
MOST_HINTS = 100  # a sweep

log = structlog.get_logger(__name__)


class Sweeper:
    """Sweeps again and again; remembers only what it has reported."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reported: set[Xid] = set()
        self._damaged: set[int] = set()
        self._cleaned_at = 0.0

    def sweep(self) -> None:
        """One look at everything that is unfinished. Raises `DatabaseUnavailable`."""
        for step in (self._finish_branches, self._take_back, self._undo, self._record_commits, self._hint):
            step()
        if monotonic() >= self._cleaned_at + CLEAN_SECONDS:
            self._cleaned_at = monotonic()
            clean.clean(self._site)

    def _finish_branches(self) -> None:
        """Finish what is prepared. The branches are listed before their imports are read: the other order would judge a
        new branch by an old state."""
        site = self._site
        with site.database.session() as session:
            for raw in xa.list_prepared(session):
                xid = parse_xid(raw, site.installation)
                if xid is None:
                    continue  # foreign
                with site.database.begin() as connection:
                    row = history.find_numbered(connection, xid.number)
                match direction(xid, row):
                    case Direction.COMMIT:
                        xa.kill_owners(session, [xid])
                        if xa.commit_prepared(session, xid):
                            log.info("branch_committed", import_no=xid.number, epoch=xid.epoch, branch=xid.branch)
                    case Direction.ROLLBACK:
                        xa.kill_owners(session, [xid])
                        if xa.roll_back_prepared(session, xid):
                            log.info("branch_rolled_back", import_no=xid.number, epoch=xid.epoch, branch=xid.branch)
                    case Direction.REPORT if xid not in self._reported:
                        self._reported.add(xid)
                        log.critical("unknown_branch", import_no=xid.number, epoch=xid.epoch, branch=xid.branch)

    def _take_back(self) -> None:
        """Queue again what runs under a lease that ran out."""
        for row in self._in_state(State.RUNNING):
            if not row.lease_live:
                requeue.try_again(self._site, row, "its worker died or was cut off", only_expired=True)
        with self._site.database.begin() as connection:
            failure = ImportFailed("deserted", "the web server ended before the import began; nothing was loaded")
            for number in ledger.list_deserted(connection, self._site.settings.lease_seconds):
                ledger.move(
                    connection, number, {State.QUEUED}, State.FAILING, decided_at=ledger.NOW, error=failure.as_dict()
                )

    def _undo(self) -> None:
        for row in self._in_state(State.STOPPING, State.FAILING):
            rollback.settle(self._site, row.number)

    def _record_commits(self) -> None:
        for row in self._in_state(State.COMMITTING):
            if not row.lease_live:
                try:
                    commit.finish(self._site, row.number)
                except ImportDamaged as error:
                    self._report_damage(row, error)

    def _report_damage(self, row: Import, error: ImportDamaged) -> None:
        if row.number not in self._damaged:
            self._damaged.add(row.number)
            log.critical("damage", import_id=row.id, reason=str(error))

    def _hint(self) -> None:
        """Publish again what the queue lacks: as many hints as there are imports due, never more."""
        with self._site.database.begin() as connection:
            due = ledger.list_due(connection, MOST_HINTS)
            rows = [history.find_numbered(connection, number) for number in due]
        if not due:
            return
        waiting = self._site.hints.depth()
        if waiting is None:
            return
        for row in rows[waiting:]:
            if row is not None and not self._site.hints.publish(row.id):
                return

    def _in_state(self, *states: State) -> list[Import]:
        with self._site.database.begin() as connection:
            return history.list_in_state(connection, states)


def sweep_forever(site: Site, pause: Callable[[float], bool]) -> None:
    """Sweep until `pause`, which waits for so many seconds, says to end. A database that is away is waited for."""
    sweeper = Sweeper(site)
    while True:
        try:
            sweeper.sweep()
        except DatabaseUnavailable as error:
            log.warning("sweep_cut_short", error=error.detail)
        if pause(site.settings.sweep_seconds):
            return
