"""The fast reader: validates whole columns of a block at once with polars.

It may only accept. `columns` checks each row that it doubts. If it doubts the form of the block it returns None, and
the parsers in `csv` and `ndjson` read the block again. Importing this module imports polars, which starts threads: a
process that forks must fork first.
"""

import codecs
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PanicException, PolarsError

from app.domain.dataset import Dataset
from app.domain.file_format import FileFormat
from app.formats.batch import Batch, Reject
from app.formats.column_mapping import ColumnMapping
from app.formats.csv.grammar import BLANKS
from app.formats.payload import PayloadKeys
from app.formats.streams.blocks import Block
from app.formats.validate.rows import MAX_REJECTS, RowChecker
from app.formats.validate.vectorized_columns import holds_misread, validate_columns

_LINE_FEED, _FIRST_PRINTABLE = 0x0A, 0x20
_OTHER_BLANKS = tuple(blank.encode() for blank in BLANKS if blank != " ")
_DELETE = b"\x7f"

_FIRST_LINE_BYTES = 64 * 1024  # polars makes a column of each field: a million commas take seconds


def read_csv_block(
    block: Block, dataset: Dataset, file_format: FileFormat, mapping: ColumnMapping, first_row: int
) -> Batch | None:
    """The block as the batch that `csv.parser.read_block` makes of it, or None if that must read it."""
    if len(file_format.delimiter.encode()) != 1:
        return None
    data = block.data.replace(b"\r\n", b"\n") if b"\r" in block.data else block.data
    if file_format.comment or file_format.trim:
        plain = _without_extras(data, file_format, mapping)
        if plain is None:
            return None
        data = plain
    if not data.endswith(b"\n"):
        data += b"\n"
    frame = _parsed(data, dataset, file_format, mapping)
    if frame is None:
        return None
    lines: Sequence[int] = range(block.first_line, block.first_line + frame.height)
    texts = Lines(block)
    controls = holds_misread(data)  # the only other control characters are line feeds
    blanks = find_blanks(frame) if mapping.has_blanks else None
    frame = _complete(frame, dataset, file_format)
    if blanks is None:
        return _batch(
            frame, dataset, first_row, lines, block.source_bytes, texts.text, mapping.file_order, controls=controls
        )
    lines = [block.first_line + position for position in (~blanks).arg_true()]
    text_of = lambda position: texts.text(lines[position] - block.first_line)  # noqa: E731
    frame = frame.filter(~blanks)
    batch = _batch(frame, dataset, first_row, lines, block.source_bytes, text_of, mapping.file_order, controls=controls)
    return batch and replace(batch, blank=int(blanks.sum()))


def _without_extras(data: bytes, file_format: FileFormat, mapping: ColumnMapping) -> bytes | None:
    """The data with an empty line for each comment and without spaces around fields; None if only the parser can tell:
    quotes may make a part of a value look like these."""
    comment = (file_format.comment or "").encode()
    has_comments = bool(comment) and (data.startswith(comment) or b"\n" + comment in data)
    if not has_comments and not file_format.trim:
        return data
    if (file_format.quote and file_format.quote.encode() in data) or (has_comments and not mapping.has_blanks):
        return None
    if has_comments:
        data = re.sub(rb"^" + re.escape(comment) + rb"[^\n]*", b"", data, flags=re.MULTILINE)
    if file_format.trim and any(blank in data for blank in _OTHER_BLANKS if blank.decode() != file_format.delimiter):
        return None
    if file_format.trim and b" " in data:
        data = re.sub(rb" *([\n" + re.escape(file_format.delimiter.encode()) + rb"]) *", rb"\1", data.strip(b" "))
    return data


def find_blanks(frame: pl.DataFrame) -> pl.Series | None:
    """Which rows have no value in any column; None if there are none."""
    if not all(frame.null_count().row(0)):
        return None
    blanks = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return blanks if blanks.any() else None


