"""Copies of a Parquet file with another footer: new declarations for values that polars would change silently.

Polars converts 96-bit timestamps to 64-bit nanoseconds, which changes all dates outside the years 1677 to 2262. It
converts times beyond midnight to null. So both are declared as bytes and integers before polars reads them.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from app.domain.errors import ImportFailed
from app.formats.parquet.arrow import find_durations
from app.formats.parquet.footer import MAGIC, MAX_FOOTER_BYTES, field_of, list_of, read_footer, structure_errors
from app.formats.parquet.schema import FIXED, INT96, MAX_PRECISION, clock_of, decimal_of, name_of
from app.formats.parquet.thrift import I32, Struct, encode
from app.formats.validate.columns import excerpt

INT96_BYTES = 12
_ARROW = b"ARROW:schema"
_COPY_BYTES = 1024 * 1024
_STATISTICS, _INDEXES = (12, 14, 15), (4, 5, 6, 7)  # of a column's values by their former types


@contextmanager
def pruned(path: Path, columns: Collection[str]) -> Iterator[Path]:
    """A temporary copy of the file beside it that has only these columns. It declares decimals of more than 38
    digits as bytes. Raises ImportFailed like `redeclared`."""
    with _copied(path, lambda footer: _pruned(footer, columns)) as copy:
        yield copy


@contextmanager
def redeclared(path: Path) -> Iterator[Path]:
    """A temporary copy of the file beside it that declares times of day as integers, and 96-bit timestamps as 12 bytes:
    8 bytes of nanoseconds since midnight, 4 bytes of a Julian day number.

    Raises ImportFailed (damaged_parquet, unsupported_type where the footer is too large for that).
    """
    with _copied(path, _redeclared) as copy:
        yield copy


@contextmanager
def _copied(path: Path, change: Callable[[Struct], Struct]) -> Iterator[Path]:
    with path.open("rb") as file, NamedTemporaryFile(dir=path.parent, prefix=".") as copy:
        begin, footer = read_footer(file)
        if footer is None:
            reason = (
                "the file has columns of types that need more work (categories, times of the day, timestamps of 96 bits"
                f" and others), and a footer of more than {MAX_FOOTER_BYTES:,} bytes; write larger row groups"
            )
            raise ImportFailed("unsupported_type", reason)
        with structure_errors():
            data = encode(change(footer))
        file.seek(0)
        left = begin
        while left and (piece := file.read(min(left, _COPY_BYTES))):
            copy.write(piece)
            left -= len(piece)
        copy.write(data + len(data).to_bytes(4, "little") + MAGIC)
        copy.flush()
        yield Path(copy.name)


def _pruned(footer: Struct, columns: Collection[str]) -> Struct:
    kind, (of, elements) = footer[2]
    root, *rest = elements
    kept: list[Struct] = []
    tops = left = 0
    keeps = False
    for element in rest:
        if not left:
            keeps = name_of(element) in columns
            tops += keeps
            left = 1
        left += int(field_of(element, 5, 0)) - 1
        if keeps:
            if decimal_of(element)[0] > MAX_PRECISION:
                element.pop(6, None)
                element.pop(10, None)
            kept.append(element)
    footer[2] = kind, (of, [root | {5: (I32, tops)}, *kept])
    for group in list_of(footer, 4):
        kind, (of, chunks) = group[1]
        group[1] = kind, (of, [chunk for chunk in chunks if _top_of(chunk) in columns])
        group.pop(4, None)  # by which columns it is sorted: their numbers are others now
    footer.pop(7, None)  # one for each column
    for pair in list_of(footer, 5):
        durations = find_durations(field_of(pair, 2, b"")) if field_of(pair, 1) == _ARROW else set()
        if name := next((name for name in columns if name in durations), None):
            reason = f"the column {excerpt(name)!r} holds lengths of time, which are no text, number or time"
            raise ImportFailed("unsupported_type", reason, column=excerpt(name))
    return _without_arrow(footer)


def _top_of(chunk: Struct) -> str:
    path = field_of(field_of(chunk, 3, {}), 3, (0, [b""]))[1]
    return bytes(path[0]).decode("utf-8", "surrogateescape")


def _without_arrow(footer: Struct) -> Struct:
    if 5 in footer:  # what Arrow adds of types is of the former ones
        kind, (of, pairs) = footer[5]
        footer[5] = (kind, (of, [pair for pair in pairs if field_of(pair, 1) != _ARROW]))
    return footer


def _redeclared(footer: Struct) -> Struct:
    for element in list_of(footer, 2):
        is_int96 = field_of(element, 1) == INT96
        if is_int96:
            element[1] = (I32, FIXED)
            element[2] = (I32, INT96_BYTES)
        if is_int96 or clock_of(element):
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
    return _without_arrow(footer)
