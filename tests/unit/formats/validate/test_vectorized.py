"""The fast way must accept only what the parsers accept, and make the same of it."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.column_mapping import ColumnMapping
from app.formats.csv import parser
from app.formats.json import ndjson
from app.formats.streams.blocks import Block
from app.formats.validate import vectorized
from app.formats.validate.columns import MISREAD
from app.formats.validate.vectorized_columns import holds_misread
from tests.fuzz.examples import examples

pytestmark = pytest.mark.slow

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


@pytest.mark.parametrize(("column", "value"), [(c, v) for c, values in values_of.items() for v in values])
@pytest.mark.parametrize("quote", [False, True])
def test_values_near_the_borders_fare_alike(column: str, value: str, quote: bool) -> None:
    bad = line(but(column, value), quote)
    agree_on_csv(f"{bad}\n".encode())
    agree_on_csv(f"{line(GOOD)}\r\n{bad}\r\n{line(GOOD)}".encode())
    agree_on_values([GOOD, but(column, value)])
    agree_on_values([but(column, value), GOOD], ensure_ascii=True)


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


@pytest.mark.parametrize(
    "values",
    [
        GOOD,
        but("customer", 'Jane "JD" Doe'),
        but("customer", '"'),
        but("customer", "NULL"),
        but("customer", "\\N"),
        but("customer", "😀" * 120),
        but("ship_to", "大阪市, 日本"),
        but("quantity", "1000000"),
        but("ship_to", "«£50» … \xa0½"),
        but("ordered_at", "2024-02-29T23:59:59Z"),
        but("email", "ü@ü"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_what_is_usual_takes_the_fast_way(values: list[str], ending: str) -> None:
    assert agree_on_csv(f"{line(GOOD)}\r\n{line(values, quote=True)}\n{line(values)}{ending}".encode()) is not None
    assert agree_on_values([GOOD, values]) is not None
    assert agree_on_values([values, GOOD], ensure_ascii=True) is not None


@pytest.mark.parametrize(
    "data",
    [
        line(GOOD) + "\r",  # a carriage return without its line feed: polars strips it
        line(GOOD[:-1]) + "\n",  # a short row, which polars pads
        line(GOOD) + ",\n",
        line(GOOD) + ",x\n",
        "\ufeff" + line(GOOD),  # a byte order mark where it is text: polars skips it
        line(GOOD).replace("Jane", 'Ja"ne"'),
        line(GOOD).replace("Jane Doe", '"Jane" Doe'),
        line(GOOD).replace("Jane Doe", ' "Jane Doe"'),
        line(GOOD).replace("Jane Doe", '"Jane Doe'),
        line(GOOD).replace("Jane Doe", '""Jane Doe""'),
        line(GOOD).replace("Jane Doe", '"Jane\nDoe"'),
        line(GOOD).replace("Jane Doe", "Jane\tDoe"),
        '"' + line(GOOD),
        line(GOOD) + '"',
    ],
)
def test_what_polars_forgives_is_left_to_the_parser(data: str) -> None:
    block = Block(data.encode(), 1, 0)
    assert vectorized.read_csv_block(block, ORDERS, CSV, AS_IT_IS, 1) is None


def test_bytes_that_are_no_utf8_are_left_to_the_parser() -> None:
    data = line(GOOD).encode().replace(b"Jane", b"J\xe4ne")
    assert vectorized.read_csv_block(Block(data, 1, 0), ORDERS, CSV, AS_IT_IS, 1) is None


fields = st.one_of(
    st.sampled_from([value for values in values_of.values() for value in values] + GOOD),
    st.text(alphabet=st.sampled_from('ab1,"\n\r @.é😀\ufeff\x00\t'), max_size=6),
)
rows = st.builds(but, st.sampled_from(ORDERS.column_names), fields)
odd_rows = st.one_of(rows, st.just(GOOD), st.lists(fields, max_size=13))
lines = st.one_of(
    st.builds(line, odd_rows, st.booleans()),
    st.builds(",".join, odd_rows),  # with every quote where it does not belong
)


@settings(deadline=None, max_examples=examples(300))
@given(st.lists(st.tuples(lines, st.sampled_from(["\n", "\r\n", "\r", "\n\n", ""])), min_size=1, max_size=5))
def test_any_lines_fare_alike(parts: list[tuple[str, str]]) -> None:
    agree_on_csv("".join(text + ending for text, ending in parts).encode())


@settings(deadline=None, max_examples=examples(500))
@given(
    st.lists(
        st.sampled_from(
            ["1", "-5", "-0", "99", "x", "é", ",", '"', '""', '","', "\n", "\r\n", "\r", "1,x\n", " ", "\ufeff"]
        ),
        min_size=1,
        max_size=24,
    )
)
@example(['"', '"', "1", '"', '"', ",", "x", "\n"])
@example(["1", ",", '"', "x", '"', '"', "\n"])
def test_any_punctuation_fares_alike(parts: list[str]) -> None:
    for file_format in (
        CSV,
        FileFormat("csv", quote="'"),
        FileFormat("csv", delimiter=";"),
        FileFormat("csv", delimiter="\t", quote=""),
    ):
        text = "".join(parts).replace(",", file_format.delimiter)
        agree_on_csv(
            (text.replace('"', file_format.quote) if file_format.quote else text).encode(), NOTES, (0, 1), file_format
        )
    agree_on_csv("".join(parts).encode(), NOTES, (1, 0))


@settings(deadline=None, max_examples=examples(200))
@given(st.lists(st.one_of(rows, st.just(GOOD)), min_size=1, max_size=4))
def test_any_values_fare_alike(values: list[list[str]]) -> None:
    agree_on_values(values)


OBJECT = json.dumps(dict(zip(ORDERS.column_names, GOOD, strict=True)) | {"quantity": 2})
pieces = st.sampled_from(
    [
        *'"{},: \t\r\n\\',
        "0",
        "2",
        "-",
        "1e3",
        "2.0",
        "02",
        "null",
        '\\"',
        "\\u00e9",
        '"x":',
        '", "',
        ', "sku": "a"',
        "\x7f",
        "}\n{",
    ]
)


@settings(deadline=None, max_examples=examples(500))
@given(st.integers(0, len(OBJECT)), st.integers(0, 12), st.lists(pieces, max_size=3), st.booleans())
def test_any_change_of_an_object_fares_alike(at: int, gone: int, instead: list[str], first: bool) -> None:
    changed = OBJECT[:at] + "".join(instead) + OBJECT[at + gone :]
    agree_on_ndjson("\n".join([changed, OBJECT, OBJECT] if first else [OBJECT, changed, OBJECT]).encode())


@pytest.mark.parametrize(
    ("changed", "fast"),
    [
        (OBJECT, True),
        (OBJECT.replace(": ", ":").replace(", ", ","), True),
        (" {\t" + OBJECT[1:] + " \r", True),
        (OBJECT.replace(": 2,", ': "2",'), True),
        (OBJECT.replace("Jane", "J\\u00e4ne"), True),
        (OBJECT.replace(": 2,", ": 02,"), False),  # no JSON
        (OBJECT.replace(": 2,", ": -2,"), True),
        (OBJECT.replace("Jane", "J\tne"), False),
        (OBJECT.replace("Jane", "J\\ud800ne"), False),
        (OBJECT + OBJECT, False),
        (OBJECT[:-1] + ', "sku": "AB-1"}', False),
        (OBJECT.replace('"sku"', '"status"'), False),
        ("", False),
    ],
)
def test_objects_that_differ_from_the_first(changed: str, fast: bool) -> None:
    assert (agree_on_ndjson(f"{OBJECT}\n{changed}\n{OBJECT}\n".encode()) is not None) == fast
    assert (agree_on_ndjson(f"{changed}\n{OBJECT}".encode()) is not None) == fast
    assert (agree_on_ndjson(changed.encode()) is not None) == fast


@settings(deadline=None, max_examples=examples(200))
@given(
    st.lists(
        st.tuples(st.integers(-5, 99), st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9)),
        min_size=1,
    ),
    st.booleans(),
)
def test_every_good_row_takes_the_fast_way(pairs: list[tuple[int, str]], quote: bool) -> None:
    data = "".join(line([note, str(number)], quote) + "\n" for number, note in pairs)
    assert agree_on_csv(data.encode(), NOTES, (1, 0)) is not None


def test_what_texts_do_not_hold_is_found_wherever_it_stands() -> None:
    odd = re.compile(f"[{MISREAD}]")
    for code in (*range(0x300), *range(0xFDC0, 0x10000), 0x2028, 0x1FFFE, 0x1F600, 0x10FFFF):
        text = chr(code)
        for data in (text, f"x{text}", f"{text}é", f"é大😀{text}\n"):
            assert holds_misread(data.encode()) is bool(odd.search(data)), hex(code)
    for data in (b"", b"\xc2", b"\xef\xbb\n", b"\xc3\x80"):
        assert not holds_misread(data)
