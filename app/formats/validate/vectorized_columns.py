"""Vectorised validation of whole columns, by the rules of `columns`.

It may only accept: `columns` checks each value that it doubts. Importing this module imports polars, which starts
threads.
"""

from functools import lru_cache

import numpy as np
import polars as pl

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.formats.validate.columns import BOOLEANS, MISREAD, validator_for
from app.formats.validate.currencies import CURRENCIES
from app.formats.validate.numbers import has_number_format
from app.formats.validate.vectorized_datetimes import check_each, normalize_datetimes

_EMAIL = r"^[^@ ]+@[^@ .]+(?:\.[^@ .]+)*$"
_CONTROLS = {
    Controls.NONE: rf"[\x00-\x1f\x7f{MISREAD}]",
    Controls.LINES: rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{MISREAD}]",
}
_DATE_TYPES = (ColumnType.DATE, ColumnType.DATETIME)
_NUMBER_TYPES = (ColumnType.INTEGER, ColumnType.DECIMAL)

# of each column: the fewest and the most bytes of a value, and how many rows have no value
_SIZES = (
    pl.all().str.len_bytes().min().fill_null(0).name.suffix(" least"),
    pl.all().str.len_bytes().max().fill_null(0).name.suffix(" most"),
    pl.all().null_count().name.suffix(" null"),
)


def holds_misread(data: bytes) -> bool:
    """Whether UTF-8 text contains one of `MISREAD`; fast if it has none."""
    if data.isascii():
        return False
    values = np.frombuffer(data, np.uint8)
    if b"\xc2" in data and np.any(values[1:][values[:-1] == 0xC2] < 0xA0):  # U+0080 to U+009F
        return True
    if b"\xef" not in data:
        return False
    leads = np.flatnonzero(values == 0xEF)
    second, third = values.take(leads + 1, mode="clip"), values.take(leads + 2, mode="clip")
    return bool(np.any(((second == 0xBB) & (third == 0xBF)) | ((second == 0xBF) & (third >= 0xBE))))


def validate_columns(frame: pl.DataFrame, dataset: Dataset, *, controls: bool) -> tuple[pl.DataFrame, pl.Series]:
    """The rows for the server, and which of them are valid beyond doubt.

    The frame has the dataset's columns as texts, null if a row has no value. Only with `controls` are values checked
    for control characters and `MISREAD` ones.
    """
    mapped = [pl.col(column.name).replace(dict(column.values)) for column in dataset.columns if column.values]
    frame = frame.with_columns(mapped) if mapped else frame
    plain, accepted = _validate(frame, dataset, controls=controls)
    if accepted.all():
        return plain, accepted
    doubted = frame.filter(~accepted)
    respelled = _respelled(doubted, dataset)
    if not respelled:
        return plain, accepted
    plain_again, accepted_again = _validate(doubted.with_columns(respelled), dataset, controls=controls)
    positions = (~accepted).arg_true()
    columns = [column.scatter(positions, plain_again.get_column(column.name)) for column in plain]
    return pl.DataFrame(columns), accepted.scatter(positions, accepted_again)


def _respelled(frame: pl.DataFrame, dataset: Dataset) -> list[pl.Series]:
    """The columns of numbers in which some are written otherwise than plainly, with those in the plain way."""
    found = []
    for column in dataset.columns:
        if column.type not in _NUMBER_TYPES or has_number_format(column):
            continue
        texts = frame.get_column(column.name)
        plain, accepted = check_each(texts, column)
        changed = accepted.fill_null(False) & (plain != texts).fill_null(False)
        if changed.any():
            found.append(plain.zip_with(changed, texts).alias(column.name))
    return found


