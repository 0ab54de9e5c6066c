"""A Parquet file's footer: the declared types, and new declarations for values that polars would change silently.

Polars converts 96-bit timestamps to 64-bit nanoseconds, which changes all dates outside the years 1677 to 2262. It
converts times beyond midnight to null. So both are declared as bytes and integers before polars reads them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from app.domain.errors import ImportFailed
from app.formats.column_mapping import MAX_COLUMNS
from app.formats.parquet.thrift import BINARY, I32, Damaged, Decoder, Field, Struct, TooMany, encode
from app.formats.validate.columns import excerpt

INT96, FIXED = 3, 7
INT96_BYTES = 12
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_TAIL_BYTES = 8
_COPY_BYTES = 1024 * 1024
_MAX_ELEMENTS = 4 * MAX_COLUMNS  # of the schema; a nested column has several
_SCHEMA_BYTES = 16 * 1024 * 1024  # the schema comes first
MAX_FOOTER_BYTES = 16 * 1024 * 1024  # of one that is parsed as a whole
_MAX_PRECISION = 38
_DECIMAL, _DATE, _TIME_MS, _TIME_US, _INTERVAL = 5, 6, 7, 8, 21  # of a schema's "converted types"
_LOGICAL_DECIMAL, _LOGICAL_DATE, _LOGICAL_TIME = 5, 6, 7
_UNITS = {1: "ms", 2: "us", 3: "ns"}
_REPEATED = 2
_MAX_DEPTH = 100
_STATISTICS, _INDEXES = (12, 14, 15), (4, 5, 6, 7)  # statistics and indexes with values of the former types


@dataclass(frozen=True)
class Leaf:
    """The declared type of a column that is not nested. `clock` is the unit of a time of day, None for other types."""

    is_int96: bool
    is_date: bool
    clock: str | None


@contextmanager
def structure_errors() -> Iterator[None]:
    """Raises ImportFailed (damaged_parquet) if the code inside meets a footer without the expected structure."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise damaged("its footer is invalid") from error


def read_leaves(path: Path) -> dict[str, Leaf]:
    """The columns that are not nested, by name.

    Raises ImportFailed: damaged_parquet, too_many_columns, and unsupported_type for a column with which polars can't
    read the file at all.
    """
    with path.open("rb") as file, structure_errors():
        begin, length = _locate_footer(file)
        file.seek(begin)
        return _leaves(_decoded(file.read(min(length, _SCHEMA_BYTES)), until=2))


def _leaves(footer: Struct) -> dict[str, Leaf]:
    leaves: dict[str, Leaf] = {}
    open_groups: list[int] = []  # for each enclosing nested column: how many more elements it has
    for element in list_of(footer, 2)[1:]:
        children = int(field_of(element, 5, 0))
        name = bytes(field_of(element, 4, b"")).decode("utf-8", "surrogateescape")
        converted, logical = field_of(element, 6), next(iter(field_of(element, 10, {})), None)
        _check_type(name, element, converted, logical)
        if not open_groups and children <= 0 and field_of(element, 3) != _REPEATED:
            is_date = converted == _DATE or logical == _LOGICAL_DATE
            leaves[name] = Leaf(field_of(element, 1) == INT96, is_date, _clock(element))
        if open_groups:
            open_groups[-1] -= 1
        if children > 0:
            open_groups.append(children)
            if len(open_groups) > _MAX_DEPTH:  # polars would overflow its stack, which ends the process
                reason = f"the file has a column that is nested more than {_MAX_DEPTH} levels deep; leave it out"
                raise ImportFailed("unsupported_type", reason, column=excerpt(name))
        while open_groups and open_groups[-1] <= 0:
            open_groups.pop()
    return leaves


def _clock(element: Struct) -> str | None:
    time = field_of(field_of(element, 10, {}), _LOGICAL_TIME)
    if time is not None:
        return _UNITS.get(next(iter(field_of(time, 2, {})), 0))
    return {_TIME_MS: "ms", _TIME_US: "us"}.get(field_of(element, 6, 0))


