"""Digits that a CSV file has as a formula are loaded as a text, and nothing else is."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.detection import detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.reader import check_head, read_rows
from app.formats.streams import decoding
from app.formats.streams.decoding import open_text
from app.formats.streams.formulas import texts_for_formulas
from app.formats.streams.source import Readable
from tests.unit.formats.json.test_array import Pieces

PAIR = Dataset(
    "p", (Column("a", ColumnType.TEXT, length=60), Column("b", ColumnType.INTEGER, maximum=99, nullable=True)), ()
)


def load(path: Path, text: str, **options: str) -> list[tuple[str | None, ...]]:
    path.write_text(text, encoding="utf-8", newline="")
    file_format = detect(None, None, text.encode(), PAIR, parse_options(options))
    check_head(path, PAIR, file_format)
    batches = list(read_rows(path, PAIR, file_format, 1 << 20))
    for batch in batches:
        for bad in batch.rejects:
            raise bad.as_failure()
    return [values for batch in batches for _, values in read_payload(batch.payload)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('="00123",1', ("00123", "1")),
        ('"=""00123""",1', ("00123", "1")),
        ('="00123",="12"', ("00123", "12")),
        ('"=""007""","=""8"""', ("007", "8")),
        ('="1"', None),  # too few fields
        ('"=""abc""",1', ('="abc"', "1")),
        ('"=""00123"" ",1', ('="00123" ', "1")),
        ('" =""00123""",1', (' ="00123"', "1")),
        ('"x=""00123""",1', ('x="00123"', "1")),
        ('"=""""",1', ('=""', "1")),
        ('"a,=""1"",b",1', ('a,="1",b', "1")),
        ('"a\n=""1""\nb",1', None),  # a text of one line only is accepted here
        ("=00123,1", ("=00123", "1")),
        ('="12,1', ('="12', "1")),  # quotes are part of the values if no field begins with one
        ('="1"x,1', ('="1"x', "1")),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_fields_that_are_digits_in_a_formula(
    tmp_path: Path, row: str, expected: tuple[str, ...] | None, end: str
) -> None:
    text = end.join(["a,b", row, "z,2", ""])
    if expected is None or (end == "\r" and row in ('="12,1', '="1"x,1')):
        with pytest.raises(ImportFailed):
            load(tmp_path / "o", text)
    else:
        assert load(tmp_path / "o", text) == [expected, ("z", "2")]


def test_other_dialects(tmp_path: Path) -> None:
    assert load(tmp_path / "o", 'a;b\n="01";2\n') == [("01", "2")]
    assert load(tmp_path / "o", 'a<>b\n="01"<>="2"\n', delimiter="<>") == [("01", "2")]
    assert load(tmp_path / "o", "a,b\n'=\"01\"',2\n", quote="'") == [('="01"', "2")]
    assert load(tmp_path / "o", 'a,b\n="01",2\n', quote="none") == [('="01"', "2")]
    with pytest.raises(ImportFailed, match="leading zeros"):
        load(tmp_path / "o", 'a,b\nx,="02"\n')


def read_all(stream: Readable, size: int) -> bytes:
    parts = []
    while piece := stream.read(size):
        parts.append(piece)
    return b"".join(parts)


fields = st.lists(st.sampled_from(['="', '""', '"', "=", "01", "7", ",", "\n", "\r", "x"]), max_size=24).map("".join)


@given(fields, st.integers(1, 7))
@settings(max_examples=400)
def test_it_makes_no_difference_where_a_piece_ends(text: str, size: int) -> None:
    """And with the quotes of a sound file nothing inside a field is changed."""
    whole = read_all(open_text(Pieces(text), FileFormat("csv")), 1 << 20)
    original, decoding._PIECE_BYTES = decoding._PIECE_BYTES, 1
    try:
        parts = read_all(open_text(Pieces(text, size), FileFormat("csv")), size)
    finally:
        decoding._PIECE_BYTES = original
    assert parts == whole


@given(st.lists(st.text(st.sampled_from('="0,\n'), max_size=12), min_size=2, max_size=5))
@settings(max_examples=400)
def test_only_whole_fields_are_changed(values: list[str]) -> None:
    row = ",".join('"' + value.replace('"', '""') + '"' for value in values) + "\n"
    meant = [found[1] if (found := re.fullmatch('="([0-9]{1,40})"', value)) else value for value in values]
    expected = ",".join('"' + value.replace('"', '""') + '"' for value in meant) + "\n"
    assert texts_for_formulas(row.encode(), [b","]).decode() == expected
