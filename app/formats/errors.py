"""Errors about values: why a column refuses one, and how much of it an error message shows."""

from collections.abc import Callable

from app.domain.errors import ImportFailed

# Takes a value as the file has it, returns the text for the server, raises BadValue.
Check = Callable[[str], str]

SHOWN_CHARACTERS = 200


class HalfCharacter(ImportFailed):
    """A row has half of a character. Its `values` are known, so that a reject file keeps the half: it is invalid there
    too, and the row isn't loaded without it."""

    values: tuple[str | None, ...] | None = None


class BadValue(Exception):
    """A value that its column does not accept. The reader adds line, row and column, and the option that would help."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def excerpt(text: str) -> str:
    """The first 200 characters of a text, for an error message. Bytes that are not UTF-8 are escaped."""
    head = text[:SHOWN_CHARACTERS]
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}"
        if 0xDC80 <= ord(c) <= 0xDCFF
        else f"\\u{ord(c):04x}"
        if 0xD800 <= ord(c) <= 0xDFFF
        else c
        for c in head
    )
