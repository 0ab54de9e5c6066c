"""Models: the server's answers as typed objects. `document` has all fields, unknown ones too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backout.client.states import FINAL, State


@dataclass(frozen=True)
class Failure:
    """Why an import failed: `code` is for programs, `message` for people. The rest is None if unknown."""

    code: str
    message: str
    line: int | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Import:
    """An import, as it was at the time of the request. Times are UTC.

    Attributes:
        state: a value of `State`; a newer server may have more.
        rows_done: how many rows have been loaded. For a stopped or failed import it shows how far it came, and
            `rows_kept` is 0.
        percent: how much of the source is loaded; 100 only at the end.
        sequence: counts the changes of the import, and never decreases.
        document: the server's whole answer.
    """

    id: str
    number: int
    dataset: str
    state: str
    phase: str
    percent: float
    rows_done: int
    rows_kept: int
    rows_total: int | None
    rows_rejected: int
    rows_blank: int
    rows_updated: int
    rows_skipped: int
    bytes_done: int
    bytes_total: int | None
    rows_per_second: float | None
    eta_seconds: float | None
    sequence: int
    dry_run: bool
    failure: Failure | None
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    document: dict[str, Any]

    @property
    def is_paused(self) -> bool:
        """Whether it waits until someone resumes it."""
        return bool(self.document.get("paused"))

    @property
    def created_by(self) -> str | None:
        """The client that sent it; None where the server asks no one for a token or key."""
        return self.document.get("created_by")

    @property
    def stopped_by(self) -> str | None:
        """The client that stopped it."""
        return self.document.get("stopped_by")

    @property
    def is_final(self) -> bool:
        """Whether it has ended: its state will never change."""
        return self.state in FINAL

    @property
    def is_done(self) -> bool:
        """Whether it succeeded: all rows but rejected ones were loaded, or checked in a dry run."""
        return self.state in (State.COMMITTED, State.CHECKED)

    @property
    def seconds(self) -> float | None:
        """Seconds from acceptance to the end; None before the end."""
        if self.created_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.created_at).total_seconds()


def read_import(document: Mapping[str, Any]) -> Import:
    """Parse an import from the server's answer."""
    error = document.get("error")
    known = {name: document[name] for name in ("id", "number", "dataset", "state", "phase", "percent", "sequence")}
    counts = {
        name: document.get(name, 0)
        for name in (
            "rows_done",
            "rows_kept",
            "rows_rejected",
            "rows_blank",
            "rows_updated",
            "rows_skipped",
            "bytes_done",
        )
    }
    optional: dict[str, Any] = {
        name: document.get(name) for name in ("rows_total", "bytes_total", "rows_per_second", "eta_seconds")
    }
    times: dict[str, Any] = {
        name: _read_time(document.get(name)) for name in ("created_at", "started_at", "finished_at")
    }
    return Import(
        **known,
        **counts,
        **optional,
        **times,
        dry_run=bool(document.get("dry_run", False)),
        failure=_read_failure(error) if error else None,
        document=dict(document),
    )


def _read_failure(error: Mapping[str, Any]) -> Failure:
    where = {name: error.get(name) for name in ("line", "row", "column", "value")}
    return Failure(str(error.get("code", "")), str(error.get("message", "the reason is unknown")), **where)


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True)
class Reject:
    """An invalid row: its line, the reason, and its content.

    `values` are its fields. If the row could not be parsed, `text` is the whole row instead.
    """

    line: int | None
    column: str | None
    value: str | None
    code: str
    reason: str
    values: list[str] | None
    text: str | None


def read_reject(document: Mapping[str, Any]) -> Reject:
    """Parse a reject from the server's answer."""
    return Reject(
        **{name: document.get(name) for name in ("line", "column", "value", "values", "text")},
        code=str(document.get("code", "")),
        reason=str(document.get("reason", "")),
    )


@dataclass(frozen=True)
class Preview:
    """How the server would read a file.

    Attributes:
        problem: why an import would refuse the whole file; None if it would not.
        columns: the file's columns, each with `name`, `column` (of the dataset) and `status`.
        missing, unknown: required columns that the file lacks; columns of the file that the dataset does not have.
        suggestions: unknown columns that may be columns of the dataset, each with `name`, `column` and `reason`.
        suggested_columns: the option `columns` with them; None if no column is unknown.
        document: the whole answer.
    """

    problem: Failure | None
    columns: list[dict[str, Any]]
    missing: list[str]
    unknown: list[str]
    suggestions: list[dict[str, Any]]
    suggested_columns: dict[str, Any] | None
    document: dict[str, Any]


def read_preview(document: Mapping[str, Any]) -> Preview:
    """Read a preview from a document of the server."""
    lists: dict[str, Any] = {
        name: list(document.get(name) or ()) for name in ("columns", "missing", "unknown", "suggestions")
    }
    problem, suggested = document.get("problem"), document.get("suggested_columns")
    return Preview(
        **lists,
        problem=_read_failure(problem) if problem else None,
        suggested_columns=suggested,
        document=dict(document),
    )


@dataclass(frozen=True)
class Dataset:
    """A table that imports load into; `columns` are as in the API."""

    name: str
    columns: list[dict[str, Any]]
    document: dict[str, Any]


def read_dataset(document: Mapping[str, Any]) -> Dataset:
    """Parse a dataset from the server's answer."""
    return Dataset(str(document["name"]), list(document.get("columns", [])), dict(document))


@dataclass(frozen=True)
class Readiness:
    """Whether the installation works: `status` is ok, degraded or failing; each part is "ok" or a message."""

    status: str
    parts: dict[str, str]


@dataclass(frozen=True)
class Queue:
    """How busy the installation is.

    Attributes:
        depth, running: how many imports are waiting and running.
        workers, hints: how many workers are connected, and how many hints are waiting; None if the broker does not
            answer.
        oldest_seconds: how long the oldest import has been waiting.
        rows_per_second: the recent rate.
    """

    depth: int
    running: int
    workers: int | None
    hints: int | None
    oldest_seconds: float | None
    rows_per_second: float | None
