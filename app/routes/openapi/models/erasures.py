"""Bodies of `/v1/erasures`."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from app.routes.openapi.models import Id, Model

REQUEST: dict[str, Any] = {"dataset": "orders", "where": {"email": "anna@example.org"}, "dry_run": True}
EXAMPLE: dict[str, Any] = {
    "dataset": "orders",
    "columns": ["email"],
    "dry_run": True,
    "complete": False,
    "counts": {"rows": 2, "images": 1, "files": 3, "rejects": 1, "slips": 2, "handlings": 2, "texts": 1},
    "imports": [12, 17],
    "left": [],
    "cursor": None,
}


class ErasureRequest(Model):
    """Whose data goes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [REQUEST]})

    dataset: str
    where: dict[str, str | int | float | bool]
    """Columns with values, written as in an export; a row of the person has all of them."""
    dry_run: bool = False
    """Only count."""
    cursor: str | None = None
    """Of the last answer: go on from there."""


class ErasureCounts(Model):
    """How many things were erased; in a dry run, would be."""

    rows: int
    images: int
    """What rows were before imports and reverts changed them."""
    files: int
    """Uploads of ended imports of the dataset: all of them, since a file is not searched."""
    rejects: int
    """Invalid rows in reject files."""
    slips: int
    handlings: int
    """Orders whose steps handlings have recorded."""
    texts: int
    """Errors, reasons, file names and keys."""


class ErasureLeft(Model):
    """What could not be erased now."""

    place: Literal["rows", "images", "files", "texts", "imports"]
    import_: Annotated[Id | None, Field(alias="import")]
    reason: str
    """Why, and what helps."""


class Erasure(Model):
    """How far an erasure has come."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    dataset: str
    columns: list[str]
    dry_run: bool
    complete: bool
    """Whether nothing is left; false in a dry run."""
    counts: ErasureCounts
    imports: list[int]
    """Numbers of imports of which something was erased, the first 100."""
    left: list[ErasureLeft]
    cursor: str | None
    """Send it to go on; null at the end."""
