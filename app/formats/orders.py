"""Made-up orders, drawn a block at a time and put together column by column."""

import io
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.domain.dataset import ORDERS
from app.formats import pools as drawn

# Every block is drawn whole from its own generator, so a row depends on the seed and its number alone.
BLOCK_ROWS = 10_000
_LAST_DAY = np.datetime64("2026-10-31")  # fixed: the rows must not change with the day they are made on
_DAYS = 730

# Hundredths: what becomes of an order within 3 days, within 10, and later.
_STATUSES = (
    {"pending": 35, "paid": 48, "shipped": 12, "cancelled": 5},
    {"paid": 10, "shipped": 58, "delivered": 27, "cancelled": 5},
    {"delivered": 87, "returned": 7, "cancelled": 6},
)
_QUANTITIES = {1: 700, 2: 150, 3: 60, 4: 35, 5: 20, 6: 15, 8: 6, 10: 7, 12: 3, 20: 2, 24: 1, 100: 1}


def frames(rows: int, seed: str) -> Iterator[pl.DataFrame]:
    """The orders in blocks: `row` (the number, from 1), then the columns of the dataset, all texts."""
    for block in range(-(-rows // BLOCK_ROWS)):
        yield _block(seed, block, min(BLOCK_ROWS, rows - block * BLOCK_ROWS))


def regrouped(blocks: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of `rows`, or of some whole blocks if that is more than a block."""
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
    """The frame as lines for the server: the row number, then every value quoted."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, quote_style="non_numeric")
    return buffer.getvalue()


def _block(seed: str, block: int, rows: int) -> pl.DataFrame:
    pools = drawn.pools(_LAST_DAY, _DAYS)
    random = np.random.default_rng([int.from_bytes(seed.encode()), block])
    size = BLOCK_ROWS
    channel = pools.channel_table[random.integers(len(pools.channel_table), size=size)]
    locale = _LOCALE_OF_CHANNEL[channel]
    first = locale * drawn.FIRST_NAMES + random.integers(drawn.FIRST_NAMES, size=size)
    last = locale * drawn.LAST_NAMES + random.integers(drawn.LAST_NAMES, size=size)
    street = locale * drawn.STREETS + random.integers(drawn.STREETS, size=size)
    city = locale * drawn.CITIES + random.integers(drawn.CITIES, size=size)
    product = (random.random(size) ** 2.5 * drawn.PRODUCTS).astype(np.int64)  # few products sell most
    price = _CURRENCY_OF_CHANNEL[channel] * drawn.PRODUCTS + product
    age_days = (random.random(size) ** 1.3 * _DAYS).astype(np.int64)  # business grows: recent days have more
    stage = (age_days >= 3).astype(np.int64) + (age_days >= 10)
    second = (random.triangular(0, 16, 24, size=size) * 3600).astype(np.int64)

    def draw(pool: pl.Series, index: NDArray[np.int64]) -> pl.Series:
        return pool[index[:rows]]  # `gather` makes a query, which takes longer

    first_row = block * BLOCK_ROWS + 1
    parts = pl.DataFrame(
        {
            "row": np.arange(first_row, first_row + rows),
            "marketplace": draw(_MARKETPLACES, channel),
            "first": draw(pools.first_names, first),
            "last": draw(pools.last_names, last),
            "first_mail": draw(pools.first_mail, first),
            "last_mail": draw(pools.last_mail, last),
            "mail_end": draw(pools.mail_ends, random.integers(len(pools.mail_ends), size=size)),
            "street": draw(pools.streets, street),
            "city": draw(pools.cities, city),
            "sku": draw(pools.skus, product),
            "quantity": draw(_QUANTITY_TABLE, random.integers(len(_QUANTITY_TABLE), size=size)),
            "unit_price": draw(pools.prices, price),
            "currency": draw(_CURRENCIES, channel),
            "status": draw(_STATUS_TABLE, stage * 100 + random.integers(100, size=size)),
            "date": draw(pools.dates, _DAYS - 1 - age_days),
            "time": draw(pools.times, second),
        }
    )
    number = pl.col("row").cast(pl.String).str.zfill(7)
    return parts.select(
        "row",
        "marketplace",
        pl.concat_str(pl.lit(seed.upper() + "-"), number).alias("order_number"),
        pl.concat_str("first", "last", separator=" ").alias("customer"),
        pl.concat_str("first_mail", pl.lit("."), "last_mail", "mail_end").alias("email"),
        pl.concat_str("street", "city", separator=", ").alias("ship_to"),
        "sku",
        "quantity",
        "unit_price",
        "currency",
        "status",
        pl.concat_str("date", "time", separator=" ").alias("ordered_at"),
    ).select("row", *ORDERS.column_names)


def _table(weights: dict[str, int]) -> list[str]:
    return [value for value, weight in weights.items() for _ in range(weight)]


_MARKETPLACES = pl.Series([marketplace for marketplace, *_ in drawn.CHANNELS])
_CURRENCIES = pl.Series([currency for _, _, currency, _ in drawn.CHANNELS])
_LOCALE_OF_CHANNEL = np.array([drawn.LOCALES.index(locale) for _, locale, _, _ in drawn.CHANNELS])
_CURRENCY_OF_CHANNEL = np.array([drawn.CURRENCIES.index(currency) for _, _, currency, _ in drawn.CHANNELS])
_STATUS_TABLE = pl.Series([status for weights in _STATUSES for status in _table(weights)])
_QUANTITY_TABLE = pl.Series(_table({str(quantity): weight for quantity, weight in _QUANTITIES.items()}))
