"""Payloads: the lines that the server loads. Writes them, and reads rows, columns and keys back from them."""

import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from typing import NamedTuple, overload

from app.domain.dataset import Dataset


def payload_line(row: int, values: Sequence[str | None]) -> str:
    """One row for LOAD DATA: its number, then every value quoted (so that the texts NULL and \\N stay texts). None is
    written as the bare word NULL. A value may contain any character, line breaks too."""
    if None in values:
        fields = ["NULL" if value is None else '"' + value.replace('"', '""') + '"' for value in values]
        return f"{row},{','.join(fields)}\n"
    quoted = '","'.join(values)  # type: ignore[arg-type]
    if quoted.count('"') != 2 * (len(values) - 1):
        quoted = '","'.join(value.replace('"', '""') for value in values)  # type: ignore[union-attr]
    return f'{row},"{quoted}"\n'


# a row: line breaks inside quotes belong to it; a doubled quote closes and opens again
_ROW = re.compile(rb'(?:[^"\n]++|"[^"]*+")*+\n')


class Line(NamedTuple):
    """A row of a payload: its number, the rest of its line as it is, and the key in it."""

    number: int
    rest: str
    key: tuple[str, ...]

    def encode(self) -> bytes:
        """The line as it was."""
        return f"{self.number},{self.rest}\n".encode()


class PayloadKeys(Sequence[tuple[str, ...]]):
    """The keys of a payload's rows. They are parsed when one is used, which happens only after a duplicate."""

    def __init__(self, payload: bytes, dataset: Dataset, rows: int) -> None:
        self._payload = payload
        self._fields = tuple(dataset.column_names.index(name) for name in dataset.key)
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
        [(_, values)] = read_payload(self._payload[self._starts[index] : self._starts[index + 1]])
        return self._key(values)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return (self._key(values) for _, values in read_payload(self._payload))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(row.end() for row in _ROW.finditer(self._payload))]

    def _key(self, values: Sequence[str | None]) -> tuple[str, ...]:
        return tuple(values[field] or "" for field in self._fields)  # no column of a key is nullable


def read_column(payload: bytes, position: int) -> list[str]:
    """The values of one column of numbers, in the rows' order; NULLs are left out. `position` counts from 0."""
    return [value for value in _column_pattern(position).findall(payload.decode()) if value]


@cache
def _column_pattern(position: int) -> re.Pattern[str]:
    field = '(?:"(?:[^"]++|"")*+"|NULL)'
    return re.compile(f'[0-9]++(?:,{field}){{{position}}},(?:"([^"]++)"|NULL)(?:,{field})*+\n')


def read_lines(payload: bytes, dataset: Dataset) -> Iterator[Line]:
    """Each row, with its key in the dataset's order. No column of a key is nullable."""
    positions = [dataset.column_names.index(name) for name in dataset.key]
    inner = sorted(positions)
    order = None if positions == inner else [inner.index(position) for position in positions]
    text = payload.decode()
    doubled = '""' in text
    for found in _line_pattern(tuple(inner)).finditer(text):
        number, rest, *key = found.groups()
        if order is not None:
            key = [key[at] for at in order]
        if doubled:
            key = [part.replace('""', '"') for part in key]
        yield Line(int(number), rest, tuple(key))


@cache
def _line_pattern(positions: tuple[int, ...]) -> re.Pattern[str]:
    skipped, text = '(?:"(?:[^"]++|"")*+"|NULL)', '"((?:[^"]++|"")*+)"'
    fields = ",".join(text if at in positions else skipped for at in range(max(positions) + 1))
    return re.compile(f"([0-9]++),({fields}(?:,{skipped})*+)\n")


# the row number, or NULL, or a quoted text; and the separator after it
_FIELD = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^",\n]++))([,\n])')


def read_payload(payload: bytes) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """Each row's number and values, as `payload_line` got them."""
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
