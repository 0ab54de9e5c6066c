"""Recover: the sweep that brings everything to its end after any crash. Several sweepers may run."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from time import monotonic

import structlog

from app.db import xa
from app.db.database import Connection
from app.db.imports import lost_branches, queries, transitions, uploads
from app.domain.errors import BranchLost, DatabaseUnavailable, ImportFailed, LedgerFrozen
from app.domain.generation import Installation
from app.domain.imports import Import, RecoveryAction, recovery_action
from app.domain.states import UNDOING, State
from app.domain.xid import Xid, parse_xid
from app.lifecycle import freeze
from app.lifecycle.datasets import truncate
from app.lifecycle.imports import commit, pause, requeue, rollback
from app.lifecycle.imports.stop import end_load
from app.lifecycle.recovery import audit
from app.lifecycle.recovery.chores import Chores, do_each
from app.lifecycle.recovery.cleaner import clean_forever
from app.lifecycle.services import Services

GENERATION_SECONDS = 10.0
UNDO_SECONDS = 0.25  # between two looks at what is being undone
FAILED_SECONDS = 1.0  # after a sweep that could not even be begun
STOP_SECONDS = 5.0  # for which the cleaner is waited for at the end
LATELY_SECONDS = 60.0  # for so long it is looked at that often
MAX_HINTS = 100  # a sweep
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)  # what a row raises that no program of ours wrote

log = structlog.get_logger(__name__)


class Sweeper:
    """Sweeps again and again; remembers only what it has reported."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.chores = Chores(services)
        self._reported: set[Xid] = set()
        self._lost: set[int] = set()
        self._advanced_at = float("-inf")
        self._frozen = ""

    def sweep(self) -> None:
        """One look at everything that is unfinished; none while sweeping is frozen. Raises `DatabaseUnavailable`; an
        error of one chore keeps no other from being run."""

        def sweep(here: Installation) -> None:
            if monotonic() >= self._advanced_at + GENERATION_SECONDS:
                self._advanced_at = monotonic()
                self.chores.run(
                    "advance_generation",
                    lambda: freeze.advance_generation(self._services.database, self._services.spool, here),
                )
            self._sweep()

        self._unless_frozen(sweep)

    def undo(self) -> None:
        """The part of a sweep that somebody waits for: what was stopped, or failed, lately. Raises as `sweep`."""
        undoing: list[int] = []

        def look(connection: Connection) -> None:
            undoing.extend(queries.list_undoing(connection, LATELY_SECONDS))

        def undo(_: Installation) -> None:
            self.chores.run(
                "undo_lately",
                lambda: do_each(
                    undoing, partial(rollback.finish_rollback, self._services.database, self._services.installation)
                ),
            )

        self._unless_frozen(undo, look)

    def _unless_frozen(
        self, step: Callable[[Installation], None], also: Callable[[Connection], None] | None = None
    ) -> None:
        try:
            step(freeze.require_sweeping(self._services, also))
            self._frozen = ""
        except LedgerFrozen as error:
            if self._frozen != error.detail:
                self._frozen = error.detail
                log.critical("nothing_swept", reason=error.detail)

    def _sweep(self) -> None:
        self.chores.run("read_ledger", lambda: None)  # fails again where it still can't be read
        services, run = self._services, self.chores.run
        run("finish_branches", self._finish_branches)
        run("requeue_expired", self._requeue_expired)
        run("hold_paused", self._hold_paused)
        run("fail_broken_uploads", self._fail_broken_uploads)
        run("fail_deserted", self._fail_deserted)
        run("undo", self._undo)
        run("record_commits", self._record_commits)
        run("finish_truncations", partial(truncate.finish_all, services))
        run("hint", self._hint)
        for extension in services.extensions:
            run(
                f"sweep_{extension.name}",
                partial(extension.sweep, services.database, services.hints, services.settings),
            )
        if services.settings.asks_who:
            run("chain_audit", partial(audit.extend_chain, services))

    def _finish_branches(self) -> None:
        """Finish what is prepared. The branches are listed before their imports are read: the other order would judge a
        new branch by an old state."""
        services = self._services
        with services.database.session() as session:
            found: list[tuple[Xid, Import | None]] = []
            for raw in xa.list_prepared(session):
                xid = parse_xid(raw, services.installation)
                if xid is None:
                    continue  # foreign
                with services.database.begin() as connection:
                    found.append((xid, queries.find_numbered(connection, xid.number)))
            self._report(found)
            freeze.require_explained(
                services.database, found
            )  # before any is touched: the ledger that judges them may be too old
            called_for = {xid: recovery_action(xid, row) for xid, row in found}
            due = [xid for xid in called_for if called_for[xid] in (RecoveryAction.COMMIT, RecoveryAction.ROLLBACK)]

            def finish_one(xid: Xid) -> None:
                # a direction once given stays: what is decided is, and an older epoch gets no younger
                if called_for[xid] is RecoveryAction.COMMIT:
                    finish, told = xa.commit_prepared, "branch_committed"
                else:
                    finish, told = xa.roll_back_prepared, "branch_rolled_back"
                if finish(session, xid):
                    log.info(told, import_no=xid.number, epoch=xid.epoch, branch=xid.branch)

            do_each(xa.release(session, due), finish_one)

    def _report(self, found: list[tuple[Xid, Import | None]]) -> None:
        for xid, row in found:
            if recovery_action(xid, row) is RecoveryAction.REPORT and xid not in self._reported:
                self._reported.add(xid)
                log.critical("unknown_branch", import_no=xid.number, epoch=xid.epoch, branch=xid.branch)

    def _requeue_expired(self) -> None:
        """Queue again what runs under a lease that ran out."""
        died = [row for row in self._in_state(State.RUNNING) if not row.lease_live]
        reason = "its worker died or was cut off"
        do_each(
            died,
            lambda row: requeue.try_again(
                self._services.database, self._services.settings, row, reason, only_expired=True
            ),
        )

    def _hold_paused(self) -> None:
        """Take back what runs though it is paused: a crash, or a claim that was on its way, can leave that."""
        for row in pause.hold(self._services.database):
            end_load(self._services.database, self._services.installation, row)

    def _fail_broken_uploads(self) -> None:
        with self._services.database.begin() as connection:
            broken = ImportFailed("upload_broken", "the web server ended while the file was arriving")
            for number in uploads.list_broken(connection):
                uploads.fail_upload(connection, number, broken.as_dict(), only_expired=True)

    def _fail_deserted(self) -> None:
        with self._services.database.begin() as connection:
            failure = ImportFailed("deserted", "the web server ended before the import began; nothing was loaded")
            for number in transitions.list_deserted(connection, self._services.settings.lease_seconds):
                transitions.ledger.move(
                    connection,
                    number,
                    {State.QUEUED},
                    State.FAILING,
                    error=failure.as_dict(),
                )

    def _undo(self) -> None:
        do_each(
            self._in_state(*UNDOING),
            lambda row: rollback.finish_rollback(self._services.database, self._services.installation, row.number),
        )

    def _record_commits(self) -> None:
        do_each([row for row in self._in_state(State.COMMITTING) if not row.lease_live], self._record_commit)

    def _record_commit(self, row: Import) -> None:
        try:
            commit.finish(self._services.database, self._services.installation, row.number)
        except BranchLost as error:
            self._report_lost_branch(row, error)

    def _report_lost_branch(self, row: Import, error: BranchLost) -> None:
        if row.number not in self._lost:
            with self._services.database.begin() as connection:
                lost_branches.record_lost_branch(connection, row.number, {"reason": str(error)})
            self._lost.add(row.number)
            log.critical("lost_branch", import_id=row.id, reason=str(error))

    def _hint(self) -> None:
        """Publish again what the queue lacks."""
        with self._services.database.begin() as connection:
            due = transitions.list_due(connection, MAX_HINTS)
            rows = [queries.find_numbered(connection, number) for number in due]
        self._services.hints.publish_missing([row.id for row in rows if row is not None])

    def _in_state(self, *states: State) -> list[Import]:
        rows: list[Import] = []
        with self._services.database.begin() as connection:
            try:
                return queries.list_in_state(connection, states)
            except UNREADABLE as error:
                self.chores.fail("read_ledger", error)
            # what can be read is not held up by what can't
            for number in queries.list_numbers_in_state(connection, states):
                with suppress(*UNREADABLE):
                    if (row := queries.find_numbered(connection, number)) is not None:
                        rows.append(row)
        return rows


