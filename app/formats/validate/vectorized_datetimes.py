"""Vectorised validation of dates and times, by the rules of `datetimes`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

import polars as pl

from app.domain.dataset import Column, ColumnType
from app.formats.errors import BadValue
from app.formats.validate.columns import value_validator_for

_DAY_BYTES = 10
_DAY = "[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_MIDNIGHT = "[ T]00:00:00"
_MOMENT_BYTES = 19
_OFFSET = "(?: ?(?:UTC|[+-][0-9]{2}(?::?[0-5][0-9])?)|Z)"
_HOURS_KEPT = 100_000  # eleven years


def check_each(texts: pl.Series, column: Column) -> tuple[pl.Series, pl.Series]:
    """The column's values for the server, and which of them are valid (null for null). Validates each distinct value
    once with `columns`."""
    check = value_validator_for(column)
    plain: dict[str, str] = {}
    for text in texts.unique().drop_nulls():
        try:
            plain[text] = check(text)
        except BadValue:
            continue
    if not plain:
        return texts, texts.is_in([])
    return texts.replace_strict(plain, default=None, return_dtype=pl.String), texts.is_in(list(plain))


def normalize_datetimes(texts: pl.Series, column: Column) -> tuple[pl.Series, pl.Series]:
    """The column's values for the server, and which of them are valid beyond doubt (null for null)."""
    if column.formats or column.serial or column.zones:
        return check_each(texts, column)
    if column.type is ColumnType.DATE:
        if texts.str.contains(_MIDNIGHT).any():
            return check_each(texts, column)
        return texts, (texts.str.len_bytes() == _DAY_BYTES) & _real_days(texts)
    fraction = rf"(?:\.[0-9]{{1,{column.scale}}})?" if column.scale else ""
    if column.zone == "UTC":
        well_formed = _followed_by(texts, f"^ {_TIME}{fraction}$")
        if well_formed.all():
            return texts, well_formed & _real_days(texts)
        well_formed = _followed_by(texts, f"^[ T]{_TIME}{fraction}Z?$")
        if well_formed.all():
            text = pl.col(texts.name).str
            plain = texts.to_frame().select(
                pl.concat_str(text.slice(0, _DAY_BYTES), pl.lit(" "), text.slice(_DAY_BYTES + 1).str.strip_suffix("Z"))
            )
            return plain.to_series().alias(texts.name), well_formed & _real_days(texts)
    return _shifted(texts, column)


def _followed_by(texts: pl.Series, pattern: str) -> pl.Series:
    """Which texts match the pattern after the day."""
    return texts.to_frame("").select(pl.col("").str.slice(_DAY_BYTES).str.contains(pattern)).to_series()


def _real_days(texts: pl.Series) -> pl.Series:
    """Which texts begin with a date that exists. Distinct dates are few, so each is checked once."""
    days = texts.str.slice(0, _DAY_BYTES).alias("day")
    real = (
        days.unique()
        .to_frame()
        .filter(
            pl.col("day").str.contains(f"^{_DAY}$"), pl.col("day").str.to_date("%Y-%m-%d", strict=False).is_not_null()
        )
    )
    return days.is_in(real.to_series().implode())


def _shifted(texts: pl.Series, column: Column) -> tuple[pl.Series, pl.Series]:
    """Converts to UTC with the shift of each hour, which is usually the same for the whole hour."""
    offset = _OFFSET if column.offsets else "(?: ?UTC|Z)"
    scale = column.scale
    zeros = rf"(?:\.[0-9]{{1,{scale}}}0*)?" if scale else r"(?:\.0+)?"
    parts = texts.to_frame("text").select(
        well_formed=pl.col("text").str.contains(f"^{_DAY}[ T]{_TIME}{zeros}{offset}?$"),
        moment=pl.concat_str(pl.col("text").str.slice(0, 10), pl.lit(" "), pl.col("text").str.slice(11, 8)),
        fraction=pl.col("text").str.extract(rf"(\.[0-9]{{1,{scale}}})", 1).fill_null("") if scale else pl.lit(""),
        hour=pl.concat_str(
            pl.col("text").str.slice(0, 13),
            pl.col("text").str.slice(_MOMENT_BYTES).str.extract(f"({offset})$", 1).fill_null(""),
        ),
    )
    hours = parts.filter("well_formed").select(pl.col("hour").unique())
    shift_of = _shifts(column)
    shifts = hours.with_columns(shift=pl.Series([shift_of(hour) for hour in hours.to_series()], dtype=pl.Int64))
    parts = parts.join(shifts, on="hour", how="left", maintain_order="left").with_columns(
        utc=pl.col("moment").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
        - pl.duration(seconds="shift")
    )
    plain = parts.select(
        pl.concat_str(pl.col("utc").dt.to_string("%Y-%m-%d %H:%M:%S"), "fraction").alias(texts.name)
    ).to_series()
    accepted = parts.select(
        pl.when(pl.col("well_formed").is_not_null()).then(
            pl.col("well_formed") & pl.col("utc").dt.year().is_between(1000, 9999).fill_null(False)
        )
    ).to_series()
    return plain, accepted


@lru_cache(maxsize=16)
def _shifts(column: Column) -> Callable[[str], int | None]:
    """A function from an hour, such as 2026-11-22T08 with its offset, to the seconds by which it is ahead of UTC; None
    if they may differ within the hour."""
    check = value_validator_for(column)

    @lru_cache(maxsize=_HOURS_KEPT)
    def shift(hour: str) -> int | None:
        found = set()
        for clock in (":00:00", ":59:59"):
            try:
                utc = datetime.fromisoformat(check(hour[:13] + clock + hour[13:]))
            except BadValue:
                return None
            found.add(datetime.fromisoformat(hour[:13] + clock) - utc)
        return int(found.pop() / timedelta(seconds=1)) if len(found) == 1 else None

    return shift
