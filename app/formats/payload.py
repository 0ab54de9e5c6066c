"""The lines that the server loads: how they are written, and how a key is read back from them."""

import csv
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

from app.domain.dataset import Dataset


def payload_line(row: int, values: Sequence[str]) -> str:
    """One row for LOAD DATA: its number, then every value quoted (so that NULL and \\N stay text)."""
    quoted = '","'.join(values)
    if quoted.count('"') != 2 * (len(values) - 1):
        quoted = '","'.join(value.replace('"', '""') for value in values)
    return f'{row},"{quoted}"\n'


class PayloadKeys(Sequence[tuple[str, ...]]):
    """The keys of a payload's rows, read from it when one is asked for: that is only after a duplicate."""

    def __init__(self, payload: bytes, dataset: Dataset, rows: int) -> None:
        self._payload = payload
        self._fields = tuple(1 + dataset.column_names.index(name) for name in dataset.key)
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, index: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, ...] | list[tuple[str, ...]]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(self._rows))]
        if not -self._rows <= index < self._rows:
            raise IndexError(index)
        index %= self._rows
        return self._key(self._payload[self._line_starts[index] : self._line_starts[index + 1]])

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return map(self._key, self._payload.splitlines())

    @cached_property
    def _line_starts(self) -> list[int]:
        starts, end = [0], -1
        while (end := self._payload.find(b"\n", end + 1)) >= 0:  # no value holds a line break
            starts.append(end + 1)
        return starts

    def _key(self, line: bytes) -> tuple[str, ...]:
        values = next(csv.reader([line.decode()]))
        return tuple(values[field] for field in self._fields)


# the row number, or NULL, or a text in quotes; and what ends it
_FIELD = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^",\n]++))([,\n])')


def read_payload(payload: bytes) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """Each row's number and values, as they were written."""
    values: list[str | None] = []
    row = 0
    for quoted, bare, ending in _FIELD.findall(payload.decode()):
        if bare and not row:
            row = int(bare)
        else:
            values.append(None if bare else quoted.replace('""', '"'))
        if ending == "\n":
            yield row, tuple(values)
            row, values = 0, []
