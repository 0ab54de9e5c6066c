"""Streams of server-sent events: one import, or all of them."""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, request

from app.domain.caller import Reach, Scope
from app.domain.errors import BadRequest, ImportNotFound, TooManyAtOnce, TooManyStreams
from app.domain.feed_cursor import Cursor, parse_cursor
from app.domain.imports import Import
from app.lifecycle import change_feed
from app.lifecycle.change_feed import Change, ChangeFeed, End, FeedUpdate, Row, Subscription, Update
from app.lifecycle.imports import queries
from app.routes import services
from app.routes.access import reach
from app.routes.api.serializers import serialize_event, serialize_import
from app.routes.openapi.models.events import ALL_EVENTS, IMPORT_EVENTS, stream_of
from app.routes.openapi.operations import describe, header, query
from app.routes.parameters import parse_number

RETRY_MILLISECONDS = 1000
LAST = "The id of the last event that arrived; the stream sends the ones after it."
CURSOR = r"^([0-9]{1,17}~(\*|([0-9]{1,10}\.[0-9]{1,20}(_[0-9]{1,10}\.[0-9]{1,20})*)?))?$"
AGAIN = "The same, for those who can't send a header."


def positions(pattern: str) -> tuple[dict[str, Any], ...]:
    """The parameters that say where a stream is to go on."""
    return header("Last-Event-ID", LAST, pattern=pattern), query("after", AGAIN, pattern=pattern)


blueprint = Blueprint("events", __name__)


@blueprint.get("/v1/imports/<id>/events")
@describe(
    "follow_import",
    "imports",
    stream_of(IMPORT_EVENTS),
    refuses=(BadRequest, ImportNotFound, TooManyStreams, TooManyAtOnce),
    models=tuple(IMPORT_EVENTS.values()),
    parameters=positions("^[0-9]{0,18}$"),
    scope=Scope.IMPORTS_READ,
)
def stream_import(id: str) -> Response:
    """One import's changes as server-sent events, from after `Last-Event-ID` (or `?after=`) on: `import` with what
    `GET` shows and the new lines of its timeline, the sequence as its id; `end` when it is over."""
    given = parse_position()
    after = parse_number(given, "Last-Event-ID") if given else 0
    row, _ = queries.find_import(services().database, id)
    subscription = the_watch().subscribe(row.number, g.client)
    updates = change_feed.follow_import(services().database, subscription, id, after)
    return stream(tell_one("import", lambda row: serialize_import(cast("Import", row)), updates), subscription)


@blueprint.get("/v1/events")
@describe(
    "follow_imports",
    "imports",
    stream_of(ALL_EVENTS),
    refuses=(BadRequest, TooManyStreams, TooManyAtOnce),
    models=tuple(ALL_EVENTS.values()),
    parameters=positions(CURSOR),
    scope=Scope.IMPORTS_READ,
)
def stream_all() -> Response:
    """Every import's changes as server-sent events: `imports` with those that changed; `reset` when the server can't
    say what was missed: the client gets the list again. Begins after `Last-Event-ID` (or `?after=`), or now."""
    given = parse_position()
    after = parse_cursor(given) if given else None
    if given and after is None:
        raise BadRequest("this Last-Event-ID is none of this stream's", errors=[{"field": "Last-Event-ID"}])
    subscription = the_watch().subscribe(client=g.client)
    updates = change_feed.follow_all(services().database, subscription, after)
    return stream(_tell_all(updates, reach()), subscription)


def the_watch() -> ChangeFeed:
    """What the running application watches with."""
    found = current_app.extensions["backout_watch"]
    assert isinstance(found, ChangeFeed)
    return found


def parse_position() -> str:
    """Where a stream is to go on."""
    return request.headers.get("Last-Event-ID") or request.args.get("after", "")


def stream(messages: Iterator[str], subscription: Subscription) -> Response:
    """A stream of messages; an error of the first one becomes an answer of its own."""
    try:
        first = next(messages)  # here an error still has an answer of its own
    except BaseException:
        subscription.close()
        raise

    is_allowed: Callable[[], bool] = g.is_allowed

    def write() -> Iterator[str]:
        yield f"retry: {RETRY_MILLISECONDS}\n\n{first}"
        for message in messages:
            if not is_allowed():  # the token was revoked meanwhile, or the session has ended
                return
            yield message

    response = Response(write(), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(subscription.close)
    return response


def tell_one(name: str, show: Callable[[Row], dict[str, Any]], updates: Iterator[Update | End | None]) -> Iterator[str]:
    """The messages of a stream about one import or handling: its `name` and its end."""
    for update in updates:
        if update is None:
            yield ": nothing new\n\n"
        elif isinstance(update, End):
            yield _message("end", {"id": update.row.id, "state": update.row.state})
        else:
            shown = show(update.row) | {"timeline": [serialize_event(event) for event in update.events]}
            yield _message(name, shown, update.row.sequence)


def _tell_all(updates: Iterator[FeedUpdate], reach: Reach) -> Iterator[str]:
    for update in updates:
        rows = [(change, cast("Import", change.row)) for change in update.changes]
        known = [change for change, row in rows if reach.includes(row.client, row.dataset)]
        if update.is_gap:
            yield _message("reset", {"reason": "ask for the list anew"}, update.cursor)
        elif known:
            shown = ", ".join(_show(change) for change in known)
            yield f'event: imports\nid: {update.cursor}\ndata: {{"imports": [{shown}]}}\n\n'
        else:
            yield f"id: {update.cursor}\n\n"  # no event, but the next Last-Event-ID


def _message(event: str, data: dict[str, Any], id: int | Cursor | None = None) -> str:
    position = "" if id is None else f"id: {id}\n"
    return f"event: {event}\n{position}data: {json.dumps(data)}\n\n"


@lru_cache(maxsize=512)
def _show(change: Change) -> str:
    """Written once, however many watch."""
    return json.dumps(serialize_import(cast("Import", change.row)))