def _validate(frame: pl.DataFrame, dataset: Dataset, *, controls: bool) -> tuple[pl.DataFrame, pl.Series]:
    sizes = frame.select(_SIZES).row(0, named=True)
    values: list[pl.Expr] = []
    accepted: list[pl.Expr] = []
    for column in dataset.columns:
        name = column.name
        has_nulls = sizes[f"{name} null"] > 0
        value, yes = _judged(column, not sizes[f"{name} least"], sizes[f"{name} most"] > column.length, controls)
        if _is_by_series(column):
            texts = frame.get_column(name)
            is_date = column.type in _DATE_TYPES
            plain, good = normalize_datetimes(texts, column) if is_date else check_each(texts, column)
            value, yes = pl.lit(plain).alias(name), pl.lit(good) if yes is None else pl.lit(good) & yes
        if has_nulls:
            there = pl.col(name).is_not_null()
            if column.required:
                yes = there if yes is None else there & yes.fill_null(False)
            else:
                yes = None if yes is None else ~there | yes.fill_null(False)
            if column.default is not None:
                value = (pl.col(name) if value is None else value).fill_null(validator_for(column)(None))
        accepted += [] if yes is None else [yes]
        values += [] if value is None else [value]
    everything = (pl.all_horizontal(accepted) if accepted else pl.lit(True)).alias("\0accepted")
    return frame.with_columns(values) if values else frame, frame.with_columns(everything).get_column("\0accepted")


def _is_by_series(column: Column) -> bool:
    """Whether the column's values are validated as a series, before the expressions of the other columns."""
    return column.type in _DATE_TYPES or has_number_format(column)


@lru_cache(maxsize=4096)  # making an expression takes longer than evaluating it for a block
def _judged(column: Column, empty: bool, long: bool, controls: bool) -> tuple[pl.Expr | None, pl.Expr | None]:
    """The expressions for a column's values for the server (None: unchanged), and for which are valid (None: all).

    `empty`: one of them is empty. `long`: one has more bytes than the column accepts characters.
    """
    text = pl.col(column.name)
    value = text.str.to_lowercase().replace(BOOLEANS) if column.type is ColumnType.BOOLEAN else None
    yes = None if _is_by_series(column) else _accepted(column, empty, long)
    forbidden = _CONTROLS.get(column.controls if column.type is ColumnType.TEXT else Controls.NONE)
    if controls and forbidden:
        clean = ~text.str.contains(forbidden)
        yes = clean if yes is None else yes & clean
    return value, yes


def _plain_decimal(column: Column) -> str:
    """The pattern of a decimal that goes as it is: none of `-0.00`, which has no sign."""
    whole, scale = column.precision - column.scale, column.scale
    fraction = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    zero = f"0{fraction}"
    number = f"[1-9][0-9]{{0,{whole - 1}}}{fraction}" if whole else zero
    if not column.signed:
        return f"^(?:{zero}|{number})$"
    below_one = "|".join(f"0{{{zeros}}}[1-9][0-9]{{0,{scale - zeros - 1}}}" for zeros in range(scale))
    small = rf"|-0\.(?:{below_one})" if scale else ""
    return f"^(?:{zero}|{'-?' if whole else ''}{number}{small})$"


def _accepted(column: Column, empty: bool, long: bool) -> pl.Expr | None:
    text = pl.col(column.name)
    fits = text.str.len_chars() <= column.length
    match column.type:
        case ColumnType.TEXT:
            parts = [fits] * long + [text != ""] * (empty and not column.empty)
            return pl.all_horizontal(parts) if parts else None
        case ColumnType.EMAIL:
            return text.str.contains(_EMAIL) & fits if long else text.str.contains(_EMAIL)
        case ColumnType.INTEGER:
            within = text.cast(pl.Int64, strict=False).is_between(column.minimum, column.maximum)
            return text.str.contains("^(?:0|-?[1-9][0-9]{0,17})$") & within  # 18 digits always fit
        case ColumnType.DECIMAL:
            return text.str.contains(_plain_decimal(column))
        case ColumnType.CURRENCY:
            return text.is_in(sorted(CURRENCIES))
        case ColumnType.BOOLEAN:
            return text.str.to_lowercase().is_in(list(BOOLEANS))
        case ColumnType.ENUM:
            return text.is_in(column.choices) & (text != "")
        case _:
            return pl.lit(False)
