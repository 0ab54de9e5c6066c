"""Streams of server-sent events."""

from app.routes.models import ID
from app.routes.operations import Answer, text

_HEADERS = {"X-Accel-Buffering": "`no`: a proxy must not hold it back."}
IMPORT_STREAM = {
    200: Answer(
        "A stream, which ends after a while: connect again with `Last-Event-ID`.",
        {
            "text/event-stream": text(
                "`import` events, whose data is the import as `GET` shows it with the new lines of its timeline and"
                " whose id is its sequence; `end`, with its id and state, when it is over.",
                f'retry: 1000\n\nevent: end\ndata: {{"id": "{ID}", "state": "committed"}}\n\n',
            )
        },
        _HEADERS,
    )
}
ALL_STREAM = {
    200: Answer(
        "A stream, which ends after a while: connect again with `Last-Event-ID`.",
        {
            "text/event-stream": text(
                "`imports` events, whose data has `imports`: those that changed; `reset` when what was missed can't be"
                " told, so that the list must be asked for anew.",
                'retry: 1000\n\nevent: reset\ndata: {"reason": "ask for the list anew"}\n\n',
            )
        },
        _HEADERS,
    )
}
