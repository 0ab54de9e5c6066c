"""Sift: rows that were not accepted end the import, or go to its reject file, as its policy has it."""

import math
from collections.abc import Iterator
from dataclasses import replace

from app.domain.errors import ImportFailed
from app.domain.requests.policy import OnError, Policy
from app.formats.batch import Batch, Reject
from app.formats.reject_file import RejectWriter

REPORTED = 1000  # how many errors the report of an aborted import lists


class ErrorPolicyFilter:
    """Lets batches through and writes what they reject.

    With `abort` nothing is let through after the first reject: the rest of the file is only read, until so many rejects
    are found that a report lists no more.
    """

    def __init__(self, policy: Policy, writer: RejectWriter) -> None:
        self._policy = policy
        self._writer = writer
        self._first: Reject | None = None
        self.rejected = self.blank = 0
        self._read = 0  # rows; blank ones are none

    def filter_batches(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches that are to be loaded, some of them empty. Raises `ImportFailed` where the policy ends the
        import, and what `batches` raises."""
        abort = self._policy.on_error is OnError.ABORT
        try:
            for batch in batches:
                self._take(batch)
                if abort and self.rejected >= REPORTED:
                    break
                if self._policy.is_exceeded(self.rejected, self._read, ended=False):
                    self._fail_with_too_many()
                # an empty one reports how far the file was read, and asks whether the import is still wanted
                yield replace(batch, rows=0, payload=b"") if abort and self._first else batch
        except ImportFailed as failed:
            # what stands first in the file is reported: the failure of a whole file may explain the first reject
            if not abort or self._first is None or (failed.line or math.inf) <= self._first.line:
                raise
        if self._first is None:
            return
        if abort:
            raise self._first.as_failure(aborted=True)
        if self._policy.is_exceeded(self.rejected, self._read, ended=True):
            self._fail_with_too_many()
        if self.rejected == self._read:
            raise self._failure("all_rejected", f"none of the {self._read:,} rows was accepted")

    def _take(self, batch: Batch) -> None:
        rejects = batch.rejects
        if self._policy.on_error is OnError.ABORT:
            rejects = rejects[: REPORTED - self.rejected]
        self._read += batch.rows + len(rejects)
        self.blank += batch.blank
        if rejects:
            self._first = self._first or rejects[0]
            self.rejected += len(rejects)
            self._writer.write(rejects)

    def _fail_with_too_many(self) -> None:
        raise self._failure(
            "too_many_rejects",
            f"{self.rejected:,} of {self._read:,} rows were rejected, at most {self._policy.max_rejects} may be",
        )

    def _failure(self, code: str, reason: str) -> ImportFailed:
        assert self._first is not None
        first = self._first.as_failure()
        first.code, first.reason = code, f"{reason}; the first of them: {first.reason}"
        return first
