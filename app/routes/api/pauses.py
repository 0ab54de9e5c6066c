"""`/v1/pauses`: pause and resume one import, the imports into a dataset, or all."""

from typing import Any

from flask import Blueprint, Response, g, jsonify

from app.domain.caller import Scope as Needed
from app.domain.errors import AlreadyDecided, ImportNotFound, InvalidContent
from app.domain.pause import Pause, Scope
from app.lifecycle.imports import pause, queries
from app.routes import services
from app.routes.access import access, knows_import, require_all_datasets
from app.routes.api.serializers import serialize_import, serialize_time
from app.routes.openapi.models import pauses as models
from app.routes.openapi.operations import describe

blueprint = Blueprint("pauses", __name__)


@blueprint.get("/v1/pauses")
@describe("list_pauses", "imports", models.PauseList, scope=Needed.IMPORTS_READ)
def show_all() -> dict[str, Any]:
    """What is paused; the widest first."""
    return _list()


@blueprint.post("/v1/pause")
@describe("pause_all", "imports", models.PauseList, scope=(Needed.IMPORTS_STOP, Needed.IMPORTS_ANY))
def pause_all() -> dict[str, Any]:
    """Pause all imports: those that run go back to the queue and begin again when they are resumed. New ones are
    accepted and wait. A stop, an undo and a commit go on."""
    require_all_datasets()
    pause.pause(services(), Scope.ALL, client=g.client)
    return _list()


@blueprint.post("/v1/resume")
@describe("resume_all", "imports", models.PauseList, scope=(Needed.IMPORTS_STOP, Needed.IMPORTS_ANY))
def resume_all() -> dict[str, Any]:
    """End the pause of all imports; those of single imports and datasets stay."""
    require_all_datasets()
    pause.resume(services(), Scope.ALL)
    return _list()


@blueprint.post("/v1/datasets/<name>/pause")
@describe(
    "pause_dataset",
    "imports",
    models.PauseList,
    refuses=(InvalidContent,),
    scope=(Needed.IMPORTS_STOP, Needed.IMPORTS_ANY),
)
def pause_dataset(name: str) -> dict[str, Any]:
    """Pause all imports into a dataset, as `pause_all`."""
    pause.pause(services(), Scope.DATASET, name, client=g.client)
    return _list()


@blueprint.post("/v1/datasets/<name>/resume")
@describe(
    "resume_dataset",
    "imports",
    models.PauseList,
    refuses=(InvalidContent,),
    scope=(Needed.IMPORTS_STOP, Needed.IMPORTS_ANY),
)
def resume_dataset(name: str) -> dict[str, Any]:
    """End the pause of a dataset."""
    pause.resume(services(), Scope.DATASET, name)
    return _list()


@blueprint.post("/v1/imports/<id>/pause")
@describe("pause_import", "imports", models.HELD, refuses=(ImportNotFound, AlreadyDecided), scope=Needed.IMPORTS_STOP)
def pause_import(id: str) -> Response:
    """Pause one import: 202 with what it is now. If it runs, it goes back to the queue, and its rows are undone. 409
    when it is too late."""
    pause.pause(services(), Scope.IMPORT, id, client=g.client)
    return _show(id)


@blueprint.post("/v1/imports/<id>/resume")
@describe("resume_import", "imports", models.HELD, refuses=(ImportNotFound,), scope=Needed.IMPORTS_STOP)
def resume_import(id: str) -> Response:
    """End the pause of one import: 202 with what it is now. It stays paused while all imports or its dataset are."""
    pause.resume(services(), Scope.IMPORT, id)
    return _show(id)


def _show(id: str) -> Response:
    row, _ = queries.find_import(services().database, id)
    response = jsonify(serialize_import(row))
    response.status_code = 202
    return response


def _is_shown(one: Pause) -> bool:
    """Whether the caller may know of what is paused."""
    if one.scope is Scope.IMPORT:
        return knows_import(one.name)
    allowed = access().datasets
    return one.scope is Scope.ALL or allowed is None or one.name in allowed


def _list() -> dict[str, Any]:
    found = pause.list_pauses(services().database)
    return {
        "pauses": [
            {"scope": one.scope, "name": one.name, "client": one.client, "paused_at": serialize_time(one.paused_at)}
            for one in found
            if _is_shown(one)
        ]
    }
