"""`/v1/handlings`: accept, list, show, stop, retry, and the packing slips."""

from typing import Any, cast

from flask import Blueprint, Response, g, jsonify, request, url_for

from app.domain.caller import Scope
from app.domain.dataset import ORDERS
from app.domain.errors import (
    AlreadyRunning,
    BadRequest,
    DatasetBeingCleared,
    HandlingNotFound,
    ImportNotFound,
    InvalidContent,
    LedgerFrozen,
    NothingFailed,
    NotRunning,
    OrderNotFound,
    Overloaded,
    SpoolFull,
    TooManyAtOnce,
    TooManyStreams,
)
from app.domain.handling import RESTING, HandledOrder, Handling, HandlingState, OrderState
from app.handling import accept, queries, stop
from app.lifecycle import change_feed
from app.routes import services
from app.routes.access import reach, require_orders_of, require_rows_of
from app.routes.api.events import parse_position, positions, stream, tell_one, the_watch
from app.routes.api.handling_request import parse_body, parse_handling_request
from app.routes.api.serializers import serialize_event, serialize_time
from app.routes.openapi.models import handlings as models
from app.routes.openapi.models.events import HANDLING_EVENTS, stream_of
from app.routes.openapi.operations import JSON, describe, query
from app.routes.openapi.parameters import IF_NONE_MATCH
from app.routes.parameters import (
    cut_page,
    parse_caller,
    parse_cursor,
    parse_limit,
    parse_number,
    parse_states,
    require_fields,
)

PAGE, MAX_A_PAGE = 50, 500

_BODY = {
    413: ("request-entity-too-large", "The body is too large."),
}
_STATES = query("state", "States, with commas between them.", example="queued,running")
_PAGES = (
    query("limit", "How many a page has at most.", type="integer", minimum=1, maximum=MAX_A_PAGE, default=PAGE),
    query("cursor", "From `next`.", type="integer"),
)

blueprint = Blueprint("handlings", __name__, url_prefix="/v1/handlings")


@blueprint.post("")
@describe(
    "accept_handling",
    "handlings",
    models.ACCEPTED,
    refuses=(
        BadRequest,
        InvalidContent,
        ImportNotFound,
        OrderNotFound,
        AlreadyRunning,
        DatasetBeingCleared,
        Overloaded,
        LedgerFrozen,
    ),
    failures={
        413: ("request-entity-too-large", "The body is too large."),
    },
    body={JSON: models.HandlingRequest},
    scope=Scope.HANDLINGS_WRITE,
    dataset=ORDERS.name,
)
def accept_handling() -> Response:
    """Accept a handling of orders that are named, in this order, or that match; 202, before anything is done."""
    asked = parse_handling_request(parse_body())
    if asked.selection.listed is None:
        require_rows_of(asked.selection.import_id)
    else:
        require_orders_of(order.import_no for order in asked.selection.listed)
    handling = accept.accept_handling(services(), asked, parse_caller())
    response = jsonify(serialize_handling(handling))
    response.status_code = 202
    response.headers["Location"] = url_for("handlings.show", handling_id=handling.id)
    response.headers["Retry-After"] = "1"
    return response


@blueprint.get("")
@describe(
    "list_handlings",
    "handlings",
    models.HandlingList,
    refuses=(BadRequest,),
    parameters=(_STATES, *_PAGES),
    scope=Scope.IMPORTS_READ,
    dataset=ORDERS.name,
)
def list_all() -> dict[str, Any]:
    """Handlings, newest first; `state` (several with commas), `limit`, and `cursor` from `next`."""
    states = parse_states(HandlingState)
    limit, cursor = parse_limit(PAGE, MAX_A_PAGE), parse_cursor()
    found = queries.list_handlings(
        services().database, states=states, before=cursor, limit=limit + 1, client=reach().client
    )
    kept: dict[str, Any] = {"state": ",".join(states) or None, "limit": limit}
    rows, following = cut_page(found, limit, lambda row: url_for("handlings.list_all", **kept, cursor=row.number))
    return {"handlings": [serialize_handling(row) for row in rows], "next": following}


@blueprint.get("/<handling_id>")
@describe(
    "get_handling",
    "handlings",
    models.FOUND,
    refuses=(HandlingNotFound,),
    parameters=(IF_NONE_MATCH,),
    scope=Scope.IMPORTS_READ,
    dataset=ORDERS.name,
)
def show(handling_id: str) -> Response:
    """One handling with its timeline; the ETag changes with its sequence."""
    row, timeline = queries.find_handling(services().database, handling_id)
    shown = serialize_handling(row) | {"timeline": [serialize_event(event) for event in timeline]}
    response = jsonify(shown)
    response.set_etag(str(row.sequence), weak=True)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@blueprint.get("/<handling_id>/orders")
@describe(
    "list_handled_orders",
    "handlings",
    models.HandledList,
    refuses=(BadRequest, HandlingNotFound),
    parameters=(query("state", "States, with commas between them.", example="failed"), *_PAGES),
    scope=Scope.IMPORTS_READ,
    dataset=ORDERS.name,
)
def list_orders(handling_id: str) -> dict[str, Any]:
    """A handling's orders, in its order; `state`, `limit`, and `cursor` from `next`."""
    states = parse_states(OrderState)
    limit, after = parse_limit(PAGE, MAX_A_PAGE), parse_cursor() or 0
    row, found = queries.list_orders(services().database, handling_id, states=states, after=after, limit=limit + 1)
    kept: dict[str, Any] = {"handling_id": row.id, "state": ",".join(states) or None, "limit": limit}
    orders, following = cut_page(
        found, limit, lambda one: url_for("handlings.list_orders", **kept, cursor=one.position)
    )
    return {"handling": row.id, "orders": [serialize_handled(one, row) for one in orders], "next": following}


