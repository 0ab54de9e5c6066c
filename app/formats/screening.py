"""The fast way for blocks that hold nothing unusual: whole columns are checked at once, without Python seeing a value.

It only ever says yes. On the slightest doubt it returns None, and the parsers in `csv` and `ndjson`, which are the
authority, read the block again and say what is wrong, or that it was right after all. Importing this module imports
polars, which starts threads: a process that forks must do so before.
"""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PanicException, PolarsError

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.batch import Batch
from app.formats.blocks import Block
from app.formats.currencies import CURRENCIES
from app.formats.payload import PayloadKeys

_COMMA, _QUOTE, _LINE_FEED, _FIRST_PRINTABLE, _DELETE = 0x2C, 0x22, 0x0A, 0x20, 0x7F

_EMAIL = r"^[^@ ]+@[^@ .]+(?:\.[^@ .]+)*$"
_DAY = "[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_DATETIME = f"^{_DAY} {_TIME}$"
_DATETIME_WITH_T = f"^{_DAY}[ T]{_TIME}Z?$"

_FIRST_LINE_BYTES = 64 * 1024  # polars makes a column of every field it has: a million commas take seconds


def read_csv_block(block: Block, dataset: Dataset, order: Sequence[int], first_row: int) -> Batch | None:
    """The block as a batch, the same that `csv.read_block` makes of it, or None if only that can tell."""
    data = block.data.replace(b"\r\n", b"\n") if b"\r" in block.data else block.data
    if not data.endswith(b"\n"):
        data += b"\n"
    frame = _parsed(data, dataset, order)
    return None if frame is None else _batch(frame, block, dataset, first_row)


def read_columns(columns: Mapping[str, Sequence[str]], block: Block, dataset: Dataset, first_row: int) -> Batch | None:
    """The rows of a block, given by column, as a batch; None if they have to be checked one by one."""
    try:
        frame = pl.DataFrame({name: pl.Series(columns[name], dtype=pl.String) for name in dataset.column_names})
    except (PolarsError, PanicException, UnicodeEncodeError):
        return None
    batch = _batch(frame, block, dataset, first_row)
    if batch is None:
        return None
    # JSON can escape control characters; in a payload only the line feeds after the rows are in order.
    payload = np.frombuffer(batch.payload, np.uint8)
    in_order = np.count_nonzero(payload < _FIRST_PRINTABLE) == batch.rows and not np.count_nonzero(payload == _DELETE)
    return batch if in_order else None


def _parsed(data: bytes, dataset: Dataset, order: Sequence[int]) -> pl.DataFrame | None:
    """The fields as a strict parser would find them, or None.

    Polars forgives much: it pads short rows, skips a byte order mark, strips a carriage return. So it is not believed:
    every line break must be a row, every quote must stand where it may, and the fields' bytes with the separators,
    line ends and quotes around them must add up to the data.
    """
    values = np.frombuffer(data, np.uint8)
    # If this is the number of rows, all control characters are line feeds and each of them ends a row.
    control_characters = int(np.count_nonzero(values < _FIRST_PRINTABLE))
    if np.count_nonzero(values == _DELETE):
        return None
    quotes = np.flatnonzero(values == _QUOTE)
    doubled = _doubled_quotes(values, quotes)
    if doubled is None:
        return None
    if data.find(b"\n") > _FIRST_LINE_BYTES:
        return None
    names = [dataset.column_names[column] for column in np.argsort(order)]
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=False,
            extra_columns="raise",
            missing_columns="raise",
            glob=False,
        )
    except (PolarsError, PanicException):
        return None
    if frame.height != control_characters or any(frame.null_count().row(0)):
        return None
    content = sum(frame.select(pl.all().str.len_bytes().cast(pl.Int64).sum()).row(0))
    # Doubled quotes are counted once in the content and twice in the data; all others are only in the data.
    if content + len(quotes) - doubled + len(names) * frame.height != len(data):
        return None
    return frame


