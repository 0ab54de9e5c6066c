"""`/v1/orders`: one order at a time, by its id, which is `<number of its import>-<row>`."""

import json
import math
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from pydantic import ValidationError

from app.db.handlings.queries import Listed
from app.domain.caller import Scope
from app.domain.dataset import ORDERS
from app.domain.errors import BadRequest, ImportNotFound, InvalidContent, OrderNotFound, Paused, SpoolFull
from app.domain.handling import OrderId, StepRecord, parse_order_id as parse_id
from app.domain.imports import Import
from app.domain.states import NEVER_COMMIT, State
from app.handling import queries
from app.handling.order_selection import OrderSelection
from app.lifecycle import backlog
from app.lifecycle.imports import accept, queries as imports
from app.lifecycle.imports.loading import load
from app.lifecycle.imports.options import parse_import_options
from app.routes import services
from app.routes.access import require_rows_of
from app.routes.api.serializers import serialize_row, serialize_time
from app.routes.openapi.models import orders as models
from app.routes.openapi.operations import JSON, describe, query
from app.routes.openapi.parameters import ACCEPTING_FILES, IDEMPOTENCY_KEY
from app.routes.parameters import cut_page, parse_caller, parse_limit
from app.routes.request_body import open_body

JSON_BYTES = 64 * 1024
PAGE, MAX_A_PAGE = 50, 500
FILTERS = ("import", "status", "marketplace", "search")
MAX_RETRY_SECONDS = 30
ONE_ORDER = parse_import_options(ORDERS, {}, None, "application/x-ndjson")
STATUSES = {State.QUEUED: "queued", State.RUNNING: "processing", State.COMMITTING: "processing"}

_FILTERS = (
    query("import", "An import's id."),
    query("status", "A status.", enum=list(models.STATUSES)),
    query("marketplace", "A marketplace, to the letter."),
    query("search", "A text in the order's number or the customer's name."),
)
_PAGES = (
    query("limit", "How many a page has at most.", type="integer", minimum=1, maximum=MAX_A_PAGE, default=PAGE),
    query("cursor", "From `next`."),
)

blueprint = Blueprint("orders", __name__, url_prefix="/v1/orders")


@blueprint.post("")
@describe(
    "accept_order",
    "orders",
    models.ORDER_ACCEPTED,
    refuses=(*ACCEPTING_FILES, Paused),
    parameters=(IDEMPOTENCY_KEY,),
    body={JSON: models.NewOrder},
    scope=Scope.IMPORTS_WRITE,
    dataset=ORDERS.name,
)
def accept_order() -> Response:
    """Accept one order, as an import of one row: 202 with where to follow it, before it is in the table.

    Where the queue is overloaded and the settings say so, it is loaded before this answers.
    """
    line = json.dumps(_read_order(), ensure_ascii=False).encode()
    settings, database = services().settings, services().database
    inline = settings.overload_inline and backlog.is_overloaded(database, settings.max_queued)
    with accept.open_upload(services(), parse_caller(), inline=inline) as incoming:
        incoming.upload.write(line)
        accepted = incoming.accept(ONE_ORDER)
    row = accepted.row
    if inline and not accepted.replayed and load.load_inline(services(), row.number):
        row, _ = imports.find_import(database, row.id)
    id, estimate = OrderId(row.number, 1), services().backlog_cache.estimate_seconds(database, row)
    tracking = f"/v1/orders/{id}/status"
    shown = {
        "id": str(id),
        "import": row.id,
        "trackingUrl": tracking,
        "estimated_seconds": estimate,
        "links": serialize_links(id),
    }
    response = jsonify({**shown, **_show_status(row)})
    response.status_code = 202
    response.headers["Location"] = tracking
    response.headers["Retry-After"] = str(max(1, min(math.ceil(estimate or 1), MAX_RETRY_SECONDS)))
    return response


def _read_order() -> dict[str, Any]:
    """This request's order. Raises `BadRequest`, or `InvalidContent` with every field that can't be an order's."""
    body = open_body().read_all(JSON_BYTES)
    wrong: dict[str, str] = {}
    try:
        models.NewOrder.model_validate_json(body, strict=True)
        return dict(json.loads(body, parse_float=str))  # a float would not be exact
    except ValidationError as error:
        wrong = {str(each["loc"][0])[:80]: each["msg"] for each in error.errors(include_url=False) if each["loc"]}
    except ValueError:
        pass  # a number with thousands of digits
    if not wrong:
        raise BadRequest("the body must be a JSON object with the columns of an order")
    raise InvalidContent(
        "; ".join(f"{name}: {reason}" for name, reason in list(wrong.items())[:5]),
        errors=[{"field": name, "reason": reason} for name, reason in wrong.items()],
    )


