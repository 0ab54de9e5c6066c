"""Orders near the borders of what is accepted, read the fast way and by the parsers."""

import json
from typing import Any

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.column_mapping import ColumnMapping
from app.formats.csv import parser
from app.formats.json import ndjson
from app.formats.streams.blocks import Block
from app.formats.validate import vectorized

GOOD = [
    "Amazon",
    "A17-0000001",
    "Jane Doe",
    "jane@example.com",
    "1 Main St, Springfield",
    "AB-1",
    "2",
    "12.50",
    "USD",
    "paid",
    "2026-01-02 03:04:05",
]
IN_ORDER = tuple(range(len(ORDERS.columns)))
CSV = FileFormat("csv")
AS_IT_IS = ColumnMapping(IN_ORDER, len(IN_ORDER))

NOTES = Dataset(
    "notes",
    (Column("id", ColumnType.INTEGER, minimum=-5, maximum=99), Column("note", ColumnType.TEXT, length=9)),
    ("id",),
)


def outcome(batch: Batch) -> Any:
    read = batch.first_row, batch.rows, batch.payload, batch.source_bytes, list(batch.lines or ()), list(batch.keys)
    return *read, list(batch.rejects)


def agree_on_csv(
    data: bytes, dataset: Dataset = ORDERS, order: tuple[int, ...] = IN_ORDER, file_format: FileFormat = CSV
) -> Batch | None:
    """Whether the fast way has an answer; if so, it must be the parser's."""
    block, mapping = Block(data, first_line=7, source_bytes=123), ColumnMapping(order, len(order))
    fast = vectorized.read_csv_block(block, dataset, file_format, mapping, 40)
    if fast is not None:
        assert outcome(fast) == outcome(*parser.read_block(block, dataset, file_format, mapping, 40))
    return fast


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def line(values: list[str], quote: bool = False) -> str:
    return ",".join(quoted(v) if quote or any(c in v for c in ',"\n\r') else v for v in values)


def but(column: str, value: str) -> list[str]:
    values = list(GOOD)
    values[ORDERS.column_names.index(column)] = value
    return values


# Values near the borders of what is accepted, and what parsers are known to trip over.
values_of = {
    "quantity": [
        "1",
        "000000000007",
        "0" * 5000 + "7",
        "00",
        "-0",
        "-07",
        "10",
        "1000000",
        "1000001",
        "0",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "",
        "٣",
        "9" * 18,
        "9" * 30,
    ],
    "unit_price": [
        "0",
        "0.1",
        "00012.50",
        "01.5",
        "00",
        "0.00",
        "10.5",
        "9999999999.99",
        "10000000000",
        "1.",
        ".5",
        "1.234",
        "-1",
        "1,5",
        "1e2",
        "1_0",
    ],
    "ordered_at": [
        "2026-01-02T03:04:05Z",
        "2026-01-02 03:04:05Z",
        "2024-02-29 00:00:00",
        "2026-02-29 00:00:00",
        "2026-13-01 00:00:00",
        "2026-04-31 00:00:00",
        "2026-01-02 24:00:00",
        "2026-01-02 23:59:60",
        "0999-01-01 00:00:00",
        "1000-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "2026-1-2 3:4:5",
        "2026-01-02",
        "2026-01-02 03:04:05+00:00",
        "1900-02-29 00:00:00",
    ],
    "email": [
        "a@b",
        "a@b.c",
        "a@@b",
        "@b",
        "a@",
        "a b@c",
        "a@b..c",
        "a@.b",
        "a@b.",
        "a",
        "ü@ü.de",
        'a"b@c',
        "a@b c",
        "a" * 250 + "@b.de",
    ],
    "currency": ["EUR", "eur", "XXX", "EURO", ""],
    "status": ["paid", "Paid", "paid ", "", "pending"],
    "customer": [
        "😀",
        "NULL",
        "\\N",
        "\\",
        'say "hi"',
        '"',
        "a\tb",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "\x7f",
        "\x00",
        " ",
        "\ufeff",
        "é" * 120,
        "é" * 121,
        "x" * 121,
        "😀" * 120,
        "\x85",
        "a\x80",
        "\x9fa",
        "\xa0",
        "\ufffe",
        "\uffff",
        "\ufffd",
        "\ufdd0",
        "\ufefe",
        "\U0010ffff",
        "\u2028",
        "#",
        "'",
        ",",
        ",,",
        "null",
        "",
    ],
    "marketplace": ["\ufeffAmazon", "#x", "//", " x ", "é" * 32, "é" * 33],
}


def agree_on_values(rows: list[list[str]], ensure_ascii: bool = False) -> Batch | None:
    objects = [dict(zip(ORDERS.column_names, row, strict=True)) for row in rows]
    return agree_on_ndjson("\n".join(json.dumps(o, ensure_ascii=ensure_ascii) for o in objects).encode())


def agree_on_ndjson(data: bytes) -> Batch | None:
    block = Block(data, 3, 50)
    columns = ndjson.read_columns(block, ORDERS, FileFormat("ndjson"))
    fast = columns and vectorized.check_columns(
        columns, ORDERS, 8, range(3, 3 + len(columns["sku"])), 50, vectorized.Lines(block).text
    )
    if fast:
        assert outcome(fast) == outcome(*ndjson.read_block(block, ORDERS, FileFormat("ndjson"), 8))
    return fast or None