def sweep_forever(services: Services, pause: Callable[[float], bool]) -> None:
    """Sweep until `pause`, which waits for so many seconds, says to end. A database that is away is waited for, and no
    error ends it.

    Between two sweeps only imports that are being undone are looked at: a client that stopped one waits for its end.
    A thread beside it cleans.
    """
    sweeper = Sweeper(services)
    cleaner = Thread(target=clean_forever, args=(services, sweeper.chores, pause), name="cleaner", daemon=True)
    cleaner.start()
    _sweep_on(sweeper, services, pause)
    cleaner.join(STOP_SECONDS)  # what it is about is undone if it takes longer


def _sweep_on(sweeper: Sweeper, services: Services, pause: Callable[[float], bool]) -> None:
    while True:
        until = monotonic() + services.settings.sweep_seconds
        try:
            sweeper.sweep()
            sweeper.chores.tell()
            until = monotonic() + services.settings.sweep_seconds
            while until - monotonic() > UNDO_SECONDS:
                if pause(UNDO_SECONDS):
                    return
                sweeper.undo()
        except DatabaseUnavailable as error:
            log.warning("sweep_cut_short", error=error.detail)
        except Exception as error:  # noqa: BLE001 — what it has to bring to its end, nothing else does
            sweeper.chores.fail("sweep", error)
            sweeper.chores.tell()
            until = monotonic() + max(services.settings.sweep_seconds, FAILED_SECONDS)
        if pause(max(until - monotonic(), 0)):
            return
