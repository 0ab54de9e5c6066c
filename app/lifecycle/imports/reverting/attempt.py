"""An attempt at a revert: one branch in which rows are locked and looked at, and then deleted or put back."""

from collections.abc import Mapping
from time import monotonic, sleep

import structlog

from app.db import receipts, xa
from app.db.database import Connection
from app.db.datasets.rows import RowsDiffer
from app.db.imports import queries, transitions
from app.db.reverts import claims, rows
from app.db.reverts.hindrances import find_hindrance
from app.domain.dataset import Dataset
from app.domain.errors import AttemptLost, ImportFailed
from app.domain.imports import Import, Tally
from app.domain.requests.revert import MAX_IMPORTS, Dependents, OnChanged, Revert
from app.domain.states import State
from app.domain.xid import name_branches
from app.formats.reject_file import RejectWriter
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.reverting.bring_back import BringBack
from app.lifecycle.imports.reverting.eligibility import check_eligibility, find_dataset
from app.lifecycle.imports.reverting.findings import Findings
from app.lifecycle.imports.reverting.take_back import TakeBack, Target
from app.lifecycle.services import Services

LOOK_SECONDS = 0.2
TRIES = 3  # when rows change between a look and what follows, which their locks should not let happen
POLL_SECONDS = 0.1

log = structlog.get_logger(__name__)


