"""Stray quotes: they are values only if no field of the whole file begins with a quote."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.csv.stray_quotes import is_unquoted
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import FormatOptions
from app.formats.reader import read_rows

NOTES = Dataset(
    "notes", (Column("id", ColumnType.INTEGER, maximum=10**9), Column("note", ColumnType.TEXT, length=60)), ()
)
STRAY = '1,27" screen\n'


class Pieces:
    """A stream that comes in pieces."""

    position = 0

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = data, size

    def read(self, size: int) -> bytes:
        piece, self._data = self._data[: self._size], self._data[self._size :]
        return piece


def rows(path: Path, data: bytes, batch_bytes: int = 1 << 16) -> tuple[int, int]:
    """How many rows were accepted, and how many were not."""
    path.write_bytes(data)
    file_format = detect(path.name, None, data[:HEAD_BYTES], NOTES, FormatOptions())
    batches = list(read_rows(path, NOTES, file_format, batch_bytes))
    return sum(batch.rows for batch in batches), sum(len(batch.rejects) for batch in batches)


@pytest.mark.parametrize("batch_bytes", [16, 1 << 16])
@pytest.mark.parametrize("packed", [False, True])
def test_one_quoted_field_at_the_end_decides_for_all(tmp_path: Path, batch_bytes: int, packed: bool) -> None:
    plain = "id,note\n" + STRAY + "2,x\n" * 2000
    data = plain.encode()
    quoted = (plain + '3,"x"\n').encode()
    if packed:
        data, quoted = gzip.compress(data), gzip.compress(quoted)
    assert rows(tmp_path / "f.csv", data, batch_bytes) == (2001, 0)
    assert rows(tmp_path / "f.csv", quoted, batch_bytes) == (2001, 1)


def test_the_first_stray_quote_may_come_late(tmp_path: Path) -> None:
    """Far behind what detection has seen, and with an odd number of quotes until the end."""
    data = ("id,note\n" + "2,x\n" * 100_000 + STRAY + "2,y\n" * 100_000).encode()
    assert rows(tmp_path / "f.csv", data, 1 << 20) == (200_001, 0)


@given(
    st.lists(st.sampled_from(['"', ",", " ", "\n", "\r\n", "x"]), max_size=40).map("".join),
    st.integers(1, 12),
    st.integers(0, 2),
)
def test_the_pieces_make_no_difference(text: str, size: int, marks: int) -> None:
    data = ("\ufeff" * marks + text).encode()
    fields = [field for line in text.replace("\r\n", "\n").split("\n") for field in line.split(",")]
    expected = not any(field.lstrip(" ").startswith('"') for field in fields)
    for step in (size, len(data) or 1):
        assert is_unquoted(Pieces(data, step if step > 3 * marks else len(data) or 1), FileFormat("csv")) is expected


@pytest.mark.parametrize("text", ['  "x"', 'a,  "x"', f'a,{" " * 300}"x"', f'{" " * 300}"x"', f'a\n{" " * 99}\t "x"'])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_quote_after_blanks_begins_a_field_in_whichever_piece(text: str, delimiter: str) -> None:
    data, file_format = text.replace(",", delimiter).encode(), FileFormat("csv", delimiter=delimiter)
    assert not any(is_unquoted(Pieces(data, size), file_format) for size in (1, 2, 3, 100, 1000))


@pytest.mark.parametrize("text", ["a\rb", "a\rb\r", "a\r", "\ra"])
def test_lone_carriage_returns_are_in_doubt(text: str) -> None:
    for size in (1, 100):
        assert not is_unquoted(Pieces(text.encode(), size), FileFormat("csv"))
