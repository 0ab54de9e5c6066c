"""Downloads: streamed answers, compressed where the client takes that (RFC 9110, "Accept-Encoding")."""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from flask import Response, request

from app.routes.limits import take_download

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 64 * 1024  # what is smaller waits for more: each piece costs a call of the system and a chunk's head
GZIP = zlib.MAX_WBITS + 16
GZIP_LEVEL, ZSTD_LEVEL = 1, 1  # rows leave faster than they come; higher levels make files 10 to 20 % smaller


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


COMPRESSORS: dict[str, Callable[[], _Compressor]] = {
    "zstd": lambda: zstd.ZstdCompressor(level=ZSTD_LEVEL),
    "gzip": lambda: zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP),
}


def as_download(response: Response, *, compressible: bool = True) -> Response:
    """Count this streamed response as a download until it was sent, and compress it if the client asks for that.
    Raises `TooManyAtOnce` and `Overloaded`."""
    try:
        end = take_download()
    except BaseException:
        response.close()
        raise
    response.call_on_close(end)
    if compressible:
        response.vary.add("Accept-Encoding")
        encoding = request.accept_encodings.best_match((*COMPRESSORS, "identity"), default="identity")
        if encoding in COMPRESSORS:
            response.headers["Content-Encoding"] = encoding
        response.response = _pack(response.iter_encoded(), COMPRESSORS.get(encoding))
    return response


def _pack(body: Iterable[bytes], make: Callable[[], _Compressor] | None) -> Iterator[bytes]:
    compressor = None if make is None else make()
    waiting: list[bytes] = []
    size = 0
    for piece in body:
        packed = piece if compressor is None else compressor.compress(piece)
        waiting.append(packed)
        size += len(packed)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if compressor is not None:
        waiting.append(compressor.flush())
    if waiting:
        yield b"".join(waiting)
