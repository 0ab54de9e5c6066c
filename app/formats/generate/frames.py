"""Generates orders block by block, column by column."""

import io
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl

from app.domain.dataset import ORDERS
from app.formats.generate import values as drawn

# Each block has its own random generator, so a row depends on the seed and its number alone.
BLOCK_ROWS = 10_000
_LAST_DAY = np.datetime64("2026-10-31")  # fixed: the rows must be the same every day
_DAYS = 730

# Percentages: the status of an order within 3 days, within 10, and later.
_STATUSES = (
    {"pending": 35, "paid": 48, "shipped": 12, "cancelled": 5},
    {"paid": 10, "shipped": 58, "delivered": 27, "cancelled": 5},
    {"delivered": 87, "returned": 7, "cancelled": 6},
)
_QUANTITIES = {1: 700, 2: 150, 3: 60, 4: 35, 5: 20, 6: 15, 8: 6, 10: 7, 12: 3, 20: 2, 24: 1, 100: 1}


def frames(rows: int, seed: str) -> Iterator[pl.DataFrame]:
    """The orders in blocks: `row` (the number from 1), then the dataset's columns as texts."""
    for block in range(-(-rows // BLOCK_ROWS)):
        yield _block(seed, block, min(BLOCK_ROWS, rows - block * BLOCK_ROWS))


def regrouped(blocks: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of `rows`; in frames of whole blocks if `rows` is more than a block."""
    if rows < BLOCK_ROWS:
        for block in blocks:
            yield from block.iter_slices(rows)
        return
    group: list[pl.DataFrame] = []
    for block in blocks:
        group.append(block)
        if (len(group) + 1) * BLOCK_ROWS > rows:
            yield pl.concat(group)
            group = []
    if group:
        yield pl.concat(group)


def payload(frame: pl.DataFrame) -> bytes:
    """The frame as a payload: the row number, then every value quoted."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, quote_style="non_numeric")
    return buffer.getvalue()


def _block(seed: str, block: int, rows: int) -> pl.DataFrame:
    pools = drawn.pools(_LAST_DAY, _DAYS)
    random = np.random.default_rng([int.from_bytes(seed.encode()), block])

    def any_of(count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return random.integers(count, size=BLOCK_ROWS)[:rows]

    def fraction() -> np.ndarray[Any, np.dtype[np.float64]]:
        return random.random(BLOCK_ROWS)[:rows]

    channel = pools.channel_table[any_of(len(pools.channel_table))]
    locale = _LOCALE_OF_CHANNEL[channel]
    first = locale * drawn.FIRST_NAMES + any_of(drawn.FIRST_NAMES)
    last = locale * drawn.LAST_NAMES + any_of(drawn.LAST_NAMES)
    street = locale * drawn.STREETS + any_of(drawn.STREETS)
    city = locale * drawn.CITIES + any_of(drawn.CITIES)
    product = (fraction() ** 2.5 * drawn.PRODUCTS).astype(np.int64)  # few products sell often
    price = _CURRENCY_OF_CHANNEL[channel] * drawn.PRODUCTS + product
    age_days = (fraction() ** 1.3 * _DAYS).astype(np.int64)  # recent days have more orders
    stage = (age_days >= 3).astype(np.int64) + (age_days >= 10)
    second = (random.triangular(0, 16, 24, size=BLOCK_ROWS)[:rows] * 3600).astype(np.int64)

    index = {
        "marketplace": channel,
        "first": first,
        "last": last,
        "first_mail": first,
        "last_mail": last,
        "mail_end": any_of(len(pools.mail_ends)),
        "street": street,
        "city": city,
        "sku": product,
        "quantity": any_of(len(_QUANTITY_TABLE)),
        "unit_price": price,
        "currency": channel,
        "status": stage * 100 + any_of(100),
        "date": _DAYS - 1 - age_days,
        "time": second,
    }
    texts, starts = _texts()
    # for small frames one gather is ten times as fast as one for each column
    column = texts[np.concatenate([starts[name] + place for name, place in index.items()])]
    first_row = block * BLOCK_ROWS + 1
    parts = pl.DataFrame(
        [
            pl.Series("row", np.arange(first_row, first_row + rows)),
            *(column.slice(at * rows, rows).alias(name) for at, name in enumerate(index)),
        ]
    )
    number = pl.col("row").cast(pl.String).str.zfill(7)
    made = {
        "order_number": pl.concat_str(pl.lit(seed.upper() + "-"), number),
        "customer": pl.concat_str("first", "last", separator=" "),
        "email": pl.concat_str("first_mail", pl.lit("."), "last_mail", "mail_end"),
        "ship_to": pl.concat_str("street", "city", separator=", "),
        "ordered_at": pl.concat_str("date", "time", separator=" "),
    }
    return parts.select("row", *(made.get(name, pl.col(name)).alias(name) for name in ORDERS.column_names))


@cache
def _texts() -> tuple[pl.Series, dict[str, int]]:
    """All pools in one series, and where the pool of each part begins in it."""
    pools = drawn.pools(_LAST_DAY, _DAYS)
    parts = {
        "marketplace": _MARKETPLACES,
        "first": pools.first_names,
        "last": pools.last_names,
        "first_mail": pools.first_mail,
        "last_mail": pools.last_mail,
        "mail_end": pools.mail_ends,
        "street": pools.streets,
        "city": pools.cities,
        "sku": pools.skus,
        "quantity": _QUANTITY_TABLE,
        "unit_price": pools.prices,
        "currency": _CURRENCIES,
        "status": _STATUS_TABLE,
        "date": pools.dates,
        "time": pools.times,
    }
    ends = accumulate(len(part) for part in parts.values())
    starts = {name: end - len(part) for (name, part), end in zip(parts.items(), ends, strict=True)}
    return pl.concat(parts.values(), rechunk=True), starts


def _table(weights: dict[str, int]) -> list[str]:
    return [value for value, weight in weights.items() for _ in range(weight)]


_MARKETPLACES = pl.Series([marketplace for marketplace, *_ in drawn.CHANNELS])
_CURRENCIES = pl.Series([currency for _, _, currency, _ in drawn.CHANNELS])
_LOCALE_OF_CHANNEL = np.array([drawn.LOCALES.index(locale) for _, locale, _, _ in drawn.CHANNELS])
_CURRENCY_OF_CHANNEL = np.array([drawn.CURRENCIES.index(currency) for _, _, currency, _ in drawn.CHANNELS])
_STATUS_TABLE = pl.Series([status for weights in _STATUSES for status in _table(weights)])
_QUANTITY_TABLE = pl.Series(_table({str(quantity): weight for quantity, weight in _QUANTITIES.items()}))
