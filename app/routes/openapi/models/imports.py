"""Bodies of `/v1/imports`."""

import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from app.domain.file_format import COMPRESSIONS, FORMATS
from app.domain.requests.policy import MAX_PRIORITY, OnConflict, OnError
from app.domain.states import State
from app.routes.openapi.models import ID, Id, Model, Time
from app.routes.openapi.models.revert_source import RevertedImport
from app.routes.openapi.operations import JSON, Answer, text

EXAMPLE = json.loads(
    """
    {"id": "ID", "number": 14, "dataset": "orders", "state": "running", "phase": "loading", "paused": false,
     "percent": 28.0, "rows_done": 280000, "rows_kept": 0, "rows_total": 1000000, "bytes_done": 0, "bytes_total": null,
     "arriving": false, "priority": 0,
     "rows_per_second": 53672.8, "eta_seconds": 13.4, "attempt": {"number": 1, "rows": 280000, "bytes": 0},
     "rows_deleted": 0, "rows_counted": null, "rows_counted_at": null,
     "rows_updated": 0, "rows_skipped": 0, "rows_rejected": 0, "rows_blank": 0,
     "on_error": "abort", "max_rejects": null, "on_conflict": "fail", "dry_run": false, "sequence": 30, "error": null,
     "retry_of": null, "created_by": "night", "stopped_by": null, "paused_by": null,
     "reverted_by": null, "reverted_by_client": null, "reverted_at": null,
     "source": {"kind": "generated", "rows": 1000000, "seed": "night7"},
     "created_at": "2026-11-22T02:35:49.661Z", "started_at": "2026-11-22T02:35:49.689Z",
     "decided_at": null, "finished_at": null,
     "links": {"self": "/v1/imports/ID", "stop": "/v1/imports/ID/stop", "events": "/v1/imports/ID/events",
               "page": "/imports/ID"}}
""".replace("ID", ID)
)
QUEUED: dict[str, Any] = {"sequence": 1, "at": "2026-11-22T02:35:49.661Z", "event": "queued"}
QUEUED |= {"by": "night", "detail": None}


class Attempt(Model):
    """How far the attempt that is running, or was the last, has come."""

    number: int
    """Counts from 1; 0 before the first."""
    rows: int
    bytes: int


class Generated(Model):
    """Rows that were made up here."""

    kind: Literal["generated"]
    rows: int
    seed: str | None
    """The same seed makes the same rows."""


class SourceFile(Model):
    """A file, and how it is read. A format has only some of these parts."""

    kind: Literal["file"]
    name: str | None
    bytes: int | None
    template: str | None = None
    """The import template whose options were used, with its version: `amazon-de@3`. Left out if there was none."""
    format: Annotated[str, Field(json_schema_extra={"enum": list(FORMATS)})]
    compression: Annotated[str, Field(json_schema_extra={"enum": list(COMPRESSIONS)})]
    columns: list[str | dict[str, Any] | None] | dict[str, str | dict[str, Any] | None] | None
    """The option `columns`, if it was given: names in their order, or the dataset's by the file's."""
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: bool | None = None
    first_line: int | None = None
    trailing: bool | None = None
    sheet: str | None = None
    records: str | None = None
    null: str | None = None
    comment: str | None = None
    trim: bool | None = None
    formats: list[str] | None = None
    """From here on: options for the values of all columns, each only if it was given."""
    zones: dict[str, str] | None = None
    decimal_mark: str | None = None
    grouping_mark: str | None = None
    currency: bool | str | None = None
    percent: bool | str | None = None
    negative: list[str] | None = None


class Failure(Model):
    """Why an import failed."""

    code: str
    """Stable, for programs."""
    reason: str
    message: str
    """The reason with the place, for people."""
    line: int | None = None
    """In the file, the header included."""
    row: int | None = None
    column: str | None = None
    value: str | None = None
    other_import: str | None = None
    """The import that has the same key."""


class Links(Model):
    """Where to go from here."""

    self: str
    stop: str
    events: str
    page: str
    rejects: str | None = None
    """If there are any."""


class Event(Model):
    """What happened to an import."""

    sequence: int
    at: Time
    event: str
    by: str | None
    """The client whose doing it is; null for what Backout does itself, and where no one is asked for a token or key."""
    detail: dict[str, Any] | None


