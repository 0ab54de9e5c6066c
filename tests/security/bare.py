"""An application that does nothing else, for the comparison of web servers."""

from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

extensions: dict[str, Any] = {}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes] | list[bytes]:
    """`/livez`, `/stream` for 15 s; a body is read at `/upload` and `/sign-in` only."""
    path = environ["PATH_INFO"]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return _stream()
    if path in ("/upload", "/sign-in"):
        size = 0
        while piece := environ["wsgi.input"].read(65536):
            size += len(piece)
        return _answer(start_response, "200 OK", str(size))
    return _answer(start_response, "200 OK" if path == "/livez" else "404 Not Found", "ok")


def _answer(start_response: Callable[..., Any], status: str, text: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text.encode()]


def _stream() -> Iterator[bytes]:
    for _ in range(15):
        yield b"data: 1\n\n"
        sleep(1)


app.extensions = extensions  # type: ignore[attr-defined] # gunicorn.conf.py looks for ours there
