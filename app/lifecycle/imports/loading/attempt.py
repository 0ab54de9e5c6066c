"""An attempt: one run of loading an import, with the branches that it opened."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from threading import Event, Lock

from app.db import receipts, xa
from app.db.database import Database
from app.db.datasets import upserts
from app.db.imports import transitions
from app.db.installation import next_stamp
from app.domain.dataset import Dataset
from app.domain.errors import AttemptLost, ImportFailed
from app.domain.imports import Import, Tally
from app.domain.requests.policy import OnConflict
from app.domain.xid import Xid, name_branches
from app.formats.batch import Batch
from app.formats.partition import Partitioner
from app.lifecycle.datasets.catalog import dataset_of
from app.lifecycle.imports.loading.key_conflict import explain_conflict
from app.lifecycle.imports.loading.load_batch import load_batch
from app.lifecycle.imports.loading.prefetch import Prefetch
from app.lifecycle.imports.loading.shutdown import GracefulShutdown, Released

LOOK_SECONDS = 0.2  # how often an attempt looks whether its worker shuts down


class Attempt:
    """Loads rows into as many branches as the claim recorded, each on a connection and a thread of its own."""

    def __init__(self, database: Database, installation: str, row: Import, shutdown: GracefulShutdown) -> None:
        self._database, self._installation = database, installation
        self._row, self._shutdown = row, shutdown
        self._lock = Lock()
        self._cut = Event()
        self._branches: dict[int, xa.Branch] = {}
        self.tally = Tally()
        self.source_bytes = 0
        self._recorded: tuple[Tally, int] | None = None
        self._stamp: datetime | None = None

    @cached_property
    def dataset(self) -> Dataset:
        """What the rows are. Raises `ImportFailed` where it is gone."""
        return dataset_of(self._database, self._row)

    @property
    def branches(self) -> list[xa.Branch]:
        """The branches in their order."""
        return [self._branches[number] for number in sorted(self._branches)]

    @property
    def ended(self) -> Event:
        """Set when the loads were cut."""
        return self._cut

    def load(self, batches: Iterator[Batch]) -> None:
        """Load every batch and end every branch.

        Raises `ImportFailed` for what another attempt would meet again, `AttemptLost`, `Released`, or whatever the
        driver raised: any of them says that the branches must be abandoned.
        """
        xids = name_branches(
            self._installation, self._row.number, range(self._row.epoch, self._row.epoch + 1), self._row.branches
        )
        if self._row.policy.on_conflict is OnConflict.UPDATE:
            with self._database.begin() as connection:
                self._stamp = next_stamp(connection)
        deal = Partitioner(self.dataset, len(xids)).partition if self._is_dealt(xids) else None
        with (
            Prefetch(batches, len(xids), deal) as ahead,
            ThreadPoolExecutor(len(xids), thread_name_prefix="branch") as pool,
        ):
            loads = [pool.submit(self._load_branch, xid, ahead) for xid in xids]
            running: set[Future[None]] = set(loads)
            broken: list[BaseException] = []
            while running and not broken:
                done, running = wait(running, LOOK_SECONDS, FIRST_EXCEPTION)
                broken += [error for load in done if (error := load.exception()) is not None]
                if running and not broken and (error := self._check_in()) is not None:
                    broken.append(error)
            if broken:
                self.cut()
                ahead.close()  # a branch may wait for a batch that another has no room for
                # of several, the one that another attempt would meet again
                raise next((error for error in broken if isinstance(error, ImportFailed)), broken[0])
        if self._recorded is not None:  # a short load goes on to its decision, which records the same
            self._record("preparing")

    def _is_dealt(self, xids: list[Xid]) -> bool:
        return len(xids) > 1 and bool(self.dataset.key)

    def cut(self) -> None:
        """End the loads from another thread."""
        with self._lock:
            self._cut.set()
            self._each(xa.Branch.cut)

    def abandon(self) -> None:
        """Drop every connection: what is open is undone by the server, what is prepared waits for the sweeper."""
        with self._lock:
            self._each(xa.Branch.abandon)

    def _each(self, act: Callable[[xa.Branch], object]) -> None:
        # an error with one branch keeps none of the others from it; it is raised after that
        with ExitStack() as stack:
            for number in sorted(self._branches, reverse=True):
                stack.callback(act, self._branches[number])

    def _load_branch(self, xid: Xid, ahead: Prefetch) -> None:
        branch = xa.Branch(self._database.connect_branch(), xid)
        with self._lock:
            self._branches[xid.branch] = branch
            if self._cut.is_set():
                raise AttemptLost("this attempt lost its lease")
        # The lock first, then the look: a stop or a fence from here on finds this attempt's connection.
        branch.hold_owner_lock()
        if not transitions.holds_still(branch.connection, xid.number, xid.epoch):
            raise AttemptLost("the import was stopped or taken over before it began to load")
        if self._stamp is not None:
            upserts.set_session(branch.connection)
        branch.start()
        receipts.write_receipt(branch.connection, xid, self._stamp)
        loaded = 0
        for batch in ahead.hand(xid.branch - 1):
            done = self._load_batch(branch, batch) if batch.rows else Tally()
            loaded += done.inserted
            with self._lock:
                self.tally += done
                self.source_bytes = max(self.source_bytes, batch.source_bytes)
            if self._cut.is_set():
                raise AttemptLost("this attempt was ended while it was loading")
        if not receipts.seal_receipt(branch.connection, xid, loaded):
            raise AttemptLost("the receipt is not in the branch that is about to end")
        branch.end()

    def _load_batch(self, branch: xa.Branch, batch: Batch) -> Tally:
        on_conflict = self._row.policy.on_conflict
        try:
            return load_batch(branch, self.dataset, batch, on_conflict, self._stamp)
        except Exception as error:  # a killed connection raises more kinds than the driver's own
            failure = explain_conflict(self._database, self.dataset, branch, batch, on_conflict, error)
            if failure is None:
                raise
            raise failure from error

    def _check_in(self) -> Exception | None:
        """Whether the attempt must end, and why. What the branches have loaded is recorded here, beside their work: the
        server would have nothing to load while a branch waits for the ledger."""
        if self._shutdown.release:
            return Released()  # at once: a batch may wait for a lock much longer than the grace
        try:
            self._record("loading")
        except Exception as error:  # noqa: BLE001 — raised again by the caller, who ends the branches first
            return error
        return None

    def _record(self, phase: str) -> None:
        with self._lock:
            come_to = self.tally, self.source_bytes
        with self._database.begin() as connection:
            if come_to == self._recorded and phase == "loading":
                held = transitions.ledger.holds(connection, self._row.number, self._row.epoch)
            else:
                held = transitions.record_progress(
                    connection,
                    self._row.number,
                    self._row.epoch,
                    phase=phase,
                    tally=come_to[0],
                    source_bytes=come_to[1],
                )
        if not held:
            raise AttemptLost("the import was stopped or taken over while it was loading")
        self._recorded = come_to
