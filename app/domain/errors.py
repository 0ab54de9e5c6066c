"""Errors, each with a message that says what is wrong and how to fix it.

`Refused` and its subclasses answer a request. `ImportFailed` ends an attempt and becomes the import's `error`.
"""

from dataclasses import asdict, dataclass
from typing import Any


class BackoutError(Exception):
    """The base class of all errors of this program."""


# --- answers to requests ---------------------------------------------------------------------------------------------


class Refused(BackoutError):
    """The server refuses the request. `detail` says why; `extra` has more members of the problem document."""

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class BadRequest(Refused):
    """The request is malformed: a value is not a number, a body was cut off."""


class InvalidContent(Refused):
    """The request is well-formed, but its content is invalid; `errors` in `extra` names the fields."""


class UnsupportedFormat(Refused):
    """The server does not support the file's format or compression."""


class ContentTooLarge(Refused):
    """The upload is larger than the limit that the answer names."""


class SpoolFull(Refused):
    """The disk for uploads is full: nothing was stored."""


class ImportNotFound(Refused):
    """No import has this id."""


class AlreadyDecided(Refused):
    """The import has committed, is committing or has failed: it is too late to stop it."""


class ImportsRunning(Refused):
    """Rows of the dataset can't be deleted while imports of it are unfinished."""


class DatasetBeingCleared(Refused):
    """Another request is deleting rows of this dataset."""


class DatasetNotFound(Refused):
    """No dataset has this name."""


class DatasetExists(Refused):
    """A dataset or table of this name exists already."""


class DatasetInUse(Refused):
    """The dataset's table can't be created or dropped now: someone reads it, or another one is being created."""


class ExportOutdated(Refused):
    """Rows of an export that goes on were deleted, reverted or updated since it began."""


class TemplateNotFound(Refused):
    """No import template has this name, or no such version."""


class ScopeRequired(Refused):
    """The token lacks a scope that this operation needs; the answer names it."""


class DatasetNotAllowed(Refused):
    """The token is bound to other datasets."""


class TooManyFailures(Refused):
    """Too many wrong keys came from this address: wait before the next try."""


class SignInRefused(Refused):
    """What came back from the OpenID provider proves no one."""


class NoRole(Refused):
    """A person has proved who they are, but is in no group that may do something here."""


class ProviderUnavailable(Refused):
    """The OpenID provider does not answer, or not as it must."""


class TokenNotFound(Refused):
    """No token has this id."""


class SessionNotFound(Refused):
    """No session that is not over has this id."""


class KeyInFlight(Refused):
    """The first request with this Idempotency-Key is still being answered."""


class KeyReused(Refused):
    """This Idempotency-Key was used for other content."""


class NotEnabled(Refused):
    """The endpoint is disabled on this installation."""


class Paused(Refused):
    """Imports are paused, and this one would have to be loaded at once."""


class LedgerFrozen(Refused):
    """The ledger may be an older one: nothing is accepted, claimed or swept until an operator runs `sweeping
    resume`."""


class NotAllowed(Refused):
    """The protocol does not allow this, not even to an operator."""


class TooManyStreams(Refused):
    """Too many clients have open event streams: poll instead."""


class QuotaExceeded(Refused):
    """The client has used up one of its quotas; `limit` names which, `most` and `used` are numbers of it."""


class TooManyAtOnce(Refused):
    """This client has as many uploads, downloads or event streams at once as one may; `limit` names which."""


class FileForgotten(Refused):
    """The server has deleted the import's file: send it again."""


class NothingToRetry(Refused):
    """Only an import that ended without rows can be retried."""


class NotRevertible(Refused):
    """The import can't be reverted."""


class Reverted(Refused):
    """The import was reverted, or is being reverted: the answer names the revert."""


class AlreadyRunning(Refused):
    """The same work is running already: the same file with the same options, or a handling of the same orders."""


class Overloaded(Refused):
    """More work is waiting than the workers can do in reasonable time."""


class HandlingNotFound(Refused):
    """No handling has this id."""


class OrderNotFound(Refused):
    """No visible order has this id."""


class NotRunning(Refused):
    """The handling is not running: there is nothing to stop."""


class NothingFailed(Refused):
    """The handling has no failed order, or has not ended yet."""


class OrdersKept(Refused):
    """Some of the rows can't be deleted: they are being handled, or were shipped."""


class SpoolUnavailable(Refused):
    """The object store of the spool does not answer, or refuses: nothing was accepted, try again."""


class DatabaseUnavailable(Refused):
    """The database does not answer: nothing was accepted, try again."""


# --- errors that end an attempt --------------------------------------------------------------------------------------


@dataclass
class ImportFailed(BackoutError):
    """The import can't be loaded, and another attempt would fail in the same way. None of its rows stays.

    `code` is stable and for programs, `reason` is a sentence for people. `line` counts from 1 in the original file,
    including the header.
    """

    code: str
    reason: str
    line: int | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    other_import: str | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else f"row {self.row}: " if self.row else ""
        return where + self.reason

    def as_dict(self) -> dict[str, Any]:
        """The known fields, as the ledger stores and the API shows them."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return {**known, "message": str(self)}


class BranchLost(BackoutError):
    """A branch of a decided import is gone, and none of our processes finished it: a person must resolve it."""


class AttemptLost(BackoutError):
    """This attempt no longer holds its import: it was stopped, fenced by a newer epoch, or lost the database."""
