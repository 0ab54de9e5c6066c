"""The base of the client's groups of requests."""

from urllib.parse import quote

from backout.client.errors import NotFound
from backout.client.transport import Transport


class Requests:
    """Requests that share one transport."""

    _transport: Transport


def path_part(name: str, what: str) -> str:
    """The name as a part of a path. Raises `NotFound` for a name that would change the path."""
    if name in ("", ".", ".."):
        raise NotFound(404, {"type": f"/problems/{what}-not-found", "detail": f"there is no {what} {name!r}"})
    return quote(name, safe="")
