"""Converts a file's text to UTF-8 with line feeds while it is read, so that one parser is enough for every dialect."""

import codecs
import re

from app.domain.errors import ImportFailed, InvalidContent
from app.domain.file_format import FileFormat
from app.formats.streams.blocks import count_byte
from app.formats.streams.formulas import LONGEST_FORMULA, MAX_DELIMITER_BYTES, texts_for_formulas
from app.formats.streams.source import Readable

_PIECE_BYTES = 256 * 1024
_NOT_FOR_FILES = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "undefined"}
_LONE_CR = re.compile(rb"\r(?!\n)")
_MANY_BYTES = 4096  # from this size on numpy is faster


def name_encoding(name: str) -> str:
    """Python's name of an encoding, such as `utf-8` for UTF8. Raises `InvalidContent` for an unknown one."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        found = None
    if found is None or not found._is_text_encoding or found.name in _NOT_FOR_FILES:
        raise InvalidContent(
            f"unknown encoding {name[:40]!r}; known are, for example, utf-8, utf-16, latin-1, cp1252, shift_jis and"
            " gb18030",
            errors=[{"field": "encoding", "value": name[:40]}],
        )
    return "utf-8" if found.name == "utf-8-sig" else found.name


def open_text(source: Readable, file_format: FileFormat, *, line_feeds: bool = True) -> Readable:
    """The stream as UTF-8. For CSV, escaped quotes become doubled ones, every line end becomes a line feed, and
    `="00123"` becomes `"00123"`."""
    text = source if file_format.encoding == "utf-8" else _Transcoded(source, file_format.encoding)
    if file_format.format == "csv":
        if file_format.escape:
            text = _Unescaped(text, file_format.escape.encode(), file_format.quote.encode())
        text = _LineFeeds(text, file_format.quote.encode()) if line_feeds else text
        if file_format.quote == '"':
            text = _Formulas(text, file_format.delimiter.encode())
    return text


class Filter:
    """A stream that converts another one piece by piece."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._ready = b""
        self._ended = False

    @property
    def position(self) -> int:
        return self._source.position

    def read(self, size: int) -> bytes:
        while not self._ready and not self._ended:
            piece = self._source.read(max(size, _PIECE_BYTES))
            self._ended = not piece
            self._ready = self._filter(piece)
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _filter(self, piece: bytes) -> bytes:
        """Convert the next piece; an empty one is the end."""
        raise NotImplementedError


class _Transcoded(Filter):
    def __init__(self, source: Readable, encoding: str) -> None:
        super().__init__(source)
        self._encoding = encoding
        self._line = 1
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="surrogateescape")

    def _filter(self, piece: bytes) -> bytes:
        try:
            # invalid bytes stay as they are: their row is refused, not the file
            text = self._decoder.decode(piece, final=not piece)
            found = text.encode("utf-8", "surrogateescape")
        except UnicodeError as error:
            raise ImportFailed(
                "not_in_encoding",
                f"the file can't be read as {self._encoding} (near line {self._line}): {error}; set its encoding with"
                " `encoding`",
                line=self._line,
            ) from error
        self._line += text.count("\n")
        return found


class _Unescaped(Filter):
    r"""Converts `\"` to a doubled quote and `\\` to one backslash; other backslashes stay."""

    def __init__(self, source: Readable, escape: bytes, quote: bytes) -> None:
        super().__init__(source)
        self._escape = escape
        self._pair = re.compile(re.escape(escape) + b"([" + re.escape(escape + quote) + b"])")
        self._means = {escape: escape, quote: quote * 2}
        self._held = b""

    def _filter(self, piece: bytes) -> bytes:
        data, self._held = self._held + piece, b""
        if piece and self._ends_within_pair(data):
            data, self._held = data[:-1], data[-1:]
        return self._pair.sub(lambda found: self._means[found[1]], data)

    def _ends_within_pair(self, data: bytes) -> bool:
        return bool((len(data) - len(data.rstrip(self._escape))) % 2)


class _Formulas(Filter):
    """Converts digits that a program wrote as a formula to a text, see `texts_for_formulas`."""

    def __init__(self, source: Readable, delimiter: bytes) -> None:
        super().__init__(source)
        self._delimiter = delimiter
        self._held = b""
        self._before = b"\n"  # the last bytes that were given out

    def _filter(self, piece: bytes) -> bytes:
        data, self._held = self._held + piece, b""
        if piece and (at := data.find(b"=", max(0, len(data) - LONGEST_FORMULA))) >= 0:
            at -= data[at - 1 : at] == b'"'  # what begins here may go on in the next piece
            data, self._held = data[:at], data[at:]
        if b"=" in data and b'="' in data:  # one byte is found 20 times faster than two
            data = texts_for_formulas(self._before + data, (self._delimiter,))[len(self._before) :]
        self._before = (self._before + data[-MAX_DELIMITER_BYTES:])[-MAX_DELIMITER_BYTES:]
        return data


class _LineFeeds(Filter):
    """Converts lone carriage returns outside quotes to line feeds."""

    def __init__(self, source: Readable, quote: bytes) -> None:
        super().__init__(source)
        self._quote = quote
        self._within = 0  # 1 while a quoted field is open
        self._held = b""

    def _filter(self, piece: bytes) -> bytes:
        data, self._held = self._held + piece, b""
        if piece and data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        found = data
        if b"\r" in data and count_byte(data, b"\r") != data.count(b"\r\n"):
            parts = data.split(self._quote) if self._quote else [data]
            for outside in range(self._within, len(parts), 2):
                parts[outside] = _with_feeds(parts[outside])
            found = self._quote.join(parts)
        if self._quote:
            self._within ^= count_byte(data, self._quote) & 1
        return found


def _with_feeds(data: bytes) -> bytes:
    """The data with a line feed for each carriage return that is not before a line feed."""
    if len(data) < _MANY_BYTES:
        return _LONE_CR.sub(b"\n", data)
    import numpy as np  # noqa: PLC0415 - see count_byte

    values = np.frombuffer(data, np.uint8).copy()
    lone = values == ord("\r")
    lone[:-1] &= values[1:] != ord("\n")
    values[lone] = ord("\n")
    return values.tobytes()