class Import(Model):
    """One file, or one number of generated rows, that is loaded whole or not at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: Id
    number: int
    dataset: str
    state: State
    """Final are committed, stopped, failed and, for a dry run, checked."""
    phase: str
    """A word for people; nothing depends on it."""
    paused: bool
    """Whether it waits until it is resumed."""
    percent: Annotated[float, Field(ge=0, le=100)]
    """How much of the source is loaded; never goes back, and is 100 only for committed and checked."""
    rows_done: int
    """How far it has come; never goes back."""
    rows_kept: int
    """How many of its rows are in the table, as far as known."""
    rows_total: int | None
    bytes_done: int
    bytes_total: int | None
    arriving: bool
    """Whether its file is still on its way (`stream=1`)."""
    priority: int
    """Of imports that wait, one of a higher priority is begun first."""
    rows_per_second: float | None
    eta_seconds: float | None
    attempt: Attempt
    rows_deleted: int
    """Through this service; what other programs deleted is found by counting."""
    rows_counted: int | None
    """How many rows were in the table at `rows_counted_at`. Showing one committed import starts a count beside the
    answer, at most one a minute."""
    rows_counted_at: Time | None
    rows_updated: int
    rows_skipped: int
    rows_rejected: int
    rows_blank: int
    """Rows without any value, which are passed over."""
    on_error: OnError
    max_rejects: str | None
    on_conflict: OnConflict
    dry_run: bool
    control_totals: dict[str, str] | None = None
    """What the accepted rows must add up to. This and the next three are left out if they were not given."""
    min_rows: int | None = None
    max_rows: int | None = None
    like_last: str | None = None
    sequence: int
    """Counts its changes; never goes back."""
    error: Failure | None
    retry_of: str | None
    """The import that this one repeats."""
    created_by: str | None
    """The client that sent it; null where no one is asked for a token or key."""
    stopped_by: str | None
    paused_by: str | None
    """While it is paused."""
    reverted_by: Id | None
    """The revert that took its rows out of the table again, with none left."""
    reverted_by_client: str | None
    """Who asked for that revert."""
    reverted_at: Time | None
    source: Generated | SourceFile | RevertedImport
    created_at: Time
    started_at: Time | None
    decided_at: Time | None
    finished_at: Time | None
    links: Links


class AcceptedImport(Import):
    """An import that was accepted just now, or before under the same Idempotency-Key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "estimated_seconds": 18.6}]})

    estimated_seconds: float | None
    """Until it has committed, waiting included; null while nothing was measured."""


class WatchedImport(Import):
    """An import with its timeline."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "timeline": [QUEUED]}]})

    timeline: list[Event]


class ImportList(Model):
    """A page of imports."""

    imports: list[Import]
    """Newest first."""
    next: str | None
    """The address of the next page; null on the last."""


class Reject(Model):
    """A row that was not accepted."""

    line: int
    row: int
    """Its number among the file's rows; blank ones have none."""
    code: str
    reason: str
    column: str | None
    value: str | None
    text: str
    """The row as it was sent."""
    values: list[str] | None
    """Its fields in the dataset's order; null if it could not be parsed."""


class RejectList(Model):
    """The first rejects of an import."""

    id: Id
    rows_rejected: int
    """How many there are in all."""
    rejects: list[Reject]


class GenerateRequest(Model):
    """How many rows to make up."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"dataset": "orders", "generate": 1000}]})

    generate: Annotated[int, Field(ge=1)]
    dataset: str = "orders"
    seed: Annotated[str, Field(pattern="^[a-z0-9]{1,24}$")] | None = None
    """The same seed makes the same rows."""
    priority: Annotated[int, Field(ge=-MAX_PRIORITY, le=MAX_PRIORITY)] = 0
    """Of imports that wait, one of a higher priority is begun first."""


_BY_ID = {"parameters": {"id": "$response.body#/id"}}
_SHOW = {"operationId": "get_import", **_BY_ID}
ACCEPTED = {
    202: Answer(
        "It is safe, and will be loaded.",
        {JSON: AcceptedImport},
        {"Location": "The import.", "Retry-After": "Seconds after which a look at it makes sense."},
        {
            "show": _SHOW,
            "stop": {"operationId": "stop_import", **_BY_ID},
            "rejects": {"operationId": "list_rejects", **_BY_ID},
        },
    )
}
RETRIED = {
    202: Answer(
        "A new import is safe, and will be loaded.", {JSON: Import}, {"Location": "The new import."}, {"show": _SHOW}
    )
}
FOUND = {
    200: Answer("The import.", {JSON: WatchedImport}, {"ETag": "Changes with `sequence`."}),
    304: Answer("Nothing has changed since.", headers={"ETag": "The same as before."}),
}
REJECTS = {
    200: Answer(
        "The rejects.",
        {
            JSON: RejectList,
            "text/csv": text("The dataset's columns and what was wrong, to fix and send again."),
            "application/x-ndjson": text("A reject a line, as in JSON."),
        },
    )
}
RETRIED = {202: Answer("A new import.", {JSON: Import}, {"Location": "The import."}, {"show": _SHOW})}
STOPPED = {202: Answer("It will never commit.", {JSON: Import}, links={"show": _SHOW})}
