"""Checks the unpacked sizes of a Parquet file's pages by their own headers, before anything unpacks them.

A reader allocates what a page's header asks for, whatever the footer says, and keeps a whole row group in memory.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from app.formats.parquet.footer import field_of, list_of, read_footer, structure_errors
from app.formats.parquet.thrift import Damaged, Decoder, Struct
from app.formats.streams.decompression import check_ratio

# a page's header may contain its smallest and its greatest value
_HEADER_BYTES, _MAX_HEADER_BYTES = 4 * 1024, 64 * 1024 * 1024


def check_pages(path: Path, columns: Collection[str]) -> None:
    """Raises ImportFailed (unpacked_too_large) if these columns' pages in one row group unpack to more than
    `check_ratio` allows, damaged_parquet if the pages can't be found."""
    size = path.stat().st_size
    with path.open("rb") as file, structure_errors():
        _, footer = read_footer(file)
        for group in list_of(footer or {}, 4):
            unpacked = 0
            for chunk in list_of(group, 1):
                column: Struct = field_of(chunk, 3, {})
                name = b".".join(field_of(column, 3, (0, []))[1]).decode("utf-8", "surrogateescape")
                if name not in columns:
                    continue
                for page in _pages(file, column):
                    unpacked += page
                    check_ratio(unpacked, size)


def _pages(file: IO[bytes], column: Struct) -> Iterator[int]:
    """The unpacked size of each of the column's pages."""
    starts = [field_of(column, 9, 0), field_of(column, 11, 0)]  # of its data, and of its dictionary if it has one
    at = min(start for start in starts if start > 0) if any(start > 0 for start in starts) else 0
    end = at + field_of(column, 7, 0)
    while 0 < at < end:
        try:
            decoder, header = _header(file, at, min(_HEADER_BYTES, end - at))
        except Damaged:
            decoder, header = _header(file, at, min(_MAX_HEADER_BYTES, end - at))
        yield max(0, field_of(header, 2, 0))
        at += decoder.position + max(0, field_of(header, 3, 0))


def _header(file: IO[bytes], at: int, size: int) -> tuple[Decoder, Struct]:
    file.seek(at)
    decoder = Decoder(file.read(size))
    return decoder, decoder.take_struct()