@blueprint.get("/<order_id>/status")
@describe(
    "get_order_status",
    "orders",
    models.OrderStatus,
    refuses=(OrderNotFound,),
    scope=Scope.ROWS_READ,
    dataset=ORDERS.name,
)
def show_status(order_id: str) -> dict[str, Any]:
    """Whether an order has come into the table: queued, processing, completed, or failed with the reason; and how its
    latest handling is doing."""
    order = parse_order_id(order_id)
    row = imports.find_numbered(services().database, order.import_no)
    if row is None or row.dataset != ORDERS.name or order.row_no > (row.rows_read or 1):
        raise OrderNotFound(f"there is no order {order}", order=str(order))
    if row.state is State.COMMITTED:
        queries.find_order(services().database, order)
    shown = {"id": str(order), "import": row.id, **_show_status(row), "handling": None, "links": serialize_links(order)}
    if latest := queries.find_latest(services().database, order):
        shown["handling"] = {"id": latest[0], "state": latest[1].state, "error": latest[1].error}
    return shown


def _show_status(row: Import) -> dict[str, Any]:
    if row.state in NEVER_COMMIT:
        reason = str(row.error["message"]) if row.error else f"its import is {row.state}: nothing of it is kept"
        return {"status": "failed", "progress": row.percent, "reason": reason}
    return {"status": STATUSES.get(row.state, "completed"), "progress": row.percent, "reason": None}


@blueprint.get("")
@describe(
    "search_orders",
    "orders",
    models.OrderList,
    refuses=(BadRequest, ImportNotFound),
    parameters=(*_FILTERS, *_PAGES),
    scope=Scope.ROWS_READ,
    dataset=ORDERS.name,
)
def list_all() -> dict[str, Any]:
    """Orders by import and row, each with its latest handling: `import`, `status`, `marketplace`, `search`, `limit`,
    and `cursor` from `next`."""
    wanted: dict[str, Any] = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    if request.args.get("status", models.STATUSES[0]) not in models.STATUSES:
        raise BadRequest(f"status must be one of {', '.join(models.STATUSES)}", errors=[{"field": "status"}])
    require_rows_of(wanted.get("import"))
    limit = parse_limit(PAGE, MAX_A_PAGE)
    cursor = request.args.get("cursor")
    after = parse_id(cursor) if cursor else None
    if cursor and after is None:
        raise BadRequest("cursor must be one that `next` gave", errors=[{"field": "cursor"}])
    selection = OrderSelection(
        None, wanted.get("import"), wanted.get("status"), wanted.get("marketplace"), wanted.get("search")
    )
    count, active, found = queries.search_orders(services().database, selection, after=after, limit=limit + 1)
    rows, following = cut_page(
        found, limit, lambda one: url_for("orders.list_all", **wanted, limit=limit, cursor=str(one.id))
    )
    return {"count": count, "active": active, "orders": [serialize_listed(one) for one in rows], "next": following}


def serialize_listed(one: Listed) -> dict[str, Any]:
    """An order as a list shows it."""
    handling = None
    if one.handling is not None:
        id, state = one.handling
        handling = {"id": id, "state": state.state, "active": state.is_active, "error": state.error}
    return {"id": str(one.id), **serialize_row(one.row), "handling": handling, "links": serialize_links(one.id)}


@blueprint.get("/<order_id>")
@describe("get_order", "orders", models.Order, refuses=(OrderNotFound,), scope=Scope.ROWS_READ, dataset=ORDERS.name)
def show(order_id: str) -> Response:
    """An order's row."""
    order = parse_order_id(order_id)
    return jsonify(
        {
            "id": str(order),
            **serialize_row(queries.find_order(services().database, order)),
            "links": serialize_links(order),
        }
    )


@blueprint.get("/<order_id>/history")
@describe(
    "get_order_history",
    "orders",
    models.OrderHistory,
    refuses=(OrderNotFound,),
    scope=Scope.ROWS_READ,
    dataset=ORDERS.name,
)
def show_history(order_id: str) -> dict[str, Any]:
    """Each step of an order that was begun: when, how often it was tried, what was answered, and who asked for it."""
    order = parse_order_id(order_id)
    return {
        "order": str(order),
        "steps": [_show_step(step) for step in queries.list_history(services().database, order)],
    }


@blueprint.get("/<order_id>/slip")
@describe(
    "get_slip", "orders", models.SLIP, refuses=(OrderNotFound, SpoolFull), scope=Scope.ROWS_READ, dataset=ORDERS.name
)
def show_slip(order_id: str) -> Response:
    """An order's packing slip."""
    order = parse_order_id(order_id)
    response = Response(queries.find_slip(services().database, services().spool, order), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="slip-{order}.pdf"'
    return response


def parse_order_id(text: str) -> OrderId:
    """The order that a path names; raises `OrderNotFound` for what can't be one."""
    order = parse_id(text)
    if order is None:
        raise OrderNotFound(f"there is no order {text[:40]!r}: an id is an import's number and a row, such as 7-1")
    return order


def serialize_links(order: OrderId) -> dict[str, str]:
    """What there is to see of an order."""
    this = f"/v1/orders/{order}"
    return {"self": this, "status": f"{this}/status", "history": f"{this}/history"}


def _show_step(step: StepRecord) -> dict[str, Any]:
    return {
        "handling": step.handling_id,
        "asked_by": step.client,
        "step": step.name,
        "state": step.state,
        "tries": step.tries,
        "answer": step.answer,
        "error": step.error,
        "started_at": serialize_time(step.started_at),
        "ended_at": serialize_time(step.ended_at),
    }
