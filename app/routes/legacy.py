"""The classic endpoints: paths and named fields that existing scripts use."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from app.domain.caller import Scope
from app.domain.dataset import ORDERS
from app.domain.errors import (
    AlreadyDecided,
    DatasetBeingCleared,
    ImportNotFound,
    ImportsRunning,
    LedgerFrozen,
    NotEnabled,
    NotRevertible,
    OrdersKept,
    Overloaded,
    Paused,
    Reverted,
    TooManyAtOnce,
)
from app.domain.imports import Import
from app.domain.states import State
from app.formats.export import LINES, batched
from app.lifecycle.datasets import delete_rows
from app.lifecycle.imports import accept, queries, stop
from app.lifecycle.imports.loading import load
from app.lifecycle.imports.reverting.accept import RevertRequest, accept_revert
from app.routes import services
from app.routes.api.serializers import CELERY_STATUS
from app.routes.auth import CHANGING_GETS
from app.routes.downloads import as_download
from app.routes.openapi.models import classic as models
from app.routes.openapi.operations import JSON, Answer, describe, text
from app.routes.openapi.parameters import ACCEPTING, IDEMPOTENCY_KEY
from app.routes.pages import imports
from app.routes.parameters import parse_caller, parse_number
from app.routes.problems import problem

DEFAULT_ROWS = 100_000  # or what the installation allows, if that is less
DEPRECATED_AT = "@1795305600"  # RFC 9745: 2026-11-22


blueprint = Blueprint("classic", __name__)


@blueprint.before_request
def refuse_head() -> None:
    """Flask answers HEAD by doing what GET does: not where that changes something."""
    rule = request.url_rule
    if request.method == "HEAD" and rule is not None and rule.methods and rule.rule.startswith(CHANGING_GETS):
        raise MethodNotAllowed(sorted(rule.methods - {"HEAD"}))


@blueprint.get("/")
@describe(
    "get_root",
    "classic",
    {200: Answer("That it is there, or the page.", {JSON: models.Greeting, "text/html": text("The page.")})},
    scope=Scope.IMPORTS_READ,
)
def show_root() -> Response | dict[str, Any] | str:
    """That the service is there; a browser gets the page."""
    if imports.is_page():
        return imports.show_imports()
    return {"success": True, "message": "Backout is running: POST /v1/imports with a file, or /insert/<n>"}


@blueprint.route("/insert", methods=["GET", "POST"], defaults={"rows": ""})
@blueprint.route("/insert/<rows>", methods=["GET", "POST"])
@describe(
    "insert_orders",
    "classic",
    models.ACCEPTED,
    refuses=ACCEPTING,
    parameters=(IDEMPOTENCY_KEY,),
    scope=Scope.IMPORTS_WRITE,
    dataset=ORDERS.name,
)
def insert(rows: str) -> dict[str, Any]:
    """Import n generated orders; answers at once."""
    accepted = accept.accept_generated(services(), ORDERS, _read_rows(rows), parse_caller())
    row = accepted.row
    message = "this was accepted before" if accepted.replayed else f"an import of {row.rows_total} orders was accepted"
    return {
        "success": True,
        "message": message,
        "task_id": row.id,
        "state": row.state,
        "estimated_seconds": services().backlog_cache.estimate_seconds(services().database, row),
    }


@blueprint.route("/dpd_insert", methods=["GET", "POST"], defaults={"rows": ""})
@blueprint.route("/dpd_insert/<rows>", methods=["GET", "POST"])
@describe(
    "insert_orders_and_wait",
    "classic",
    {200: Answer("The import has committed.", {JSON: models.ClassicDone}, {"Deprecation": "Since when (RFC 9745)."})},
    refuses=(*ACCEPTING, Paused),
    failures={
        409: ("stopped", "The import was stopped; nothing of it was loaded."),
        500: ("failed", "The import failed; nothing of it was loaded."),
        503: ("undecided", "The import has not ended yet: ask for its status."),
    },
    parameters=(IDEMPOTENCY_KEY,),
    deprecated=True,
    scope=Scope.IMPORTS_WRITE,
    dataset=ORDERS.name,
)
def insert_and_wait(rows: str) -> Response:
    """Deprecated: import n generated orders and answer when they are there."""
    accepted = accept.accept_generated(services(), ORDERS, _read_rows(rows), parse_caller(), inline=True)
    if not accepted.replayed:
        load.load_inline(services(), accepted.row.number)
    row, _ = queries.find_import(services().database, accepted.row.id)
    response = _show_end(row)
    response.headers["Deprecation"] = DEPRECATED_AT
    response.headers["Link"] = '</insert>; rel="successor-version"'
    return response


def _read_rows(text: str) -> int:
    return parse_number(text, "n") if text else min(DEFAULT_ROWS, services().settings.max_generated_rows)


def _show_end(row: Import) -> Response:
    if row.state is State.COMMITTED:
        return _json({"success": True, "message": f"{row.rows_done} orders were imported", "task_id": row.id})
    if row.state in (State.STOPPING, State.STOPPED):
        return problem(409, "stopped", "the import was stopped; nothing of it was loaded", import_id=row.id)
    if row.state in (State.FAILING, State.FAILED):
        reason = (row.error or {}).get("message", "no reason is known")
        return problem(500, "failed", f"the import failed and nothing of it was loaded: {reason}", import_id=row.id)
    return problem(503, "undecided", f"the import is {row.state}: ask /status/{row.id} for its end", import_id=row.id)


@blueprint.route("/stop/<task_id>", methods=["GET", "POST"])
@describe(
    "stop_task",
    "classic",
    models.ClassicStopped,
    refuses=(ImportNotFound, AlreadyDecided),
    scope=Scope.IMPORTS_STOP,
)
def stop_import(task_id: str) -> dict[str, Any]:
    """Stop an import: it will never commit, or the answer says that it was too late."""
    row = stop.stop_import(services(), task_id, g.client)
    message = (
        "the import was stopped and nothing of it is left"
        if row.state is State.STOPPED
        else "the import was stopped: it will never commit, and what it had loaded is being undone"
    )
    return {"success": True, "message": message, "task_id": row.id, "state": row.state}


@blueprint.post("/revert/<task_id>")
@describe(
    "revert_task",
    "classic",
    models.REVERTING,
    refuses=(ImportNotFound, NotRevertible, Reverted, LedgerFrozen),
    scope=Scope.IMPORTS_REVERT,
)
def revert_import(task_id: str) -> Response:
    """Revert a committed import, unless someone has changed its rows since: a task of its own, which can be watched and
    stopped."""
    row = accept_revert(services(), [task_id], parse_caller(), RevertRequest())
    message = "the import is being reverted: its rows go, and what it had updated comes back"
    response = _json({"success": True, "message": message, "task_id": row.id, "state": row.state})
    response.status_code = 202
    return response


@blueprint.get("/status/<task_id>")
@describe("get_task_status", "classic", models.ClassicStatus, refuses=(ImportNotFound,), scope=Scope.IMPORTS_READ)
def show_status(task_id: str) -> dict[str, Any]:
    """How an import is doing; `status` in Celery's words, `progress` in percent."""
    row, _ = queries.find_import(services().database, task_id)
    return {
        "success": True,
        "task_id": row.id,
        "status": CELERY_STATUS[row.state],
        "state": row.state,
        "progress": row.percent,
        "rows_done": row.rows_done,
        "rows_total": row.rows_total,
        "eta_seconds": row.eta_seconds,
        "message": _describe(row),
    }


