"""What a revert takes back, as the ledger shows it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.domain.requests.revert import Dependents, OnChanged
from app.routes.openapi.models import Id, Model


class RowsToRevert(Model):
    """Which rows of an import; those that both fields choose."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    filter: dict[str, str | None] | None = None
    """Values of columns, written as in a file."""
    ranges: list[Annotated[str, Field(pattern="^[0-9]{1,10}-[0-9]{0,10}$")]] | None = None
    """Numbers of rows that the import brought, such as `1-1000` or `5000-`."""


class RevertedImport(Model):
    """An import whose rows are taken out of the table again: what the ledger has here is a revert."""

    kind: Literal["revert"]
    import_: Annotated[Id, Field(alias="import")]
    name: str | None
    """The name of the import's file; null where it had none."""
    imports: int
    """How many were asked for; this is the first."""
    of_revert: bool
    """Whether it takes back a revert, and not an import."""
    on_changed: OnChanged
    dependents: Dependents
    keep_images: bool
    rows: RowsToRevert | None = None
    reason: str | None
