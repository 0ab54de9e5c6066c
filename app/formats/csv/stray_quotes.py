"""Stray quotes, as in `27" screen`: they are part of the values if no field of the whole file begins with a quote."""

import re
from dataclasses import replace

from app.domain.file_format import FileFormat
from app.formats.streams.blocks import without_boms
from app.formats.streams.source import Readable

_PIECE_BYTES = 1024 * 1024
_OVERLAP_BYTES = 64  # longer than a delimiter
_BLANKS = b" \t"
_AROUND = rb"(?:[ \t]|\xc2\xa0|\xe2\x80[\x87\x89\xaf])*+"  # `grammar.BLANKS`


def may_be_unquoted(file_format: FileFormat) -> bool:
    """Whether only the whole file shows if it has quoted fields: the client did not set `quote`, and no quote is
    escaped."""
    return bool(file_format.quote) and not file_format.quote_given and not file_format.escape


def unquoted(file_format: FileFormat) -> FileFormat:
    """The format of a file without quoted fields."""
    return replace(file_format, quote="")


def has_quoted_field(lines: bytes, file_format: FileFormat, *, begun: bool = False) -> bool:
    """Whether a field begins with a quote, perhaps after blanks. The text begins a line, unless it has `begun`."""
    d, q = re.escape(file_format.delimiter.encode()), re.escape(file_format.quote.encode())
    if not begun and re.match(_AROUND + q, lines):
        return True
    return re.search(rb"(?:[\r\n]|" + d + rb")" + _AROUND + q, lines) is not None


def is_unquoted(text: Readable, file_format: FileFormat) -> bool:
    """Whether no field of a whole text begins with a quote. The text is UTF-8 with its own line ends.

    False as well if lone carriage returns end its lines: between two stray quotes they were taken for content.
    """
    held = b""
    begun = cut = False  # `cut`: the window lacks the text's beginning
    while data := text.read(_PIECE_BYTES):
        window = held + (data if begun else without_boms(data))
        if has_quoted_field(window, file_format, begun=cut) or _has_lone_return(window):
            return False
        cut = cut or len(window.rstrip(_BLANKS)) > _OVERLAP_BYTES
        held, begun = _end_of(window, file_format.delimiter.encode()), True
    return not held.endswith(b"\r")


def _end_of(window: bytes, delimiter: bytes) -> bytes:
    """The end of a window that shows whether a quote behind it begins a field: what is before its last blanks, and of
    many blanks what counts."""
    before = window.rstrip(_BLANKS)
    blanks = window[len(before) :]
    if len(blanks) > _OVERLAP_BYTES:
        blanks = blanks[:_OVERLAP_BYTES] + delimiter * (delimiter in blanks) + b" "
    return before[-_OVERLAP_BYTES:] + blanks


def _has_lone_return(data: bytes) -> bool:
    return b"\r" in data and data.count(b"\r") != data.count(b"\r\n") + data.endswith(b"\r")
