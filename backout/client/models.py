"""Shapes: what the server answers, typed. Unknown fields are left in `document`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backout.client.states import FINAL, State


@dataclass(frozen=True)
class Failure:
    """Why an import failed: `code` is for programs, `message` for people; the rest where it is known."""

    code: str
    message: str
    line: int | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Import:
    """One import as it was when it was asked for; times are UTC.

    Attributes:
        state: a word of `State`; a newer server may have others.
        rows_done: rows that are loaded; of a stopped or failed import how far it had come, while `rows_kept` is 0.
        percent: how much of the source is loaded; 100 only at the end.
        sequence: counts its changes, never going back.
        document: all that the server said.
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
    def is_final(self) -> bool:
        """Whether it has ended and will never change its state."""
        return self.state in FINAL

    @property
    def is_done(self) -> bool:
        """Whether it ended as it was meant to: every row that was not rejected is there, or was checked."""
        return self.state in (State.COMMITTED, State.CHECKED)

    @property
    def seconds(self) -> float | None:
        """From acceptance to the end; None before the end."""
        if self.created_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.created_at).total_seconds()


def read_import(document: Mapping[str, Any]) -> Import:
    """The import in a document of the server."""
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
    perhaps: dict[str, Any] = {
        name: document.get(name) for name in ("rows_total", "bytes_total", "rows_per_second", "eta_seconds")
    }
    times: dict[str, Any] = {
        name: _read_time(document.get(name)) for name in ("created_at", "started_at", "finished_at")
    }
    return Import(
        **known,
        **counts,
        **perhaps,
        **times,
        dry_run=bool(document.get("dry_run", False)),
        failure=_read_failure(error) if error else None,
        document=dict(document),
    )


def _read_failure(error: Mapping[str, Any]) -> Failure:
    where = {name: error.get(name) for name in ("line", "row", "column", "value")}
    return Failure(str(error.get("code", "")), str(error.get("message", "no reason is known")), **where)


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True)
class Reject:
    """A row that was not accepted: where it stood, why, and what it was.

    `values` has its fields, or `text` the whole of it where it could not be taken apart.
    """

    line: int | None
    column: str | None
    value: str | None
    code: str
    reason: str
    values: list[str] | None
    text: str | None


def read_reject(document: Mapping[str, Any]) -> Reject:
    """The reject in a document of the server."""
    return Reject(
        **{name: document.get(name) for name in ("line", "column", "value", "values", "text")},
        code=str(document.get("code", "")),
        reason=str(document.get("reason", "")),
    )


@dataclass(frozen=True)
class Dataset:
    """A table that imports load into; `columns` are as the server describes them."""

    name: str
    columns: list[dict[str, Any]]
    document: dict[str, Any]


def read_dataset(document: Mapping[str, Any]) -> Dataset:
    """The dataset in a document of the server."""
    return Dataset(str(document["name"]), list(document.get("columns", [])), dict(document))


@dataclass(frozen=True)
class Readiness:
    """Whether the installation can work: `status` is ok, degraded or failing; a part says "ok" or what is wrong."""

    status: str
    parts: dict[str, str]


@dataclass(frozen=True)
class Queue:
    """How busy the installation is: imports that wait (`depth`) and run, and what the broker says, which is None where
    it does not answer: `workers` that are connected, `hints` that wait."""

    depth: int
    running: int
    workers: int | None
    hints: int | None
    oldest_seconds: float | None
    rows_per_second: float | None
