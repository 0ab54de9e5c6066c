"""The first bytes of a file as a stream."""

from typing import Any

from app.domain.errors import ImportFailed

SAMPLE_BYTES = 1024 * 1024
_CUT_OFF = ("truncated_gzip", "truncated_zstd")


class Head:
    """The first bytes of a stream. They are `cut` if the stream goes on, or if the file itself is `partial`, the
    beginning of another one: then it may end anywhere."""

    def __init__(self, source: Any, partial: bool) -> None:
        self._source, self._partial = source, partial
        self._left = SAMPLE_BYTES
        self.cut = False
        self.ended = False

    @property
    def position(self) -> int:
        return int(self._source.position)

    def read(self, size: int) -> bytes:
        """As `Readable`."""
        if self.ended:
            return b""
        try:
            data: bytes = self._source.read(min(size, self._left) or 1)
        except ImportFailed as failed:
            if not (self._partial and failed.code in _CUT_OFF):
                raise
            data = b""
        self.ended = not data or not self._left
        self.cut = self._partial if not data else self.ended
        self._left -= len(data)
        return b"" if self.ended else data
