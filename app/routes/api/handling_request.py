"""Handling requests: what the JSON body of a request wants handled."""

from typing import Any
from uuid import UUID

from app.domain.errors import InvalidContent
from app.domain.handling import Mode, OrderId, parse_order_id
from app.handling.accept import HandlingRequest
from app.handling.order_selection import OrderSelection
from app.routes.parameters import is_whole, require_fields
from app.routes.request_body import parse_json

JSON_BYTES = 1024 * 1024
FIELDS = ("orders", "filter", "pipeline", "mode", "concurrency", "priority")
FILTERS = ("import", "status", "marketplace", "search")
MAX_PRIORITY = 100


def parse_body() -> dict[str, Any]:
    """This request's JSON object; none is an empty one. Raises as `parse_json`."""
    return parse_json(JSON_BYTES, '{"orders": ["7-1", "7-2"], "mode": "ordered"}', empty=b"{}")


def parse_handling_request(body: dict[str, Any]) -> HandlingRequest:
    """What a handling is asked to be; raises `InvalidContent` with the field."""
    require_fields(body, FIELDS)
    if ("orders" in body) == ("filter" in body):
        raise InvalidContent("name orders, or a filter: one of the two", errors=[{"field": "orders"}])
    pipeline, concurrency, priority = body.get("pipeline"), body.get("concurrency"), body.get("priority", 0)
    if pipeline is not None and not (isinstance(pipeline, list) and all(isinstance(name, str) for name in pipeline)):
        raise InvalidContent("pipeline must be a list of steps' names", errors=[{"field": "pipeline"}])
    if concurrency is not None and not is_whole(concurrency):
        raise InvalidContent("concurrency must be a whole number", errors=[{"field": "concurrency"}])
    if not is_whole(priority) or abs(priority) > MAX_PRIORITY:
        raise InvalidContent(f"priority must be from -{MAX_PRIORITY} to {MAX_PRIORITY}", errors=[{"field": "priority"}])
    try:
        mode = Mode(body.get("mode", Mode.ORDERED))
    except ValueError:
        raise InvalidContent(f"mode must be one of {', '.join(Mode)}", errors=[{"field": "mode"}]) from None
    selection = (
        OrderSelection(listed=_read_orders(body["orders"])) if "orders" in body else _read_filter(body["filter"])
    )
    return HandlingRequest(selection, pipeline, mode, concurrency, priority)


def _read_orders(listed: Any) -> tuple[OrderId, ...]:
    if not isinstance(listed, list):
        raise InvalidContent("orders must be a list of order ids", errors=[{"field": "orders"}])
    found: list[OrderId] = []
    for text in listed:
        id = parse_order_id(text) if isinstance(text, str) else None
        if id is None:
            raise InvalidContent(
                f"{str(text)[:40]!r} is no order id, which is an import's number and a row, such as 7-1",
                errors=[{"field": "orders", "value": str(text)[:40]}],
            )
        found.append(id)
    return tuple(found)


def _read_filter(wanted: Any) -> OrderSelection:
    if not isinstance(wanted, dict) or not all(isinstance(value, str) for value in wanted.values()):
        raise InvalidContent("filter must be an object of texts", errors=[{"field": "filter"}])
    require_fields(wanted, FILTERS)
    import_id = wanted.get("import")
    if import_id is not None:
        try:
            import_id = str(UUID(import_id))
        except ValueError:
            raise InvalidContent("import must be an import's id", errors=[{"field": "import"}]) from None
    status = wanted.get("status", "pending")
    return OrderSelection(None, import_id, status, wanted.get("marketplace"), wanted.get("search"))
