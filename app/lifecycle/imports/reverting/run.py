"""Run: a claimed revert is brought to its decision."""

from app.domain.errors import ImportFailed
from app.domain.imports import Import
from app.formats.reject_file import RejectWriter
from app.lifecycle.imports import commit, requeue, rollback
from app.lifecycle.imports.loading.heartbeat import Heartbeat
from app.lifecycle.imports.loading.outcome import AttemptOutcome
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.reverting.attempt import RevertAttempt
from app.lifecycle.services import Services


def run_revert(services: Services, row: Import, shutdown: GracefulShutdown, writer: RejectWriter) -> AttemptOutcome:
    """Revert, or look at what a revert would do. Raises `AttemptLost`, `Released`, or what broke the attempt."""
    database, installation = services.database, services.installation
    attempt = RevertAttempt(services, row, shutdown, writer)
    with Heartbeat(database, services.settings.lease_seconds, row, on_loss=attempt.cut):
        try:
            rollback.await_older_attempts(database, installation, row, shutdown)
            attempt.run()
            if row.policy.dry_run:
                commit.end_dry_run(database, row, attempt.tally, attempt.record_counts)
                return AttemptOutcome.CHECKED
            commit.commit_branches(database, installation, row, attempt.branches, attempt.tally, attempt.record_counts)
            return AttemptOutcome.COMMITTED
        except ImportFailed as error:
            writer.close()
            attempt.record_obstacles()
            requeue.fail(database, row, error, attempt.tally.rejected)
            return AttemptOutcome.FAILED
        finally:
            # an open branch is undone by the server, a prepared one waits for the sweeper, a finished one is closed
            attempt.abandon()