def _describe(row: Import) -> str:
    if row.error is not None:
        return str(row.error["message"])
    ended = {State.STOPPED: "stopped; nothing of it is left", State.CHECKED: "checked; nothing of it was kept"}
    return ended.get(row.state, row.phase)


@blueprint.route("/delete_all", methods=["GET", "DELETE"])
@describe(
    "delete_all",
    "classic",
    models.Deleted,
    refuses=(NotEnabled, ImportsRunning, OrdersKept, DatasetBeingCleared, LedgerFrozen),
    scope=(Scope.ROWS_DELETE, Scope.IMPORTS_ANY),
    dataset=ORDERS.name,
)
def delete_all() -> dict[str, Any]:
    """Delete every order; for tests."""
    if not services().settings.test_endpoints:
        raise NotEnabled("this endpoint is for tests: start the server with BACKOUT_TEST_ENDPOINTS=1 to have it")
    deleted = delete_rows.delete_rows(services(), ORDERS)
    return {"success": True, "message": f"{deleted} orders were deleted", "num_rows_deleted": deleted}


@blueprint.get("/get_data/count")
@describe("count_orders", "classic", models.Orders, scope=(Scope.ROWS_READ, Scope.IMPORTS_ANY), dataset=ORDERS.name)
def count_data() -> dict[str, Any]:
    """How many orders there are; `data` is empty here."""
    return {"success": True, "count": queries.count_rows(services().database, ORDERS), "data": []}


@blueprint.get("/get_data")
@describe(
    "list_orders",
    "classic",
    models.Orders,
    refuses=(TooManyAtOnce, Overloaded),
    scope=(Scope.ROWS_READ, Scope.IMPORTS_ANY),
    dataset=ORDERS.name,
)
def show_data() -> Response:
    """Every order, streamed from one consistent snapshot."""
    stack = ExitStack()
    try:
        count, lines = stack.enter_context(queries.open_orders(services().database))
    except BaseException:
        stack.close()
        raise

    def stream() -> Iterator[str]:
        with stack:
            yield f'{{"success": true, "count": {count}, "data": ['
            for position, some in enumerate(batched(lines, LINES)):
                yield (", " if position else "") + ", ".join([line.rstrip("\n") for line in some])
            yield "]}\n"

    response = Response(stream(), content_type="application/json")
    response.call_on_close(stack.close)
    return as_download(response)


def _json(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document), content_type="application/json")
