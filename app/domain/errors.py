"""What can go wrong, each a fact with what is needed to mend it.

`Refused` and its kinds answer a request; `ImportFailed` and its kinds end an attempt and become the import's `error`.
"""

from dataclasses import asdict, dataclass
from typing import Any


class BackoutError(Exception):
    """The root of every error of ours."""


# --- what a request is told ------------------------------------------------------------------------------------------


class Refused(BackoutError):
    """The request can't be had as it was sent."""

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class BadRequest(Refused):
    """The request is malformed: a value is no number, a body was cut off."""


class InvalidContent(Refused):
    """The request was understood, but its content can't be imported; `errors` in `extra` names the fields."""


class UnsupportedFormat(Refused):
    """The file's format or compression is not one that is read here."""


class ContentTooLarge(Refused):
    """The upload is larger than the limit that the answer names."""


class SpoolFull(Refused):
    """The disk that holds uploads is full: nothing was kept."""


class ImportNotFound(Refused):
    """No import has this id."""


class AlreadyDecided(Refused):
    """The import has committed, is committing or has failed: it is too late to stop it."""


class ImportsRunning(Refused):
    """The dataset can't be cleared while imports of it are unfinished."""


class DatasetBeingCleared(Refused):
    """Another request is clearing this dataset."""


class DatasetNotFound(Refused):
    """No dataset has this name."""


class DatasetExists(Refused):
    """The name is taken, by a dataset or by a table."""


class DatasetInUse(Refused):
    """The dataset's table can't be defined now: it is read, or another is being defined."""


class TemplateNotFound(Refused):
    """No import template has this name, or no such version."""


class KeyInFlight(Refused):
    """The first request with this Idempotency-Key has not been answered yet."""


class KeyReused(Refused):
    """This Idempotency-Key was used for other content."""


class NotEnabled(Refused):
    """The endpoint is off on this installation."""


class LedgerFrozen(Refused):
    """The ledger may not be the latest: nothing is accepted, claimed or swept until a person says so."""


class NotAllowed(Refused):
    """The protocol does not let anybody do this, a person included."""


class TooManyStreams(Refused):
    """As many clients as the server takes are watching by stream already: ask from time to time instead."""


class FileForgotten(Refused):
    """The file of the import is no longer kept, so it can't be tried again without being sent again."""


class NothingToRetry(Refused):
    """Only an import of which nothing was loaded can be tried again."""


class AlreadyRunning(Refused):
    """The same work is under way already: the same file with the same options, or a handling of the same orders."""


class Overloaded(Refused):
    """More waits than the workers can come to in good time."""


class HandlingNotFound(Refused):
    """No handling has this id."""


class OrderNotFound(Refused):
    """No order that a reader may see has this id."""


class NotRunning(Refused):
    """The handling is at rest: there is nothing to stop."""


class NothingFailed(Refused):
    """The handling has no order that failed, or it has not ended yet."""


class OrdersKept(Refused):
    """Some of the rows may not be deleted: they are being handled, or were shipped."""


class DatabaseUnavailable(Refused):
    """The database does not answer: nothing was accepted; try again."""


# --- what ends an attempt --------------------------------------------------------------------------------------------


@dataclass
class ImportFailed(BackoutError):
    """The import can't be loaded and another try would end the same; nothing of it stays.

    `code` is stable and for programs, `reason` a sentence for people. `line` counts from 1 in the original file,
    the header included.
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
        """What the ledger keeps and the API shows: the fields that are known."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return {**known, "message": str(self)}


class BranchLost(BackoutError):
    """A branch of a decided import is gone, and none of our processes finished it: a person must resolve it."""


class AttemptLost(BackoutError):
    """This attempt no longer holds its import (stopped, fenced by a newer epoch, or cut off from the database)."""