def check_columns(
    columns: Mapping[str, Sequence[str | None]],
    dataset: Dataset,
    first_row: int,
    lines: Sequence[int],
    source_bytes: int,
    text_of: Callable[[int], str],
) -> Batch | None:
    """Validate rows by column; None if all must be checked one by one. `text_of` returns the text of a row in the file
    by its position."""
    try:
        frame = pl.DataFrame({name: pl.Series(columns[name], dtype=pl.String) for name in dataset.column_names})
    except (PolarsError, PanicException, UnicodeEncodeError):
        return None

    def row_of(position: int) -> list[str | None]:
        return [columns[name][position] for name in dataset.column_names]

    batch = _batch(frame, dataset, first_row, lines, source_bytes, text_of, row_of=row_of)
    if batch is None:
        return None
    # Values may contain control characters; usually the payload has only the line feeds after its rows.
    payload = np.frombuffer(batch.payload, np.uint8)
    few = np.count_nonzero(payload < _FIRST_PRINTABLE) == batch.rows and _DELETE not in batch.payload
    if few and not holds_misread(batch.payload):
        return batch
    return _batch(frame, dataset, first_row, lines, source_bytes, text_of, row_of=row_of, controls=True)


def _parsed(data: bytes, dataset: Dataset, file_format: FileFormat, mapping: ColumnMapping) -> pl.DataFrame | None:
    """The fields as a strict parser would find them, or None.

    Polars is lenient: it pads short rows, skips a byte order mark, strips a carriage return. So its result is verified:
    every line break must end a row, every quote must be at a legal place, and the bytes of the fields with separators,
    line ends and quotes must add up to the data. (A padded row makes them more.)
    """
    values = np.frombuffer(data, np.uint8)
    delimiter = ord(file_format.delimiter)
    control_characters = int(np.count_nonzero(values < _FIRST_PRINTABLE))
    if delimiter < _FIRST_PRINTABLE:
        control_characters -= (delimiters := int(np.count_nonzero(values == delimiter)))
    if _DELETE in data:
        return None
    if data.startswith(codecs.BOM_UTF8):
        return None
    doubled = quotes = 0
    if file_format.quote:
        found = np.flatnonzero(values == ord(file_format.quote))
        counted = _doubled_quotes(values, found, ord(file_format.quote), delimiter)
        if counted is None:
            return None
        doubled, quotes = counted, len(found)
    if data.find(b"\n") > _FIRST_LINE_BYTES:
        return None
    width = mapping.width + file_format.trailing
    if control_characters * width > len(data):
        return None  # lines are shorter than a row can be: polars would need much memory to pad them
    names = [f"\0{position}" for position in range(width)]
    for name, position in zip(dataset.column_names, mapping.positions, strict=True):
        if position is not None:
            names[position] = name
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator=file_format.delimiter,
            quote_char=file_format.quote or None,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=True,  # but a quoted one is not
            extra_columns="raise",
            missing_columns="raise",
            glob=False,
        )
    except (PolarsError, PanicException):
        return None
    # If they are equal, all control characters are line feeds and each ends a row.
    if frame.height != control_characters:
        return None
    if delimiter < _FIRST_PRINTABLE and delimiters != (width - 1) * frame.height:
        return None  # one is inside a value
    sizes = frame.select(pl.all().str.len_bytes().cast(pl.Int64).sum()).row(0)
    # Rows without delimiters: they have no value in any column.
    bare = _bare_lines(values) if mapping.has_blanks and all(frame.null_count().row(0)) else 0
    # Doubled quotes are counted once in the content and twice in the data; all others only in the data.
    if sum(sizes) + quotes - doubled + width * frame.height - (width - 1) * bare != len(data):
        return None
    empty = (*mapping.empty, *range(mapping.width, width))
    if any(sizes[position] for position in empty):
        return None
    if file_format.null is not None and file_format.quote:
        quoted = f"{file_format.quote}{file_format.null}{file_format.quote}"
        if quoted.encode() in data:
            return None  # quoted, it is a text
    return frame


