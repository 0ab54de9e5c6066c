"""Streams of server-sent events."""

from typing import Any

from pydantic import BaseModel

from app.domain.handling import HandlingState
from app.domain.states import State
from app.routes.openapi.models import Id, Model
from app.routes.openapi.models.handlings import WatchedHandling
from app.routes.openapi.models.imports import Import, WatchedImport
from app.routes.openapi.operations import Answer


class Changed(Model):
    """The imports that have changed."""

    imports: list[Import]


class Reset(Model):
    """The server can't say what was missed: get the list again."""

    reason: str


class End(Model):
    """That no more changes will come."""

    id: Id
    state: State | HandlingState
    """A final one."""


IMPORT_EVENTS: dict[str, type[BaseModel]] = {"import": WatchedImport, "end": End}
ALL_EVENTS: dict[str, type[BaseModel]] = {"imports": Changed, "reset": Reset}
HANDLING_EVENTS: dict[str, type[BaseModel]] = {"handling": WatchedHandling, "end": End}


def stream_of(events: dict[str, type[BaseModel]]) -> dict[int, Answer]:
    """A stream of these events, by their names: what their data is, in JSON. OpenAPI 3.1 has no word for the items of a
    stream, so that the schema of its body is that of each event; the models must be named beside it."""
    return {
        200: Answer(
            "Events, for about a minute: come again with `Last-Event-ID`.",
            {"text/event-stream": {"oneOf": [_event(name, data) for name, data in events.items()]}},
            {"X-Accel-Buffering": "`no`: a proxy must not hold it back."},
        )
    }


def _event(name: str, data: type[BaseModel]) -> dict[str, Any]:
    content = {"$ref": f"#/components/schemas/{data.__name__}"}
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string", "const": name},
            "id": {"type": "string", "description": "What to go on from, as `Last-Event-ID`."},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": content},
        },
        "additionalProperties": False,
    }
