"""Bodies of `/v1/pauses`."""

from typing import Any

from pydantic import ConfigDict

from app.domain.pause import Scope
from app.routes.openapi.models import Model, Time
from app.routes.openapi.models.imports import Import
from app.routes.openapi.operations import JSON, Answer

EXAMPLE: dict[str, Any] = {
    "scope": "dataset",
    "name": "orders",
    "client": "night",
    "paused_at": "2026-11-30T02:35:49.661Z",
}


class Pause(Model):
    """What no worker begins until it is resumed."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    scope: Scope
    name: str
    """Of the dataset, or the import's id; empty for all."""
    client: str
    """The name of the API key that paused it; empty where none is needed."""
    paused_at: Time


class PauseList(Model):
    """All pauses."""

    pauses: list[Pause]


HELD = {202: Answer("The import as it is now.", {JSON: Import})}
