"""Load: claim an import, load it inside its branches, and bring it to its decision."""

from collections.abc import Iterator
from contextlib import ExitStack, nullcontext

import structlog

from app.config import Settings
from app.db.database import Connection, Database
from app.db.datasets import deletions, registry, rows
from app.db.imports import queries, transitions
from app.db.reverts import claims
from app.domain.audit.actor import acting
from app.domain.errors import AttemptLost, DatabaseUnavailable, ImportFailed, LedgerFrozen, SpoolFull, SpoolUnavailable
from app.domain.imports import Import, Tally, reject_name
from app.domain.requests.control_totals import LAST
from app.domain.requests.revert import Kind
from app.formats.batch import Batch
from app.formats.generate.orders import generate_rows
from app.formats.reader import read_rows
from app.formats.reject_file import RejectWriter
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog
from app.lifecycle.imports import commit, requeue, rollback
from app.lifecycle.imports.loading.attempt import Attempt
from app.lifecycle.imports.loading.column_sums import ColumnSums
from app.lifecycle.imports.loading.error_policy import ErrorPolicyFilter
from app.lifecycle.imports.loading.growing_file import GrowingFile
from app.lifecycle.imports.loading.heartbeat import Heartbeat
from app.lifecycle.imports.loading.outcome import UNDOING_OUTCOMES, AttemptOutcome
from app.lifecycle.imports.loading.shutdown import GracefulShutdown, Released
from app.lifecycle.imports.loading.slots import Slots
from app.lifecycle.imports.reverting.run import run_revert
from app.lifecycle.services import Services
from app.spool import is_full

CANDIDATES = 5  # several workers look at the same list; one wins each
ROLLBACK_SECONDS = 0.4  # how long a worker's slot waits for an undo before the sweeper takes over

log = structlog.get_logger(__name__)


def load_next(services: Services, worker: str, shutdown: GracefulShutdown, slots: Slots | None = None) -> str | None:
    """Claim the next queued import and load it; returns its id, None if there is none or sweeping is frozen. Without a
    slot among `slots` it takes only small ones.

    Raises `DatabaseUnavailable` when nothing could be claimed.
    """
    with slots.take() if slots else nullcontext(True) as any_size, shutdown.attempt():
        # what is claimed from here on is brought to its end or handed back
        row = claim_next(services, worker, only_small=not any_size)
        if row is not None:
            run_attempt(services, row, shutdown)
    return row.id if row else None


def claim_next(services: Services, worker: str, *, only_small: bool) -> Import | None:
    """Claim the first queued import for an attempt; None if there is none, or sweeping is frozen. One transaction,
    since its length is a part of a small import's time."""
    kept = services.spool.read_generation(services.installation)  # first: see `why_stale`
    unreadable: set[int] = set()
    while True:
        number = None
        try:
            with services.database.begin() as connection:
                freeze.require_sweeping_in(
                    services.database, services.installation, connection, kept
                )  # the sweeper may not have looked since a restore
                due = transitions.list_due(connection, CANDIDATES + len(unreadable), only_small=only_small)
                for number in due:
                    if (
                        number not in unreadable
                        and (row := _claim(services.settings, connection, number, worker)) is not None
                    ):
                        return row
                return None
            # a crash here leaves `running` under a lease that runs out
        except LedgerFrozen as error:
            log.warning("nothing_claimed", error=error.detail)
            return None
        except DatabaseUnavailable:
            raise
        except Exception:
            if number is None or len(unreadable) >= CANDIDATES:
                raise
            unreadable.add(number)  # its claim is undone; those behind it are not held up
            log.exception("not_claimed", import_no=number)


def claim(database: Database, settings: Settings, number: int, worker: str) -> Import | None:
    """Take a queued import for an attempt; None when somebody else was first."""
    with database.begin() as connection:
        return _claim(settings, connection, number, worker)


def load_inline(services: Services, number: int) -> bool:
    """Load a queued import before the request is answered that brought it; False when somebody else was first. Its
    moves are not the client's doing. Raises what `run_attempt` raises."""
    with acting(None):
        claimed = claim(services.database, services.settings, number, "web")
        if claimed is not None:
            run_attempt(services, claimed, GracefulShutdown(0))
    return claimed is not None


def _claim(settings: Settings, connection: Connection, number: int, worker: str) -> Import | None:
    branches = settings.branches
    if branches > 1:
        row = queries.find_numbered(connection, number)
        if row is None:
            return None
        if row.kind is Kind.REVERT:
            branches = 1  # no reader may see that some of the rows are gone and others not yet
        else:
            known = registry.find_dataset(connection, row.dataset)
            branches = catalog.count_branches(settings, known, row.policy)
    won = transitions.ledger.claim(
        connection, number, worker=worker, lease_seconds=settings.lease_seconds, branches=branches
    )
    return queries.find_numbered(connection, number) if won else None


def run_attempt(services: Services, row: Import, shutdown: GracefulShutdown) -> None:
    """Load a claimed import to whatever end this attempt has: the ledger says what came of it.

    Raises `DatabaseUnavailable` when the end could not be recorded: the lease runs out, and the sweeper takes over.
    """
    with structlog.contextvars.bound_contextvars(import_id=row.id, epoch=row.epoch):
        log.info("attempt_started", attempt=row.attempts)
        if _try(services, row, shutdown) in UNDOING_OUTCOMES:
            rollback.finish_rollback_within(services.database, services.installation, row.number, ROLLBACK_SECONDS)


