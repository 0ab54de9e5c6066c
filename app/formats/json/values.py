"""Decodes JSON values without losing digits or repeated keys."""

import json
from typing import Any

from app.domain.dataset import Dataset
from app.domain.file_format import FileFormat

Pairs = tuple[tuple[str, Any], ...]


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
