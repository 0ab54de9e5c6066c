"""The fast way for blocks of usual form: whole columns are checked at once, without Python seeing a value.

It only ever says yes. The rows that it doubts are checked one by one by the authority in `columns`; where it doubts the
block's form it returns None, and the parsers in `csv` and `ndjson` read the block again. Importing this module imports
polars, which starts threads: a process that forks must do so before.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PanicException, PolarsError

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.reading import Reading
from app.formats.batch import Batch, Reject
from app.formats.blocks import Block
from app.formats.currencies import CURRENCIES
from app.formats.layout import Layout
from app.formats.payload import PayloadKeys
from app.formats.records import MOST_REJECTS, RowChecker

_LINE_FEED, _FIRST_PRINTABLE, _DELETE = 0x0A, 0x20, 0x7F

_EMAIL = r"^[^@ ]+@[^@ .]+(?:\.[^@ .]+)*$"
_DAY = "[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_DATETIME = f"^{_DAY} {_TIME}$"
_DATETIME_WITH_T = f"^{_DAY}[ T]{_TIME}Z?$"

_FIRST_LINE_BYTES = 64 * 1024  # polars makes a column of every field it has: a million commas take seconds


def read_csv_block(block: Block, dataset: Dataset, reading: Reading, layout: Layout, first_row: int) -> Batch | None:
    """The block as a batch, the same that `csv.read_block` makes of it, or None if only that can tell."""
    if len(reading.delimiter.encode()) != 1:
        return None
    data = block.data.replace(b"\r\n", b"\n") if b"\r" in block.data else block.data
    if not data.endswith(b"\n"):
        data += b"\n"
    frame = _parsed(data, dataset, reading, layout)
    if frame is None:
        return None
    lines = range(block.first_line, block.first_line + frame.height)
    texts = Lines(block)
    return _batch(frame, dataset, first_row, lines, block.source_bytes, texts.text, layout.file_order)


def check_columns(
    columns: Mapping[str, Sequence[str]],
    dataset: Dataset,
    first_row: int,
    lines: Sequence[int],
    source_bytes: int,
    text_of: Callable[[int], str],
) -> Batch | None:
    """Rows that are given by column, as a batch; None if all have to be checked one by one. `text_of` gives the text
    of a row, by its position, as it was sent."""
    try:
        frame = pl.DataFrame({name: pl.Series(columns[name], dtype=pl.String) for name in dataset.column_names})
    except (PolarsError, PanicException, UnicodeEncodeError):
        return None
    batch = _batch(frame, dataset, first_row, lines, source_bytes, text_of)
    if batch is None:
        return None
    # Values may hold control characters; in a payload only the line feeds after the rows are in order.
    payload = np.frombuffer(batch.payload, np.uint8)
    in_order = np.count_nonzero(payload < _FIRST_PRINTABLE) == batch.rows and not np.count_nonzero(payload == _DELETE)
    return batch if in_order else None


def _parsed(data: bytes, dataset: Dataset, reading: Reading, layout: Layout) -> pl.DataFrame | None:
    """The fields as a strict parser would find them, or None.

    Polars forgives much: it pads short rows, skips a byte order mark, strips a carriage return. So it is not believed:
    every line break must be a row, every quote must stand where it may, and the fields' bytes with the separators,
    line ends and quotes around them must add up to the data.
    """
    values = np.frombuffer(data, np.uint8)
    delimiter = ord(reading.delimiter)
    control_characters = int(np.count_nonzero(values < _FIRST_PRINTABLE))
    if delimiter < _FIRST_PRINTABLE:
        control_characters -= (delimiters := int(np.count_nonzero(values == delimiter)))
    if np.count_nonzero(values == _DELETE):
        return None
    doubled = quotes = 0
    if reading.quote:
        found = np.flatnonzero(values == ord(reading.quote))
        counted = _doubled_quotes(values, found, ord(reading.quote), delimiter)
        if counted is None:
            return None
        doubled, quotes = counted, len(found)
    if data.find(b"\n") > _FIRST_LINE_BYTES:
        return None
    width = layout.width + reading.trailing
    names = [f"\0{position}" for position in range(width)]
    for name, position in zip(dataset.column_names, layout.positions, strict=True):
        names[position] = name
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator=reading.delimiter,
            quote_char=reading.quote or None,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
            glob=False,
        )
    except (PolarsError, PanicException):
        return None
    # If this is the number of rows, all control characters are line feeds and each of them ends a row.
    if frame.height != control_characters or any(frame.null_count().row(0)):
        return None
    if delimiter < _FIRST_PRINTABLE and delimiters != (width - 1) * frame.height:
        return None  # one stands inside a value
    sizes = frame.select(pl.all().str.len_bytes().cast(pl.Int64).sum()).row(0)
    # Doubled quotes are counted once in the content and twice in the data; all others are only in the data.
    if sum(sizes) + quotes - doubled + width * frame.height != len(data):
        return None
    empty = (*layout.empty, *range(layout.width, width))
    return None if any(sizes[position] for position in empty) else frame


def _doubled_quotes(values: NDArray[np.uint8], quotes: NDArray[np.intp], quote: int, delimiter: int) -> int | None:
    """How many quotes stand doubled for one, or None unless each opens, closes or is doubled inside a quoted field.

    Quotes open and close in turn; a doubled one closes and opens again at once. The data ends with a line feed.
    """
    if len(quotes) % 2:
        return None
    before = values[quotes[0::2] - 1]  # of the first byte of all, that is the last one: a line feed, as it should be
    after = values[quotes[1::2] + 1]
    reopened = before == quote
    if not np.all(reopened | (before == delimiter) | (before == _LINE_FEED)):
        return None
    closed_for_good = (after == delimiter) | (after == _LINE_FEED)
    if not np.all(closed_for_good | (after == quote)):
        return None
    return int(np.count_nonzero(reopened))


class Lines:
    """A block's lines, taken apart when the first one is asked for."""

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
) -> Batch | None:
    frame = frame.select(dataset.column_names)
    plain, accepted = _screened(frame, dataset)
    rejects: list[Reject] = []
    if not accepted.all():
        if frame.height - int(accepted.sum()) > MOST_REJECTS:
            return None
        checker = RowChecker(dataset, file_order)
        for before, position in enumerate((~accepted).arg_true()):
            record = (lines[position], text_of(position), frame.row(position))
            checked = checker.check(record, first_row + position - before)
            if not isinstance(checked, Reject):
                return None  # it was right after all
            rejects.append(checked)
        plain = plain.filter(accepted)
        lines = [lines[position] for position in accepted.arg_true()]
    payload = _payload(plain, first_row)
    keys = PayloadKeys(payload, dataset, plain.height)
    return Batch(first_row, plain.height, payload, source_bytes, keys, lines, rejects)