def _check_type(name: str, element: Struct, converted: int | None, logical: int | None) -> None:
    what = ""
    if converted == _INTERVAL:
        what = "intervals"
    elif converted == _DECIMAL or logical == _LOGICAL_DECIMAL:
        declared = element[10][1][_LOGICAL_DECIMAL][1] if logical == _LOGICAL_DECIMAL else {}
        digits = max(int(field_of(element, 8, 0)), int(field_of(declared, 2, 0)))
        what = f"decimals of {digits} digits" if digits > _MAX_PRECISION else ""
    if what:
        reason = f"the column {excerpt(name)!r} holds {what}, which can't be read; write the file without it"
        raise ImportFailed("unsupported_type", reason, column=excerpt(name))


@contextmanager
def redeclared(path: Path) -> Iterator[Path]:
    """A temporary copy of the file beside it that declares times of day as integers, and 96-bit timestamps as 12 bytes:
    8 bytes of nanoseconds since midnight, 4 bytes of a Julian day number.

    Raises ImportFailed (damaged_parquet; unsupported_type if the footer is too large for that).
    """
    with path.open("rb") as file, NamedTemporaryFile(dir=path.parent, prefix=".") as copy:
        begin, footer = read_footer(file)
        if footer is None:
            reason = (
                "the file has categories, times of the day or timestamps of 96 bits, and a footer of more than"
                f" {MAX_FOOTER_BYTES:,} bytes; write larger row groups"
            )
            raise ImportFailed("unsupported_type", reason)
        with structure_errors():
            data = encode(_redeclared(footer))
        file.seek(0)
        left = begin
        while left and (piece := file.read(min(left, _COPY_BYTES))):
            copy.write(piece)
            left -= len(piece)
        copy.write(data + len(data).to_bytes(4, "little") + _MAGIC)
        copy.flush()
        yield Path(copy.name)


def _redeclared(footer: Struct) -> Struct:
    for element in list_of(footer, 2):
        is_int96 = field_of(element, 1) == INT96
        if is_int96:
            element[1] = (I32, FIXED)
            element[2] = (I32, INT96_BYTES)
        if is_int96 or _clock(element):
            element.pop(6, None)
            element.pop(10, None)
    for group in list_of(footer, 4):
        for chunk in list_of(group, 1):
            column = field_of(chunk, 3, {})
            if field_of(column, 1) == INT96:
                column[1] = (I32, FIXED)
            for number in _STATISTICS:
                column.pop(number, None)
            for number in _INDEXES:
                chunk.pop(number, None)
    if 5 in footer:  # Arrow's own schema has the former types
        kind, (of, pairs) = footer[5]
        footer[5] = (kind, (of, [pair for pair in pairs if field_of(pair, 1) != b"ARROW:schema"]))
    return footer


def read_footer(file: IO[bytes]) -> tuple[int, Struct | None]:
    """Where the footer begins, and its content; None if it is larger than MAX_FOOTER_BYTES.

    Raises ImportFailed (damaged_parquet).
    """
    begin, length = _locate_footer(file)
    if length > MAX_FOOTER_BYTES:
        return begin, None
    file.seek(begin)
    return begin, _decoded(file.read(length))


def _locate_footer(file: IO[bytes]) -> tuple[int, int]:
    """Where the footer begins, and its length in bytes."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    if tail.endswith(_ENCRYPTED):
        raise damaged("it is encrypted; write it without encryption")
    length = int.from_bytes(tail[:4], "little")
    begin = size - _TAIL_BYTES - length
    if not tail.endswith(_MAGIC) or begin < len(_MAGIC):
        raise damaged("it does not end with a footer")
    return begin, length


def _decoded(data: bytes, until: int | None = None) -> Struct:
    try:
        return Decoder(data, _MAX_ELEMENTS if until else None).take_struct(until)
    except TooMany:
        raise ImportFailed("too_many_columns", f"the file has more than {MAX_COLUMNS:,} columns") from None
    except Damaged as error:
        raise damaged(f"its footer is invalid: {error}") from error


def field_of(fields: Struct, number: int, default: Any = None) -> Any:
    found: Field | None = fields.get(number)
    return default if found is None or found[1] is None else found[1]


def list_of(fields: Struct, number: int) -> list[Struct]:
    found: list[Struct] = field_of(fields, number, (BINARY, []))[1]
    return found


def damaged(why: str) -> ImportFailed:
    """The error for a file that is not valid Parquet."""
    return ImportFailed(
        "damaged_parquet", f"the Parquet file is damaged or cut off: {excerpt(why.partition(chr(10))[0])}"
    )
