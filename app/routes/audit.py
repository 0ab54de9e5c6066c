"""`/v1/audit`: who changed what, and who was denied what, for administrators."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from app.domain.audit.entry import Entry, Outcome, Wanted
from app.domain.caller import Scope
from app.domain.errors import BadRequest, InvalidContent, NotEnabled
from app.lifecycle.recovery import audit
from app.routes import services
from app.routes.api.serializers import serialize_time
from app.routes.openapi.models import audit as models
from app.routes.openapi.operations import describe, one_of, query
from app.routes.parameters import cut_page, parse_cursor, parse_format, parse_limit, require_options

PAGE = 100
MAX_A_PAGE = 1000
FILTERS = ("client", "act", "target", "outcome", "address", "since", "until")
WANTED = (
    query("client", "Only what this client did."),
    query("act", "Only this operation, by its name.", example="stop_import"),
    query("target", "Only what was done to this: an id or a name."),
    query("outcome", "Only what was done, or denied.", **one_of(Outcome)),
    query("address", "Only what came from this address."),
    query("since", "Only from this instant on.", example="2026-11-30T00:00:00Z"),
    query("until", "Only before this instant."),
)

blueprint = Blueprint("audit", __name__)


@blueprint.get("/v1/audit")
@describe(
    "list_audit",
    "access",
    models.FOUND,
    refuses=(BadRequest, InvalidContent, NotEnabled),
    parameters=(
        *WANTED,
        query("limit", "How many on a page.", type="integer", minimum=1, maximum=MAX_A_PAGE, default=PAGE),
        query("cursor", "Where the page begins; from `next` of the one before.", type="integer"),
        query("format", "How they are written.", **one_of(("json", "ndjson")), default="json"),
    ),
    scope=Scope.ADMIN,
)
def list_audit() -> Response:
    """What was changed and what was denied, the newest first; with `format=ndjson` all that match, streamed."""
    require_enabled()
    require_options(request.args, (*FILTERS, "limit", "cursor", "format"))
    wanted = parse_wanted()
    if parse_format("json", "ndjson") == "ndjson":
        return _export(wanted)
    limit = parse_limit(PAGE, MAX_A_PAGE)

    def link(last: Entry) -> str:
        kept: dict[str, Any] = {**request.args.to_dict(), "cursor": last.number}
        return url_for("audit.list_audit", **kept)

    page, following = cut_page(audit.list_entries(services(), wanted, parse_cursor(), limit + 1), limit, link)
    return jsonify({"audit": [serialize_entry(one) for one in page], "next": following})


def require_enabled() -> None:
    """Raise `NotEnabled` where no one is asked who asks: then nothing is recorded."""
    if not services().settings.asks_who:
        raise NotEnabled("this server asks no one for a token, so it records no one: start it with BACKOUT_TOKENS=1")


def parse_wanted() -> Wanted:
    """What the query asks for; empty is as good as left out. Raises `BadRequest`."""
    said = {name: request.args.get(name, "").strip() or None for name in FILTERS}
    outcome = said["outcome"]
    if outcome is not None and outcome not in tuple(Outcome):
        raise BadRequest("outcome must be done or denied", errors=[{"field": "outcome"}])
    return Wanted(
        said["client"],
        said["act"],
        said["target"],
        None if outcome is None else Outcome(outcome),
        said["address"],
        _parse_instant(said["since"], "since"),
        _parse_instant(said["until"], "until"),
    )


def serialize_entry(entry: Entry) -> dict[str, Any]:
    """An entry as JSON has it."""
    return {
        "number": entry.number,
        "at": serialize_time(entry.at),
        "act": entry.act,
        "outcome": entry.outcome,
        "target": entry.target,
        "client": entry.client,
        "address": entry.address,
        "token": entry.token,
        "session": entry.session,
        "request_id": entry.request_id,
        "reason": entry.reason,
        "times": entry.times,
    }


def _parse_instant(text: str | None, field: str) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise BadRequest(
            f"{field} must be an instant, such as 2026-11-30T00:00:00Z; it is {text[:40]!r}",
            errors=[{"field": field}],
        ) from None


def _export(wanted: Wanted) -> Response:
    stack = ExitStack()
    found = stack.enter_context(audit.open_entries(services(), wanted))

    def stream() -> Iterator[bytes]:
        with stack:
            for one in found:
                yield json.dumps(serialize_entry(one)).encode() + b"\n"

    response = Response(stream(), mimetype="application/x-ndjson")
    response.call_on_close(stack.close)
    response.headers["Content-Disposition"] = 'attachment; filename="audit.ndjson"'
    return response