def _screened(frame: pl.DataFrame, dataset: Dataset) -> tuple[pl.DataFrame, pl.Series]:
    """The rows as they are sent to the server, and which of them are accepted without a doubt."""
    moments: list[pl.Series] = []
    accepted = frame.select(
        pl.all_horizontal(
            *(_accepted(column) for column in dataset.columns if column.type is not ColumnType.DATETIME), pl.lit(True)
        ).alias("accepted")
    ).to_series()
    for column in dataset.columns:
        if column.type is ColumnType.DATETIME:
            plain, exists = _plain_datetimes(frame.get_column(column.name))
            moments.append(plain)
            accepted &= exists
    return frame.with_columns(moments), accepted


def _accepted(column: Column) -> pl.Expr:
    """Which values of the column are accepted."""
    text = pl.col(column.name)
    match column.type:
        case ColumnType.TEXT:
            return (text.str.len_chars() <= column.length) & (text != "")
        case ColumnType.EMAIL:
            return text.str.contains(_EMAIL) & (text.str.len_chars() <= column.length)
        case ColumnType.INTEGER:
            within = text.cast(pl.Int64, strict=False).is_between(column.minimum, column.maximum)
            return text.str.contains("^-?[0-9]{1,18}$") & within.fill_null(False)  # 18 digits always fit
        case ColumnType.DECIMAL:
            whole = column.precision - column.scale
            digits = f"0*[0-9]{{1,{whole}}}" if whole else "0+"
            fraction = rf"(?:\.[0-9]{{1,{column.scale}}})?" if column.scale else ""
            return text.str.contains(f"^{digits}{fraction}$")
        case ColumnType.CURRENCY:
            return text.is_in(sorted(CURRENCIES))
        case ColumnType.ENUM:
            return text.is_in(column.choices) & (text != "")
        case ColumnType.DATETIME:
            return pl.lit(True)  # by _plain_datetimes
        case _:
            return pl.lit(False)


def _plain_datetimes(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The moments written YYYY-MM-DD HH:MM:SS, as most files have them, and which of them exist."""
    well_formed = texts.str.contains(_DATETIME)
    if not well_formed.all():
        well_formed = texts.str.contains(_DATETIME_WITH_T)
        name = texts.name
        plain = pl.concat_str(pl.col(name).str.slice(0, 10), pl.lit(" "), pl.col(name).str.slice(11, 8)).alias(name)
        texts = texts.to_frame().select(plain).to_series()
    days = texts.str.slice(0, 10).to_frame("day")
    # few, so the calendar is asked seldom
    real = days.unique().filter(pl.col("day").str.to_date("%Y-%m-%d", strict=False).is_not_null()).to_series()
    return texts, well_formed & days.to_series().is_in(real.implode())


def _payload(frame: pl.DataFrame, first_row: int) -> bytes:
    buffer = io.BytesIO()
    numbered = frame.with_row_index("", offset=first_row)
    numbered.write_csv(buffer, include_header=False, quote_style="non_numeric")
    return buffer.getvalue()
