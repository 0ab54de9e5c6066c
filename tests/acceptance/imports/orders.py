"""Orders as files of every format."""

import csv
import io
from typing import Any

import polars as pl
import xlsxwriter

from app.domain.dataset import ORDERS

NAMES = list(ORDERS.column_names)


def order(number: int, **changes: str) -> list[str]:
    row = dict(
        zip(
            NAMES,
            [
                "Bay",
                f"N-{number}",
                "Jörg Ä",
                "j@x.de",
                "Weg 1, Köln",
                "S-1",
                "2",
                "12.50",
                "EUR",
                "paid",
                "2026-01-02 03:04:05",
            ],
            strict=True,
        )
    )
    return list((row | changes).values())


def as_csv(rows: list[list[str]], header: list[str] | None = None, **dialect: Any) -> str:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows([header or NAMES, *rows])
    return text.getvalue()


def as_xlsx(rows: list[list[str]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet("Notes").write(0, 0, "nothing here")
        sheet = book.add_worksheet("Orders")
        for at, row in enumerate([NAMES, *rows]):
            for column, value in enumerate(row):
                sheet.write(at, column, float(value) if at and NAMES[column] in ("quantity", "unit_price") else value)
    return file.getvalue()


def as_parquet(rows: list[list[str]]) -> bytes:
    file = io.BytesIO()
    frame = pl.DataFrame(rows, schema=NAMES, orient="row")
    frame.with_columns(
        pl.col("quantity").cast(pl.Int32),
        pl.col("unit_price").cast(pl.Decimal(12, 2)),
        pl.col("ordered_at").str.to_datetime("%Y-%m-%d %H:%M:%S"),
    ).write_parquet(file)
    return file.getvalue()


ROWS = [order(number) for number in range(1, 301)]
OBJECTS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
