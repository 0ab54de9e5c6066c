"""The fast way must accept only what the parsers accept, and make the same of it."""

import re

import pytest
from hypothesis import example, given, settings, strategies as st

from app.domain.dataset import ORDERS
from app.domain.file_format import FileFormat
from app.formats.streams.blocks import Block
from app.formats.validate import vectorized
from app.formats.validate.columns import MISREAD
from app.formats.validate.vectorized_columns import holds_misread
from tests.fuzz.examples import examples
from tests.unit.formats.validate.comparing import (
    AS_IT_IS,
    CSV,
    GOOD,
    NOTES,
    agree_on_csv,
    agree_on_values,
    but,
    line,
    values_of,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("column", "value"), [(c, v) for c, values in values_of.items() for v in values])
@pytest.mark.parametrize("quote", [False, True])
def test_values_near_the_borders_fare_alike(column: str, value: str, quote: bool) -> None:
    bad = line(but(column, value), quote)
    agree_on_csv(f"{bad}\n".encode())
    agree_on_csv(f"{line(GOOD)}\r\n{bad}\r\n{line(GOOD)}".encode())
    agree_on_values([GOOD, but(column, value)])
    agree_on_values([but(column, value), GOOD], ensure_ascii=True)


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