def _try(services: Services, row: Import, shutdown: GracefulShutdown) -> AttemptOutcome:
    attempt = Attempt(services.database, services.installation, row, shutdown)
    writer = RejectWriter(services.spool.path(reject_name(row.id, row.epoch)), services.spool.keep)
    error_filter = ErrorPolicyFilter(row.policy, writer)
    try:
        if row.epoch > 1 and services.spool.is_short():
            requeue.wait_for_space(services.database, row)  # it may be what ended the attempt before
            return AttemptOutcome.REQUEUED
        if row.kind is Kind.REVERT:
            return run_revert(services, row, shutdown, writer)
        try:
            return _load(services, row, shutdown, attempt, error_filter, writer)
        except ImportFailed as error:
            writer.close()
            requeue.fail(services.database, row, error, error_filter.rejected, error_filter.blank)
            return AttemptOutcome.FAILED
    except AttemptLost as error:
        log.info("attempt_lost", reason=str(error))
        return AttemptOutcome.LOST
    except Released:
        released = requeue.release(services.database, services.hints, row)
        return AttemptOutcome.RELEASED if released else AttemptOutcome.LOST
    except Exception as error:  # noqa: BLE001 — the boundary of an attempt: whatever broke it, it is tried again
        if isinstance(error, SpoolFull) or is_full(error):
            requeue.wait_for_space(services.database, row)
        elif isinstance(error, SpoolUnavailable):
            requeue.wait_for_store(services.database, row, error)
        elif rows.is_lock_conflict(error) and not row.inline and (reason := _find_holder(services, row)):
            pause = requeue.RETRY_SECONDS
            requeue.give_back(services.database, transitions.ledger, row, reason, pause_seconds=pause)
        else:
            requeue.try_again(services.database, services.settings, row, f"{type(error).__name__}: {error}")
        return AttemptOutcome.REQUEUED
    finally:
        writer.discard()


def _find_holder(services: Services, row: Import) -> str | None:
    """What of ours holds, or just held, the rows that an attempt did not get: it does not count then. None where it may
    be anybody."""
    with services.database.begin() as connection:
        if row.kind is Kind.IMPORT and claims.is_reverting(connection, row.dataset):
            return requeue.WAITS_FOR_REVERT
        begun = row.attempt_started_at
        if deletions.is_running(connection, services.installation, row.dataset) or (
            begun is not None and deletions.ended_since(connection, row.dataset, begun)
        ):
            return requeue.WAITS_FOR_DELETION
    return None


def _load(
    services: Services,
    row: Import,
    shutdown: GracefulShutdown,
    attempt: Attempt,
    error_filter: ErrorPolicyFilter,
    writer: RejectWriter,
) -> AttemptOutcome:
    with Heartbeat(services.database, services.settings.lease_seconds, row, on_loss=attempt.cut), ExitStack() as files:
        try:
            rollback.await_older_attempts(services.database, services.installation, row, shutdown)
            control = ColumnSums(row.policy.control.columns)
            accepted = error_filter.filter_batches(_open_rows(services, row, attempt, files))
            attempt.load(control.add_batches(accepted, attempt.dataset))
            writer.close()  # durable before the decision, which counts what is in it
            tally = attempt.tally + Tally(rejected=error_filter.rejected, blank=error_filter.blank)
            _check_control_totals(services.database, row, tally.accepted, control)
            if row.policy.dry_run:
                commit.end_dry_run(services.database, row, tally)
                return AttemptOutcome.CHECKED
            commit.commit_branches(services.database, services.installation, row, attempt.branches, tally)
            return AttemptOutcome.COMMITTED
        finally:
            # an open branch is undone by the server, a prepared one waits for the sweeper, a finished one is closed
            attempt.abandon()


def _check_control_totals(database: Database, row: Import, rows: int, sums: ColumnSums) -> None:
    """Before the decision: a difference is a failure of the file, and what was loaded is undone."""
    control, last = row.policy.control, list[int]()
    if control.like_last is not None:
        with database.begin() as connection:
            last = queries.list_last_row_counts(connection, row.dataset, row.number, LAST)
    control.check(rows, sums.sums, last)


def _open_rows(services: Services, row: Import, attempt: Attempt, files: ExitStack) -> Iterator[Batch]:
    dataset, source = attempt.dataset, row.source
    if source.generate is not None:
        return generate_rows(dataset, source.generate, source.seed or "", services.settings.batch_bytes)
    if row.arriving:
        assert source.file_format is not None
        file = GrowingFile(services.database, services.spool, row, attempt.ended)
        return read_rows(file, dataset, source.file_format, services.settings.batch_bytes)
    assert source.file_format is not None
    try:
        path = files.enter_context(services.spool.local(source.spool_name or "none"))
    except FileNotFoundError:
        missing = ImportFailed("file_missing", "the uploaded file is no longer in the spool: send it again")
        raise missing from None
    return read_rows(path, dataset, source.file_format, services.settings.batch_bytes)
