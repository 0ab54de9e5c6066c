"""JSON values, with all that a file says of them."""

import json
from collections.abc import Mapping
from typing import Any

Pairs = tuple[tuple[str, Any], ...]


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
