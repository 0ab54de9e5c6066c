"""Bodies of `/v1/reverts` and `/v1/imports/{id}/revert`."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from app.domain.requests.revert import MAX_IMPORTS, Dependents, OnChanged
from app.domain.states import State
from app.routes.openapi.models import ID, Id, Model, Time
from app.routes.openapi.models.imports import Import
from app.routes.openapi.models.revert_source import RowsToRevert
from app.routes.openapi.operations import JSON, Answer

EXAMPLE: dict[str, Any] = {
    "id": "0d0ac6e4-7f3c-4f37-9d3c-3a4a1c1d8b6a",
    "import": ID,
    "state": "committed",
    "dry_run": False,
    "rows_deleted": 199990,
    "rows_restored": 0,
    "rows_left": 10,
    "rows_erased": 0,
    "in_the_way": {"changed": 10},
    "fingerprint": "0c5f" * 16,
    "reverted": False,
    "reason": "the file of the day before",
    "created_by": "anna",
    "created_at": "2026-11-30T08:02:11.120Z",
    "finished_at": "2026-11-30T08:02:13.004Z",
}


class RevertRequest(Model):
    """How to revert; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"dry_run": True}]})

    dry_run: bool | None = None
    """Only look: what would happen, and what stands in the way."""
    on_changed: OnChanged | None = None
    """With `fail` nothing happens if a row stands in the way; with `skip` such rows stay and are listed; with `force`
    rows that another program has changed are reverted, too, and kept as images."""
    dependents: Dependents | None = None
    """With `cascade` later imports that updated the rows are reverted as well."""
    rows: RowsToRevert | None = None
    """Only these rows of one import; the others can be reverted later."""
    expected: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """The fingerprint that a dry run gave: nothing happens if the rows are others by now."""
    keep_images: bool | None = None
    """Keep what is taken, so that the revert can be reverted."""
    reason: Annotated[str, Field(max_length=500)] | None = None
    """Why; kept in the timeline."""


class RevertsRequest(RevertRequest):
    """What to revert together, and how."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": [ID], "dry_run": True}]})

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IMPORTS)]
    """Imports of one dataset, in any order."""


class ShortenRequest(Model):
    """An earlier end."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"revertible_until": "2026-12-01T06:00:00Z"}]}
    )

    revertible_until: Time


class LaterSkip(Model):
    """An import that left rows out, some perhaps because of rows that a revert takes: no one loads them again."""

    id: Id
    rows_skipped: int


class RevertOutcome(Model):
    """What a revert did, or would do."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: Id
    import_: Annotated[Id, Field(alias="import")]
    state: State
    dry_run: bool
    rows_deleted: int | None
    """Rows that the import had brought. This and the next three are null until it is known."""
    rows_restored: int | None
    """Rows that the import had updated, with their old values again."""
    rows_left: int | None
    """Rows in the way that are in the table still."""
    rows_erased: int | None
    """Updated rows that stay as they are: what they were before was erased."""
    in_the_way: dict[str, int]
    """Rows in the way by class; `/v1/imports/{revert}/rejects` lists them."""
    fingerprint: str | None
    """The same for the same rows; see `expected`."""
    reverted: bool
    """Whether the revert was itself reverted."""
    reason: str | None
    created_by: str | None
    """Who asked for the revert."""
    created_at: Time
    finished_at: Time | None


class Reverts(Model):
    """What can be reverted, and what was."""

    import_: Annotated[Id, Field(alias="import")]
    revertible: bool
    reason: str | None
    """Why it can't be reverted."""
    revertible_until: Time | None
    reverts: list[RevertOutcome]
    imports: list[RevertOutcome]
    """Of a revert: what became of each of its imports."""
    later_skips: list[LaterSkip]
    """Later imports that skipped rows whose key was in the table."""


_SHOW = {"operationId": "get_import", "parameters": {"id": "$response.body#/id"}}
ACCEPTED = {
    202: Answer("The revert, which waits for a worker.", {JSON: Import}, {"Location": "The revert."}, {"show": _SHOW})
}
REVERTS = {200: Answer("Whether it can be reverted, and its reverts.", {JSON: Reverts})}
