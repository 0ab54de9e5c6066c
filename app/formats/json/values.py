"""JSON values, with all that a file says of them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Pairs = tuple[tuple[str, Any], ...]


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


class Number(str):
    """A JSON number as it is written, so that no digit of it is lost."""


class Decoder:
    """Decodes JSON. Objects become tuples of pairs: doubled keys stay visible, and an array (a list) is told from an
    object. NaN and Infinity, which are not JSON, are decoded, so that what follows them can be read; the first of the
    last value is kept as its `constant`."""

    def __init__(self) -> None:
        self.constant: str | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=tuple, parse_float=Number, parse_int=Number, parse_constant=self._keep
        )

    def decode(self, text: str) -> Any:
        """The value of a text that holds just one. Raises ValueError or RecursionError."""
        self.constant = None
        value = self._decoder.decode(text)
        if self.constant is not None:
            raise ValueError(f"{self.constant} is not JSON")
        return value

    def raw_decode(self, text: str, at: int) -> tuple[Any, int]:
        """The value that begins there, and where it ends; look at `constant`. Raises ValueError or RecursionError."""
        self.constant = None
        return self._decoder.raw_decode(text, at)

    def _keep(self, name: str) -> None:
        self.constant = self.constant or name


def has_blanks(columns: int, renamed_columns: Mapping[str, str | None] | None) -> bool:
    """Whether an object without any value is none: a dataset of so many columns, with those that are left out, has two
    or more."""
    return columns + sum(to is None for to in (renamed_columns or {}).values()) > 1


def lone_surrogates(text: str) -> Iterator[tuple[int, str]]:
    """The escapes in a JSON text that are half of a pair without the other half: where each stands, and the character
    that it makes. Bytes that are no UTF-8 are others."""
    if "\\u" not in text or not _SURROGATE.search(text):
        return
    waiting: tuple[int, str] | None = None
    end = -1
    for found in _ESCAPE.finditer(text):
        code = int(found[1], 16) if found[1] else 0
        is_second = 0xDC00 <= code <= 0xDFFF
        if waiting is not None:
            if not (is_second and found.start() == end):
                yield waiting
            else:
                is_second = False
            waiting = None
        if 0xD800 <= code <= 0xDBFF:
            waiting, end = (found.start(), chr(code)), found.end()
        elif is_second:
            yield found.start(), chr(code)
    if waiting is not None:
        yield waiting
