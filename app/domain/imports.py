"""Imports as the ledger has them, and the recovery action for each prepared branch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.file_format import FileFormat
from app.domain.pause import PHASE as PAUSED
from app.domain.requests.policy import Policy
from app.domain.requests.revert import Kind, Revert
from app.domain.states import NEVER_COMMIT, State
from app.domain.xid import Xid


@dataclass(frozen=True)
class Source:
    """Where the rows come from: a file in the spool, or a generator."""

    file_name: str | None = None
    file_format: FileFormat | None = None
    spool_name: str | None = None
    bytes_total: int | None = None
    generate: int | None = None
    seed: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)  # the client's options, as texts
    header: str | None = None  # the fingerprint of the file's header, if it is known
    template: str | None = None  # the version of a template whose options were used: name@version


@dataclass(frozen=True)
class Tally:
    """Counts of a file's rows: new in the table, updated another row, skipped because of a conflict, rejected as
    invalid. `blank` rows are counted separately and are no rows anywhere else."""

    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    rejected: int = 0
    blank: int = 0

    @property
    def accepted(self) -> int:
        """All rows except rejected and blank ones."""
        return self.inserted + self.updated + self.skipped

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.skipped + other.skipped,
            self.rejected + other.rejected,
            self.blank + other.blank,
        )


def reject_name(id: str, epoch: int) -> str:
    """The name in the spool of one attempt's reject file."""
    return f"{id}.{epoch}.rejects"


@dataclass(frozen=True)
class Import:
    """One row of the ledger, as it was read at `read_at`."""

    number: int
    id: str
    dataset: str
    source: Source
    state: State
    epoch: int
    attempts: int
    branches: int
    inline: bool
    lease_live: bool
    phase: str
    rows_total: int | None
    rows_done: int
    bytes_done: int
    attempt_rows: int
    attempt_bytes: int
    rows_deleted: int
    rows_rejected: int
    rows_blank: int
    rows_updated: int
    rows_skipped: int
    policy: Policy
    sequence: int
    error: dict[str, Any] | None
    worker: str | None
    created_at: datetime
    started_at: datetime | None
    attempt_started_at: datetime | None
    decided_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    retry_of: str | None
    read_at: datetime
    priority: int = 0
    arriving: bool = False
    kind: Kind = Kind.IMPORT
    revert: Revert | None = None  # of a revert: what it is to do
    reverted_by: str | None = None  # the id of the revert that took all of its rows
    reverted_at: datetime | None = None
    reverted_by_client: str | None = None  # who asked for that revert
    revertible_until: datetime | None = None  # if a client has shortened it
    client: str = ""  # who sent it; none where no one is asked for a key
    stopped_by: str | None = None
    paused_by: str | None = None  # while it is paused
    rows_counted: int | None = None  # how many were in the table at `rows_counted_at`
    rows_counted_at: datetime | None = None

    @property
    def paused(self) -> bool:
        """Whether it waits because a pause holds it."""
        return self.state is State.QUEUED and self.phase == PAUSED

    @property
    def rows_kept(self) -> int:
        """How many of its rows are in the table, as far as known: 0 before the commit, and after a stop or a
        failure."""
        has_rows = self.state is State.COMMITTED and self.kind is Kind.IMPORT
        return self.rows_done - self.rows_deleted - self.rows_missing if has_rows else 0

    @property
    def rows_missing(self) -> int:
        """How many of its rows other programs had deleted when they were last counted."""
        if self.rows_counted is None:
            return 0
        return max(0, self.rows_done - self.rows_deleted - self.rows_counted)

    @property
    def rows_read(self) -> int:
        """How many rows it has, as far as they have been read: no row has a higher number."""
        return (self.rows_total or self.rows_done) + self.rows_rejected

    @property
    def percent(self) -> float:
        """How much of the source is loaded. It is 100 only when committed or checked, and never decreases, because
        `rows_done` and `bytes_done` are high-water marks."""
        if self.state in (State.COMMITTED, State.CHECKED):
            return 100.0
        if self.source.bytes_total:
            share = self.bytes_done / self.source.bytes_total
        elif self.rows_total:
            restored = self.rows_updated if self.kind is Kind.REVERT else 0
            share = (self.rows_done + restored) / self.rows_total
        else:
            share = 0.0
        return round(min(share * 100, 99.9), 1)

    @property
    def rows_per_second(self) -> float | None:
        """Rows per second of the running or last attempt; None before its first rows."""
        until = self.read_at if self.state is State.RUNNING else self.decided_at or self.finished_at
        if self.attempt_started_at is None or until is None or not self.attempt_rows:
            return None
        elapsed = (until - self.attempt_started_at).total_seconds()
        return round(self.attempt_rows / elapsed, 1) if elapsed > 0 else None

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until all rows are loaded at the attempt's rate; None if unknown."""
        if self.state is not State.RUNNING or self.attempt_started_at is None:
            return None
        elapsed = (self.read_at - self.attempt_started_at).total_seconds()
        done, total = (
            (self.attempt_bytes, self.source.bytes_total)
            if self.source.bytes_total
            else (self.attempt_rows, self.rows_total)
        )
        if not done or not total or elapsed <= 0:
            return None
        return round(max(total - done, 0) * elapsed / done, 1)