class RevertAttempt:
    """Reverts imports, or a revert, in one branch."""

    def __init__(self, services: Services, row: Import, shutdown: GracefulShutdown, writer: RejectWriter) -> None:
        assert row.revert is not None
        self._services, self._database = services, services.database
        self._row, self._shutdown, self._writer = row, shutdown, writer
        self._revert: Revert = row.revert
        epochs = range(row.epoch, row.epoch + 1)
        (self._xid,) = name_branches(services.installation, row.number, epochs, 1)
        self._branch: xa.Branch | None = None
        self._looked_at = 0.0
        self._findings = Findings([], writer)

    @property
    def branches(self) -> list[xa.Branch]:
        """The one, if it was opened."""
        return [self._branch] if self._branch is not None else []

    @property
    def tally(self) -> Tally:
        """Rows deleted or brought back, put back, and left where they are, as an import counts its rows."""
        found = self._findings.total
        return Tally(found.deleted + found.returned, found.restored, found.kept, found.left)

    def cut(self) -> None:
        """End the statement from another thread."""
        if self._branch is not None:
            self._branch.cut()

    def abandon(self) -> None:
        """Drop the connection: what is open is undone by the server, what is prepared waits for the sweeper."""
        if self._branch is not None:
            self._branch.abandon()

    def record_counts(self, connection: Connection) -> None:
        """Keep what was found, in the transaction of the decision."""
        found, number = self._findings, self._row.number
        claims.record_counts(connection, number, found.by_target, found.fingerprint)
        if self._revert.of_revert:
            claims.record_returned(connection, number, self._revert.target, found.returned)

    def record_obstacles(self) -> None:
        """Keep what stands in the way of a revert that fails for it, unless another attempt has it by now."""
        with self._database.begin() as connection:
            if transitions.ledger.holds(connection, self._row.number, self._row.epoch):
                found = self._findings
                claims.record_obstacles(connection, self._row.number, found.by_target, found.fingerprint)

    def run(self) -> None:
        """Revert and end the branch; a dry run only looks. Raises `ImportFailed` where rows stand in the way that may
        not be skipped or forced, `AttemptLost`, `Released`, or what the driver raised: the branch must be abandoned
        then."""
        branch = self._branch = xa.Branch(self._database.connect_branch(), self._xid)
        branch.hold_owner_lock()
        if not transitions.holds_still(branch.connection, self._xid.number, self._xid.epoch):
            raise AttemptLost("the revert was stopped or taken over before it began")
        rows.set_session(branch.connection)
        tries = 0
        while True:
            branch.start()
            receipts.write_receipt(branch.connection, self._xid, kind=receipts.REVERT)
            try:
                dependents = self._revert_in(branch)
            except RowsDiffer as difference:
                tries += 1
                if tries == TRIES:
                    raise
                log.warning("rows_differ", reason=str(difference))
                dependents = set()
            else:
                if not dependents:
                    break
            # nothing is decided: the branch begins again, with more imports or with the rows as they are now
            branch.end()
            branch.rollback()
            self._claim(dependents)
        counted = self._findings.total
        count = counted.deleted + counted.returned + counted.restored
        if not receipts.seal_receipt(branch.connection, self._xid, count, receipts.REVERT):
            raise AttemptLost("the receipt is not in the branch that is about to end")
        branch.end()

    def _revert_in(self, branch: xa.Branch) -> set[int]:
        """Returns the imports that must be reverted, too; then nothing was done but looking."""
        targets, dataset = self._find_targets()
        self._writer.discard()
        self._findings = Findings(targets, self._writer)
        work: TakeBack | BringBack
        arguments = self._findings, self._check_in
        if self._revert.of_revert:
            work = BringBack(branch.connection, dataset, self._row.number, self._revert.target, *arguments)
            work.look()
        else:
            known = self._read_targets(targets)
            work = TakeBack(branch.connection, dataset, self._revert, self._row.number, known, *arguments)
            work.look()
            if self._revert.dependents is Dependents.CASCADE and work.dependents:
                return work.dependents
        self._writer.close()
        self._require_expected()
        if not self._row.policy.dry_run:
            self._check_in("reverting", work.apply(), always=True)
        return set()

    def _require_expected(self) -> None:
        """Raise `ImportFailed` where rows stand in the way that make the revert fail, or others than were expected."""
        found, asked = self._findings, self._revert
        if asked.expected is not None and asked.expected != found.fingerprint:
            raise ImportFailed(
                "rows_differ",
                "nothing was reverted: the rows are no longer those of the dry run that gave `expected`;"
                f" their fingerprint is {found.fingerprint} now: make a dry run again",
            )
        if found.total.left and asked.on_changed is not OnChanged.SKIP and not self._row.policy.dry_run:
            raise ImportFailed("rows_in_the_way", f"nothing was reverted: {found.total}")

    def _find_targets(self) -> tuple[dict[int, Import], Dataset]:
        with self._database.begin() as connection:
            numbers = claims.list_targets(connection, self._row.number)
            targets = {row.number: row for row in queries.list_numbered(connection, numbers)}
            first = targets.get(self._revert.target)
            dataset = find_dataset(connection, first) if first is not None else None
            hindrance = find_hindrance(connection, dataset.name) if dataset is not None else None
        if dataset is None or len(targets) < len(numbers):
            raise ImportFailed("import_gone", "an import, or the dataset that it was loaded into, is gone")
        if hindrance is not None:
            raise ImportFailed("not_revertible", hindrance)
        return targets, dataset

    def _read_targets(self, targets: Mapping[int, Import]) -> dict[int, Target]:
        known = {}
        with self._database.begin() as connection:
            for number, row in targets.items():
                stamp = receipts.find_stamp(connection, number)
                if stamp is None:
                    raise ImportFailed("import_gone", f"import number {number} has no receipt any more")
                known[number] = Target(number, stamp, row.rows_done - row.rows_deleted)
        return known

    def _claim(self, dependents: set[int]) -> None:
        """Let the revert have imports that depend on its own. Raises `ImportFailed` where one can't be reverted."""
        for number in sorted(dependents):
            self._await_commit(number)
        if not dependents:
            return
        with self._database.begin() as connection:
            if not claims.holds(connection, self._row.number, self._row.epoch):
                raise AttemptLost("the revert was stopped or taken over")
            if len(claims.list_targets(connection, self._row.number)) + len(dependents) > MAX_IMPORTS:
                raise ImportFailed("not_revertible", f"over {MAX_IMPORTS} imports would have to be reverted")
            for row in queries.list_numbered(connection, dependents):
                found = check_eligibility(connection, self._services.settings, row)
                if found.reason is not None:
                    reason = f"import number {row.number}, which has updated the rows since, can't be reverted"
                    raise ImportFailed("not_revertible", f"{reason}: {found.reason}")
                dry_run = self._row.policy.dry_run
                try:
                    mine = self._row.number, self._row.id
                    claims.take(connection, row.number, *mine, client=self._row.client, dry_run=dry_run)
                except claims.ImportTaken:
                    reason = f"import number {row.number}, which has updated the rows since, is being reverted"
                    raise ImportFailed("not_revertible", reason) from None

    def _await_commit(self, number: int) -> None:
        """An import whose rows are there is `committing` for a moment still."""
        while True:
            with self._database.begin() as connection:
                row = queries.find_numbered(connection, number)
            if row is None or row.state is not State.COMMITTING:
                return
            self._check_in("locking")
            sleep(POLL_SECONDS)

    def _check_in(self, phase: str, done: Tally | None = None, *, always: bool = False) -> None:
        """Whether the attempt still has the revert, some times a second; and what it has done is recorded."""
        if not always and monotonic() < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        self._shutdown.check()
        with self._database.begin() as connection:
            held = transitions.record_progress(
                connection,
                self._row.number,
                self._row.epoch,
                phase=phase,
                tally=done or Tally(),
                source_bytes=0,
            )
        if not held:
            raise AttemptLost("the revert was stopped or taken over")