@blueprint.get("/<handling_id>/events")
@describe(
    "follow_handling",
    "handlings",
    stream_of(HANDLING_EVENTS),
    refuses=(BadRequest, HandlingNotFound, TooManyStreams, TooManyAtOnce),
    models=tuple(HANDLING_EVENTS.values()),
    parameters=positions("^[0-9]{0,18}$"),
    scope=Scope.IMPORTS_READ,
    dataset=ORDERS.name,
)
def stream_one(handling_id: str) -> Response:
    """One handling's changes as server-sent events, as an import's: `handling`, and `end` when it is at rest."""
    given = parse_position()
    after = parse_number(given, "Last-Event-ID") if given else 0
    row, _ = queries.find_handling(services().database, handling_id)
    subscription = the_watch().subscribe(row.number, g.client)
    updates = change_feed.follow_one(
        subscription, lambda: queries.find_handling(services().database, handling_id), RESTING, after
    )
    return stream(tell_one("handling", lambda row: serialize_handling(cast("Handling", row)), updates), subscription)


@blueprint.get("/<handling_id>/slips")
@describe(
    "get_slips",
    "handlings",
    models.SLIPS,
    refuses=(HandlingNotFound, OrderNotFound, SpoolFull),
    scope=Scope.ROWS_READ,
    dataset=ORDERS.name,
)
def slips(handling_id: str) -> Response:
    """The packing slips of all orders that have one, as one PDF in the handling's order."""
    row, document = queries.merge_slips(services().database, services().spool, handling_id)
    response = Response(document, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="slips-{row.id}.pdf"'
    return response


@blueprint.post("/<handling_id>/stop")
@describe(
    "stop_handling",
    "handlings",
    models.STOPPED,
    refuses=(HandlingNotFound, NotRunning),
    scope=Scope.HANDLINGS_WRITE,
    dataset=ORDERS.name,
)
def stop_one(handling_id: str) -> Response:
    """Stop it: 202 with what it is now. The steps in hand are ended; what was done stays done."""
    response = jsonify(serialize_handling(stop.stop_handling(services().database, handling_id, g.client or "local")))
    response.status_code = 202
    return response


@blueprint.post("/<handling_id>/retry")
@describe(
    "retry_handling",
    "handlings",
    models.RETRIED,
    refuses=(BadRequest, InvalidContent, HandlingNotFound, NothingFailed, AlreadyRunning, LedgerFrozen),
    failures={
        413: ("request-entity-too-large", "The body is too large."),
    },
    body={JSON: models.RetryRequest},
    scope=Scope.HANDLINGS_WRITE,
    dataset=ORDERS.name,
)
def retry_one(handling_id: str) -> Response:
    """Take up again what failed, from the failed step; with `{"pending": true}` also what a stop left. 202."""
    body = parse_body()
    require_fields(body, ("pending",))
    pending = body.get("pending", False)
    if not isinstance(pending, bool):
        raise InvalidContent("pending must be true or false", errors=[{"field": "pending"}])
    response = jsonify(
        serialize_handling(stop.retry_handling(services(), handling_id, g.client or "local", pending=pending))
    )
    response.status_code = 202
    return response


def serialize_handling(row: Handling) -> dict[str, Any]:
    """A handling as `/v1` shows it."""
    this = f"/v1/handlings/{row.id}"
    return {
        "id": row.id,
        "state": row.state,
        "mode": row.mode,
        "concurrency": row.concurrency,
        "pipeline": row.pipeline,
        "priority": row.priority,
        "orders_total": row.orders_total,
        "orders_done": row.orders_done,
        "orders_failed": row.orders_failed,
        "orders_pending": row.orders_pending,
        "percent": row.percent,
        "asked_by": row.client,
        "created_by": row.client or None,
        "stopped_by": row.stopped_by,
        "attempts": row.attempts,
        "sequence": row.sequence,
        "error": row.error,
        "created_at": serialize_time(row.created_at),
        "started_at": serialize_time(row.started_at),
        "finished_at": serialize_time(row.finished_at),
        "reversible": False,
        "links": {
            "self": this,
            "orders": f"{this}/orders",
            "events": f"{this}/events",
            "slips": f"{this}/slips",
            "stop": f"{this}/stop",
            "retry": f"{this}/retry",
        },
    }


def serialize_handled(one: HandledOrder, row: Handling) -> dict[str, Any]:
    """One order of a handling; `step` is the one that is next, in hand or failed."""
    return {
        "order": str(one.order),
        "position": one.position,
        "state": one.state,
        "step": row.pipeline[one.step] if one.step < len(row.pipeline) else None,
        "steps_done": one.step,
        "steps_total": len(row.pipeline),
        "error": one.error,
        "started_at": serialize_time(one.started_at),
        "finished_at": serialize_time(one.finished_at),
        "links": {"history": f"/v1/orders/{one.order}/history", "slip": f"/v1/orders/{one.order}/slip"},
    }
