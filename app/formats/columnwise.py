"""What `columns` accepts, said of whole columns at once, without Python seeing a value.

It only ever says yes: a value that it doubts may still be accepted by the authority. Importing this module imports
polars, which starts threads.
"""

import polars as pl

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.formats.columns import BOOLEANS, check_for
from app.formats.columnwise_moments import plain_moments
from app.formats.currencies import CURRENCIES

_EMAIL = r"^[^@ ]+@[^@ .]+(?:\.[^@ .]+)*$"
_CONTROLS = {Controls.NONE: r"[\x00-\x1f\x7f]", Controls.LINES: r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"}


def screen(frame: pl.DataFrame, dataset: Dataset, *, controls: bool) -> tuple[pl.DataFrame, pl.Series]:
    """The rows as they are sent to the server, and which of them are accepted without a doubt.

    The frame has the dataset's columns as texts, null where a row has no value. `controls` says whether a value may
    hold control characters; without it they are not looked for.
    """
    names = dataset.column_names
    sizes = frame.select(
        *(pl.col(name).str.len_bytes().min().alias(f"least {name}") for name in names),
        *(pl.col(name).str.len_bytes().max().alias(f"most {name}") for name in names),
    ).row(0, named=True)
    values, accepted = [], []
    for column in dataset.columns:
        name = column.name
        text = pl.col(name)
        least, most = sizes[f"least {name}"] or 0, sizes[f"most {name}"] or 0
        if column.type in (ColumnType.DATE, ColumnType.DATETIME):
            plain, good = plain_moments(frame.get_column(name), column)
            yes: pl.Expr | None = pl.lit(good)
            value = pl.lit(plain).alias(name)
        else:
            yes, value = _accepted(column, least, most), _value(column)
        if controls and (forbidden := _CONTROLS.get(_controls(column))):
            clean = ~text.str.contains(forbidden)
            yes = clean if yes is None else yes & clean
        if column.required:
            if yes is None and frame.get_column(name).null_count():
                yes = text.is_not_null()
        elif column.default is not None:
            value = value.fill_null(check_for(column)(None))
        if yes is not None:
            accepted.append(yes.fill_null(False) if column.required else yes.fill_null(False) | text.is_null())
        values.append(value)
    everything = pl.all_horizontal(*accepted) if accepted else pl.lit(True)
    return frame.select(values), frame.with_columns(everything.alias("\0accepted")).get_column("\0accepted")


def _controls(column: Column) -> Controls:
    return column.controls if column.type is ColumnType.TEXT else Controls.NONE


def _value(column: Column) -> pl.Expr:
    """What is sent of accepted values."""
    text = pl.col(column.name)
    return text.str.to_lowercase().replace(BOOLEANS) if column.type is ColumnType.BOOLEAN else text


def _accepted(column: Column, least: int, most: int) -> pl.Expr | None:
    """Which values are accepted; None for all of them. They have from `least` to `most` bytes."""
    text = pl.col(column.name)
    match column.type:
        case ColumnType.TEXT:
            parts = [text.str.len_chars() <= column.length] * (most > column.length)
            parts += [text != ""] * (not least and not column.empty)
            return pl.all_horizontal(parts) if parts else None
        case ColumnType.EMAIL:
            fits = text.str.contains(_EMAIL)
            return fits & (text.str.len_chars() <= column.length) if most > column.length else fits
        case ColumnType.INTEGER:
            within = text.cast(pl.Int64, strict=False).is_between(column.minimum, column.maximum)
            return text.str.contains("^-?[0-9]{1,18}$") & within  # 18 digits always fit
        case ColumnType.DECIMAL:
            whole = column.precision - column.scale
            digits = f"0*[0-9]{{1,{whole}}}" if whole else "0+"
            fraction = rf"(?:\.[0-9]{{1,{column.scale}}})?" if column.scale else ""
            return text.str.contains(f"^{'-?' if column.signed else ''}{digits}{fraction}$")
        case ColumnType.CURRENCY:
            return text.is_in(sorted(CURRENCIES))
        case ColumnType.BOOLEAN:
            return text.str.to_lowercase().is_in(list(BOOLEANS))
        case ColumnType.ENUM:
            return text.is_in(column.choices) & (text != "")
        case _:
            return pl.lit(False)