def _doubled_quotes(values: NDArray[np.uint8], quotes: NDArray[np.intp]) -> int | None:
    """How many quotes stand doubled for one, or None unless each opens, closes or is doubled inside a quoted field.

    Quotes open and close in turn; a doubled one closes and opens again at once. The data ends with a line feed.
    """
    if len(quotes) % 2:
        return None
    before = values[quotes[0::2] - 1]  # of the first byte of all, that is the last one: a line feed, as it should be
    after = values[quotes[1::2] + 1]
    reopened = before == _QUOTE
    if not np.all(reopened | (before == _COMMA) | (before == _LINE_FEED)):
        return None
    closed_for_good = (after == _COMMA) | (after == _LINE_FEED)
    if not np.all(closed_for_good | (after == _QUOTE)):
        return None
    return int(np.count_nonzero(reopened))


def _batch(frame: pl.DataFrame, block: Block, dataset: Dataset, first_row: int) -> Batch | None:
    if not all(frame.select(_accepted(column).alias(column.name) for column in dataset.columns).row(0)):
        return None
    for column in dataset.columns:
        if column.type is ColumnType.DATETIME:
            moments = _plain_datetimes(frame.get_column(column.name))
            if moments is None:
                return None
            frame = frame.with_columns(moments)
    payload = _payload(frame.select(dataset.column_names), first_row)
    keys = PayloadKeys(payload, dataset, frame.height)
    lines = range(block.first_line, block.first_line + frame.height)
    return Batch(first_row, frame.height, payload, block.source_bytes, keys, lines)


def _accepted(column: Column) -> pl.Expr:
    """Whether all values of the column are accepted."""
    text = pl.col(column.name)
    match column.type:
        case ColumnType.TEXT:
            return (text.str.len_chars().max() <= column.length) & (text.str.len_bytes().min() > 0)
        case ColumnType.EMAIL:
            return text.str.contains(_EMAIL).all() & (text.str.len_chars().max() <= column.length)
        case ColumnType.INTEGER:
            within = text.cast(pl.Int64, strict=False).is_between(column.minimum, column.maximum)
            return text.str.contains("^-?[0-9]{1,18}$").all() & within.all()  # 18 digits always fit
        case ColumnType.DECIMAL:
            whole = column.precision - column.scale
            digits = f"0*[0-9]{{1,{whole}}}" if whole else "0+"
            fraction = rf"(?:\.[0-9]{{1,{column.scale}}})?" if column.scale else ""
            return text.str.contains(f"^{digits}{fraction}$").all()
        case ColumnType.CURRENCY:
            return text.is_in(sorted(CURRENCIES)).all()
        case ColumnType.ENUM:
            return text.is_in(column.choices).all() & (text.str.len_bytes().min() > 0)
        case ColumnType.DATETIME:
            return pl.lit(True)  # checked by _plain_datetimes


def _plain_datetimes(texts: pl.Series) -> pl.Series | None:
    """The moments written YYYY-MM-DD HH:MM:SS, as most files have them; None if one may not exist."""
    if not texts.str.contains(_DATETIME).all():
        if not texts.str.contains(_DATETIME_WITH_T).all():
            return None
        name = texts.name
        texts = (
            texts.to_frame()
            .select(
                pl.concat_str(pl.col(name).str.slice(0, 10), pl.lit(" "), pl.col(name).str.slice(11, 8)).alias(name)
            )
            .to_series()
        )
    days = texts.str.slice(0, 10).unique()  # few, so the calendar is asked seldom
    return None if days.str.to_date("%Y-%m-%d", strict=False).null_count() else texts


def _payload(frame: pl.DataFrame, first_row: int) -> bytes:
    buffer = io.BytesIO()
    numbered = frame.with_row_index("", offset=first_row)
    numbered.write_csv(buffer, include_header=False, quote_style="non_numeric")
    return buffer.getvalue()
