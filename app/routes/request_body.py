"""Bodies: what a request carries, read to its very end or refused."""

import json
from typing import IO, Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from app.domain.errors import BadRequest, InvalidContent
from app.routes.limits import take_upload
from app.web.connection import READ_RATE, SMALL_BODY

MAX_NESTED = 20  # arrays and objects inside each other: more than any body of ours has


class Body:
    """A stream that never ends early in silence: the web server takes a connection that was closed for the end."""

    def __init__(self, stream: IO[bytes], declared: int | None) -> None:
        self.declared = declared
        self._stream = stream
        self._bytes = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end. Raises `BadRequest` for a body that was cut off or is malformed, and
        `RequestTimeout` where it comes too slowly, or not at all."""
        try:
            piece = self._stream.read(size)
        except TimeoutError:
            raise RequestTimeout(
                f"the body came too slowly, {self._bytes:,} bytes were read: send it again, with at least"
                f" {READ_RATE:,.0f} bytes a second"
            ) from None
        except Exception as error:  # the boundary to the web server, which has a dozen kinds for it
            raise BadRequest("the body was cut off or its chunks are malformed: nothing of it was kept") from error
        self._bytes += len(piece)
        if not piece and self.declared is not None and self._bytes < self.declared:
            raise BadRequest(
                f"the body was cut off: {self._bytes:,} of {self.declared:,} bytes came, and nothing of it was kept"
            )
        return piece

    def read_all(self, limit: int) -> bytes:
        """The whole body. Raises what `read` raises, and `RequestEntityTooLarge` beyond `limit` bytes."""
        if (self.declared or 0) > limit:
            raise RequestEntityTooLarge(f"a request of this kind has at most {limit:,} bytes")
        pieces, left = [], limit
        while piece := self.read(left + 1):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise RequestEntityTooLarge(f"a request of this kind has at most {limit:,} bytes")
        return b"".join(pieces)


def came_with_head() -> bool:
    """Whether the web server has waited for the body too, if it is a small one."""
    return "Transfer-Encoding" not in request.headers and "Expect" not in request.headers


def open_body() -> Body:
    """The body of this request. Raises `TooManyAtOnce` and `Overloaded`, unless it is a small one, for which the web
    server has waited."""
    length = request.content_length
    if (length or 0) > SMALL_BODY or not came_with_head():
        take_upload()
    return Body(request.stream, length)


def parse_json(limit: int, example: str, empty: bytes = b"") -> dict[str, Any]:
    """This request's JSON object; `empty` is read where no body came. Raises `BadRequest`, which shows the `example`,
    and `InvalidContent` for a field that is nested too deeply or has half a character, which no database keeps."""
    try:
        body = json.loads(open_body().read_all(limit) or empty)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BadRequest(f"the body must be a JSON object such as {example}")
    require_text(body)
    return body


def require_text(body: dict[str, Any]) -> None:
    """Raise `InvalidContent` for a field that is nested too deeply or has half a character, which no database keeps."""
    for name, value in body.items():
        if reason := _find_fault(name) or _find_fault(value):
            shown = name[:80].encode(errors="backslashreplace").decode()
            raise InvalidContent(f"{shown}: {reason}", errors=[{"field": shown, "reason": reason}])


def _find_fault(value: Any) -> str | None:
    layer, depth = [value], 0
    while layer:
        if depth > MAX_NESTED:
            return f"arrays and objects are nested more than {MAX_NESTED} deep"
        if any(isinstance(one, str) and not _is_text(one) for one in layer):
            return "a text has half a character (a surrogate such as \\ud800)"
        parts = [one for one in layer if isinstance(one, list | dict)]
        layer = [part for one in parts for part in (one if isinstance(one, list) else (*one, *one.values()))]
        depth += 1
    return None


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
