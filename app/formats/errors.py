"""What is said of a value: that its column does not accept it, and how much of it an error shows."""

from collections.abc import Callable

# Takes a value as it was sent, returns the text for the server, raises BadValue.
Check = Callable[[str], str]

SHOWN_CHARACTERS = 200


class BadValue(Exception):
    """A value that its column does not accept; the reader adds where it stands."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def shown(text: str) -> str:
    """The text as an error may show it: at most 200 characters, what is no UTF-8 escaped."""
    head = text[:SHOWN_CHARACTERS]
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}"
        if 0xDC80 <= ord(c) <= 0xDCFF
        else f"\\u{ord(c):04x}"
        if 0xD800 <= ord(c) <= 0xDFFF
        else c
        for c in head
    )
