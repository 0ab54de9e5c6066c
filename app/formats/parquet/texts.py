"""Converts Parquet's types to texts that columns can validate, without a loss. Other types are refused.

Polars is imported inside the functions, as in `table`.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from app.domain.dataset import Column, ColumnType
from app.domain.errors import ImportFailed
from app.formats.parquet.schema import Leaf
from app.formats.validate.columns import excerpt

if TYPE_CHECKING:
    import polars as pl

_MAX_WIDE_BYTES = 32
_MAX_SHOWN_BYTES = 200  # of a value that is not text
_EPOCH = 2_440_588  # the Julian day's number of 1970-01-01
_DAY_NANOSECONDS = 86_400 * 10**9
_CLOCK = "%H:%M:%S%.9f"
# Polars panics if it formats a date a few years outside of these.
_FIRST_YEAR, _LAST_YEAR = -262_000, 262_000
_DAYS_OF_A_YEAR = 365.2425
_NANOSECONDS = {"ms": 10**6, "us": 10**3, "ns": 1}


def as_text(name: str, type: "pl.DataType", target: Column, leaf: Leaf | None = None) -> "pl.Expr":
    """The column's values as texts for the validator of `target`. The file must be `redeclared` if the column needs it.

    Raises ImportFailed (unsupported_type).
    """
    import polars as pl  # noqa: PLC0415

    column = pl.col(name)
    if isinstance(type, pl.Binary) and leaf and leaf.scale is not None:
        scale = leaf.scale
        return column.map_elements(lambda data: _wide_decimal(data, scale), return_dtype=pl.String, skip_nulls=True)
    if isinstance(type, pl.Datetime) and leaf and leaf.is_date:
        return column.cast(pl.Date).cast(pl.String)  # Arrow's date64: milliseconds for days
    if isinstance(type, pl.Datetime):
        if leaf and leaf.is_int96:
            text = _int96_text(column)
        else:
            if type.time_zone is not None:
                column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            text = column.cast(pl.String).str.replace(r"\.0+$", "")
        if target.type is ColumnType.DATETIME and target.scale:
            text = _without_zeros(text)
        if type.time_zone is not None:
            in_zone = target.type is ColumnType.DATE or (target.type is ColumnType.DATETIME and target.zone != "UTC")
            # else it would be in the column's zone; as a date it has none, so that its midnight may be another day's
            return text + ("Z" if target.type is ColumnType.DATETIME else " UTC") if in_zone else text
        # some writers have no type for dates alone
        return text.str.strip_suffix(" 00:00:00") if target.type is ColumnType.DATE else text
    if isinstance(type, pl.Time) and leaf and leaf.clock:
        clock = (column.cast(pl.Int64) * _NANOSECONDS[leaf.clock]).cast(pl.Time)
        return _without_zeros(clock.dt.to_string(_CLOCK))  # a cast drops the second's fraction
    if type.is_float():
        if type == pl.Float16:
            column = column.cast(pl.Float64)  # else it is written with the digits of 32 bits
        text = column.cast(pl.String)
        with_exponent = text.str.contains("e", literal=True)
        plain = text.map_elements(_without_exponent, return_dtype=pl.String, skip_nulls=True)
        return pl.when(with_exponent).then(plain).otherwise(text.str.replace(r"\.0$", ""))
    known = (pl.String, pl.Boolean, pl.Date, pl.Categorical, pl.Enum, pl.Null)
    if type.is_integer() or type.is_decimal() or isinstance(type, known):
        return column.cast(pl.String)
    what = f"the column {excerpt(name)!r} holds {excerpt(str(type))}"
    reason = f"{what}, which is not text, number, date or time; write it as text"
    raise ImportFailed("unsupported_type", reason, column=excerpt(name))


def is_beyond_calendar(name: str, type: "pl.DataType", leaf: Leaf | None) -> "pl.Expr | None":
    """Whether a value of the column is a date or time that can't be written; None for other types of columns."""
    import polars as pl  # noqa: PLC0415

    if isinstance(type, pl.Time) and leaf and leaf.clock:
        return (~pl.col(name).is_between(0, _DAY_NANOSECONDS // _NANOSECONDS[leaf.clock] - 1)).any()
    if isinstance(type, pl.Datetime):
        if leaf and leaf.is_int96:
            days = _int96_parts(pl.col(name))[0]
        else:
            days = pl.col(name).to_physical().cast(pl.Int64) // (_DAY_NANOSECONDS // _NANOSECONDS[type.time_unit])
    elif isinstance(type, pl.Date):
        days = pl.col(name).to_physical().cast(pl.Int64)
    else:
        return None
    first, last = (int((year - 1970) * _DAYS_OF_A_YEAR) for year in (_FIRST_YEAR, _LAST_YEAR))
    return (~days.is_between(first, last)).any()


def _int96_parts(column: "pl.Expr") -> "tuple[pl.Expr, pl.Expr]":
    """The days since 1970 and the nanoseconds since midnight."""
    import polars as pl  # noqa: PLC0415

    nanoseconds = column.bin.slice(0, 8).bin.reinterpret(dtype=pl.Int64, endianness="little")
    days = column.bin.slice(8, 4).bin.reinterpret(dtype=pl.UInt32, endianness="little").cast(pl.Int64)
    return days - _EPOCH + nanoseconds // _DAY_NANOSECONDS, nanoseconds % _DAY_NANOSECONDS


def _int96_text(column: "pl.Expr") -> "pl.Expr":
    import polars as pl  # noqa: PLC0415

    days, nanoseconds = _int96_parts(column)
    clock = nanoseconds.cast(pl.Time).dt.to_string(_CLOCK).str.replace(r"\.0+$", "")
    return pl.concat_str(days.cast(pl.Int32).cast(pl.Date).cast(pl.String), pl.lit(" "), clock)


def _without_zeros(text: "pl.Expr") -> "pl.Expr":
    """Times without the zeros at the end of a second's fraction."""
    import polars as pl  # noqa: PLC0415

    with_fraction = text.str.contains(".", literal=True)
    return pl.when(with_fraction).then(text.str.strip_chars_end("0").str.strip_suffix(".")).otherwise(text)


def _wide_decimal(data: bytes, scale: int) -> str:
    """A decimal of more than 38 digits. Raises ValueError for what is none."""
    if not 1 <= len(data) <= _MAX_WIDE_BYTES:
        raise ValueError(f"a decimal has {len(data)} bytes")
    number = int.from_bytes(data, "big", signed=True)
    digits = str(abs(number)).zfill(scale + 1)
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    return f"{'-' * (number < 0)}{whole}{'.' * bool(fraction)}{fraction}"


def _without_exponent(number: str) -> str:
    return format(Decimal(number), "f") if "e" in number else number


def preview_text(name: str, type: "pl.DataType") -> "pl.Expr":
    """What a preview shows for values that are not text."""
    import polars as pl  # noqa: PLC0415

    column = pl.col(name)
    if isinstance(type, pl.Binary):
        return pl.concat_str(pl.lit("0x"), column.bin.slice(0, _MAX_SHOWN_BYTES).bin.encode("hex"))
    return pl.when(column.is_not_null()).then(pl.lit(str(type)))