def _bare_lines(values: NDArray[np.uint8]) -> int:
    """How many lines are empty, where each line feed ends a row."""
    feeds = values == _LINE_FEED
    return int(np.count_nonzero(feeds[1:] & feeds[:-1])) + int(feeds[0])


def _complete(frame: pl.DataFrame, dataset: Dataset, file_format: FileFormat) -> pl.DataFrame:
    """The dataset's columns, null for the client's null text and in columns that the file lacks."""
    absent = [name for name in dataset.column_names if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    if file_format.null is None:
        return frame
    text = pl.col(*dataset.column_names)
    return frame.with_columns(pl.when(text != file_format.null).then(text))


def _doubled_quotes(values: NDArray[np.uint8], quotes: NDArray[np.intp], quote: int, delimiter: int) -> int | None:
    """How many quotes are doubled inside a quoted field. None if any other quote neither opens nor closes a field.

    Quotes open and close in turn; a doubled one closes and opens again at once. The data ends with a line feed.
    """
    if len(quotes) % 2:
        return None
    before = values[quotes[0::2] - 1]  # before the first byte this is the last one, a line feed, which is right
    after = values[quotes[1::2] + 1]
    reopened = before == quote
    if not np.all(reopened | (before == delimiter) | (before == _LINE_FEED)):
        return None
    closed_for_good = (after == delimiter) | (after == _LINE_FEED)
    if not np.all(closed_for_good | (after == quote)):
        return None
    return int(np.count_nonzero(reopened))


class Lines:
    """A block's lines, split when the first one is needed."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def text(self, position: int) -> str:
        return self._lines[position].removesuffix("\r")

    @cached_property
    def _lines(self) -> list[str]:
        return self._block.data.decode("utf-8", "surrogateescape").split("\n")


def _batch(
    frame: pl.DataFrame,
    dataset: Dataset,
    first_row: int,
    lines: Sequence[int],
    source_bytes: int,
    text_of: Callable[[int], str],
    file_order: Sequence[int] | None = None,
    *,
    row_of: Callable[[int], Sequence[str | None]] | None = None,
    controls: bool = False,
) -> Batch | None:
    frame = frame.select(dataset.column_names)
    row_of = row_of or (lambda position: frame.row(position))  # noqa: PLW0108 - it has overloads
    plain, accepted = validate_columns(frame, dataset, controls=controls)
    rejects: list[Reject] = []
    if not accepted.all():
        if frame.height - int(accepted.sum()) > MAX_REJECTS:
            return None
        checker = RowChecker(dataset, file_order)
        valid_after_all: dict[int, list[str | None]] = {}
        for position in (~accepted).arg_true():
            record = (lines[position], text_of(position), row_of(position))
            checked = checker.check(record, first_row + position)
            if isinstance(checked, Reject):
                rejects.append(checked)
            else:
                valid_after_all[position] = checked  # it is valid after all
        if valid_after_all:
            accepted = accepted.scatter(list(valid_after_all), True)
            by_column = zip(plain, zip(*valid_after_all.values(), strict=True), strict=True)
            plain = pl.DataFrame(
                [
                    column.scatter(list(valid_after_all), pl.Series(values, dtype=pl.String))
                    for column, values in by_column
                ]
            )
    numbered = plain.with_row_index("", offset=first_row)
    numbers: list[int] | None = None
    if rejects:
        numbered = numbered.filter(accepted)
        numbers = numbered.get_column("").to_list()
        lines = [lines[position] for position in accepted.arg_true()]
    payload = _payload(numbered)
    keys = PayloadKeys(payload, dataset, numbered.height)
    columns = numbered.select([name for name in dataset.column_names if name in dataset.key])
    return Batch(
        first_row, numbered.height, payload, source_bytes, keys, lines, rejects, numbers=numbers, key_columns=columns
    )


def _payload(numbered: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    numbered.write_csv(buffer, include_header=False, quote_style="non_numeric", null_value="NULL")
    return buffer.getvalue()