class RecoveryAction(StrEnum):
    """What to do with a prepared branch."""

    COMMIT = "commit"
    ROLLBACK = "rollback"
    LEAVE = "leave"
    REPORT = "report"


def recovery_action(xid: Xid, row: Import | None) -> RecoveryAction:
    """The recovery action for a prepared branch. Only state, epoch and lease count, so two sweepers never disagree.

    Read `row` after the branch was listed: the other order would judge a new branch by an old state.
    """
    if row is None or xid.epoch > row.epoch:
        return RecoveryAction.REPORT
    if row.state in (State.COMMITTING, State.COMMITTED):
        if xid.epoch < row.epoch:
            return RecoveryAction.ROLLBACK
        # while the lease lives, its worker is about to commit it; on MariaDB no other connection can
        return RecoveryAction.LEAVE if row.lease_live else RecoveryAction.COMMIT
    if xid.epoch < row.epoch or row.state in NEVER_COMMIT:
        return RecoveryAction.ROLLBACK
    if row.state is State.RUNNING:
        return (
            RecoveryAction.LEAVE
        )  # after an expired lease the sweeper first raises the epoch, which makes the branch old
    return RecoveryAction.REPORT  # queued with a branch of its own epoch: no rule leads here


def proves_older_ledger(xid: Xid, row: Import | None, highest: int) -> bool:
    """Whether a branch proves that the ledger is an older one.

    It does if its import number is above `highest`, the highest that the ledger knows, or if its attempt is a later
    one. Number and epoch are in the ledger before the branch begins, so a ledger without them has gone back.
    """
    return xid.number > highest if row is None else xid.epoch > row.epoch


def explain(xid: Xid, row: Import | None) -> str:
    """`recovery_action` in words, for the operator."""
    if row is None:
        return "the ledger has no such import: reported, never touched; an operator may roll it back"
    if xid.epoch > row.epoch:
        known = f"its attempt is later than the ledger's, which is {row.epoch}"
        return f"{known}: reported, never touched; an operator may roll it back"
    match recovery_action(xid, row):
        case RecoveryAction.COMMIT:
            return "decided to commit, its worker is gone: the sweeper commits it"
        case RecoveryAction.ROLLBACK if xid.epoch < row.epoch:
            return "it is of an older attempt, which can never commit: the sweeper rolls it back"
        case RecoveryAction.ROLLBACK:
            return f"the import is {row.state} and will never commit: the sweeper rolls it back"
        case RecoveryAction.LEAVE if row.state is State.RUNNING and row.lease_live:
            return "its attempt has not decided yet: left to its worker"
        case RecoveryAction.LEAVE if row.state is State.RUNNING:
            return "its attempt ended before it decided: the sweeper requeues the import and then rolls the branch back"
        case RecoveryAction.LEAVE:
            return "decided to commit, and its worker holds the lease: left to it"
    return "no rule leads here: reported, not touched; the next attempt makes it old, and an operator may roll it back"
