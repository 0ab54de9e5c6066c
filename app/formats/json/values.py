"""Decodes JSON values without losing digits or repeated keys."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.domain.dataset import Dataset
from app.domain.file_format import FileFormat
from app.formats.errors import HalfCharacter

Pairs = tuple[tuple[str, Any], ...]


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


class Number(str):
    """A JSON number as it is written, so that no digit is lost."""


class Decoder:
    """Decodes JSON. Objects become tuples of pairs, so repeated keys stay visible; arrays become lists.

    NaN and Infinity are not JSON. They are decoded nevertheless, so that the text after them can be parsed; `constant`
    is the first one in the last value.
    """

    def __init__(self) -> None:
        self.constant: str | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=tuple, parse_float=Number, parse_int=Number, parse_constant=self._keep
        )

    def decode(self, text: str) -> Any:
        """The value of a text with exactly one. Raises ValueError or RecursionError."""
        self.constant = None
        value = self._decoder.decode(text)
        if self.constant is not None:
            raise ValueError(f"{self.constant} is not JSON")
        return value

    def raw_decode(self, text: str, at: int) -> tuple[Any, int]:
        """The value that begins there, and where it ends. Check `constant`. Raises ValueError or RecursionError."""
        self.constant = None
        return self._decoder.raw_decode(text, at)

    def _keep(self, name: str) -> None:
        self.constant = self.constant or name


def has_blanks(dataset: Dataset, file_format: FileFormat) -> bool:
    """Whether an object without any value is a blank row. In a file of one column it is a row with NULL. The number of
    columns includes those that are left out."""
    columns = file_format.columns if isinstance(file_format.columns, dict) else {}
    in_file = sum(not column.constant for column in dataset.columns)
    return in_file + sum(to is None for to in columns.values()) + file_format.leave_out_others > 1


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


def check_halves(names: Sequence[str], values: Sequence[str | None], text: str, line: int) -> None:
    """Raises HalfCharacter (not_utf8) if one of an object's values contains a lone surrogate; `text` is its JSON."""
    for place, half in lone_surrogates(text):
        found = (name for name, value in zip(names, values, strict=True) if isinstance(value, str) and half in value)
        name = next(found, None)
        if name is None:  # the key is left out
            continue
        escape, at = text[place : place + 6], place - text.rfind("\n", 0, place)
        reason = (
            f"{name} contains a lone surrogate: the escape {escape} on line {line + text.count(chr(10), 0, place)},"
            f" character {at}, is half of a pair and not a character; fix it in the program that writes the file"
        )
        failed = HalfCharacter("not_utf8", reason, line, column=name, value=escape)
        failed.values = tuple(values)
        raise failed
