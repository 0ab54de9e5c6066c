"""Quoting: a quote that merely stands in a value swallows no rows without a word."""

import gzip
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows

NAMES = ("a", "b", "c")
NOTES = Dataset(
    "notes",
    tuple(
        Column(name, ColumnType.TEXT, length=10_000, controls=Controls.ANY, empty=True, nullable=True) for name in NAMES
    ),
    (),
)
STRAY = (("1", '"x', "y"), ("2", "x", "y"), ("3", 'x"', "y"), ("4", "x", "y"))
EVIDENCE = ("5", '"x, y; z"', "y")


def text_of(rows: Sequence[Sequence[str]], delimiter: str = "\t", end: str = "\n", header: bool = True) -> str:
    return "".join(delimiter.join(row) + end for row in ((NAMES, *rows) if header else rows))


def outcome(path: Path, data: bytes, batch_bytes: int = 1 << 20, **said: str) -> tuple[int, str | None]:
    """How many rows were accepted and how the import failed; the preview says the same."""
    path.write_bytes(data)
    file_format = detect(path.name, None, data[:HEAD_BYTES], NOTES, parse_options(said))
    found = make_preview(path, file_format, NOTES, 100)
    rows = 0
    try:
        check_head(path, NOTES, file_format)
        for batch in read_rows(path, NOTES, file_format, batch_bytes):
            rows += batch.rows
    except ImportFailed as failed:
        assert found.problem is not None and found.problem.code == failed.code
        return rows, failed.code
    assert found.problem is None, found.problem
    return rows, None


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|", "\x01"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("batch_bytes", [1, 16, 1 << 20])
def test_a_stray_quote_swallows_no_row(tmp_path: Path, delimiter: str, end: str, batch_bytes: int) -> None:
    data = text_of(STRAY, delimiter, end).encode()
    assert outcome(tmp_path / "f", data, batch_bytes)[1] == "doubtful_quote"
    assert outcome(tmp_path / "f", data, batch_bytes, quote="none") == (4, None)
    assert outcome(tmp_path / "f", data, batch_bytes, quote='"') == (2, None)


@pytest.mark.parametrize(
    "rows",
    [
        [("1", "x", '"y'), ("2", "x", 'y"')],  # the next row is the rest of the last field
        [('"1', "x", "y"), ("2", "x", "y"), ('3"', "x", "y")],
        [("1", '"', "y"), ("2", '"', "y")],
        [("1", '"x', "y"), ("2", "x", 'y"')],  # too few fields as it is read
        [("1", '"x'), ("2", "x", "y"), ("3", 'x"', "y")],
        [*STRAY, *STRAY],
        [*STRAY, ("5", 'x" y', "z")],  # refused, which shows nothing
        [*STRAY[:2], ("",), *STRAY[2:]],
    ],
)
def test_every_way_in_which_quotes_may_stray(tmp_path: Path, rows: Sequence[Sequence[str]]) -> None:
    plain = text_of(rows)
    for data in (plain.encode(), gzip.compress(plain.encode()), plain.encode("utf-16"), ("\ufeff" + plain).encode()):
        assert outcome(tmp_path / "f", data)[1] == "doubtful_quote"
    assert outcome(tmp_path / "f", text_of(rows).replace('"', "'").encode())[1] in ("doubtful_quote", None)


def test_without_a_header_and_in_one(tmp_path: Path) -> None:
    bare = text_of(STRAY, header=False).encode()
    assert outcome(tmp_path / "f", bare, header="false", columns="a,b,c")[1] == "doubtful_quote"
    names = b'a\t"b\tc\n1\tx\ty\n2\tx"\ty\n3\tx\ty\n'
    assert outcome(tmp_path / "f", names, columns="a,b,c", header="true")[1] == "doubtful_quote"
    file_format = detect("f", None, bare, Dataset("", (), ()), parse_options({"header": "false"}))
    (tmp_path / "f").write_bytes(bare)
    problem = make_preview(tmp_path / "f", file_format, None, 10).problem
    assert problem is not None and problem.code == "doubtful_quote"


def test_the_other_quote_may_stray_too(tmp_path: Path) -> None:
    data = text_of(STRAY).replace('"', "'").encode()
    assert outcome(tmp_path / "f", data, quote="'") == (2, None)
    assert outcome(tmp_path / "f", data)[1] == "doubtful_quote"  # found as the quote
    assert outcome(tmp_path / "f", data, quote="none") == (4, None)


@pytest.mark.parametrize("batch_bytes", [16, 1 << 20])
@pytest.mark.parametrize("before", [True, False])
def test_another_quoted_field_shows_that_fields_are_quoted(tmp_path: Path, batch_bytes: int, before: bool) -> None:
    rows = [EVIDENCE, *STRAY] if before else [*STRAY, EVIDENCE]
    assert outcome(tmp_path / "f", text_of(rows).encode(), batch_bytes) == (3, None)
    quoted_header = text_of(STRAY).replace("a\tb", '"a"\tb').encode()
    assert outcome(tmp_path / "f", quoted_header, batch_bytes) == (2, None)
    letter = ("5", '"Dear all\n\nBye"', "z")
    assert outcome(tmp_path / "f", text_of([*STRAY, letter]).encode(), batch_bytes) == (3, None)


@pytest.mark.parametrize(
    "note",
    ["Hello, there\nBye", "Hello\nthere, Bye", "Hello\nthere, Bob\nBye", "Hello\n\nBye", "a\r\nb", "\n", "\n\n,\n"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_quoted_note_with_a_comma_and_line_ends_stays_right(tmp_path: Path, note: str, place: int) -> None:
    row = ["x", "y", "z"]
    row[place] = f'"{note}"'
    data = text_of([("1", "2", "3"), row, ("4", "5", "6")], ",").encode()
    assert outcome(tmp_path / "f", data) == (3, None)
    assert outcome(tmp_path / "f", data, batch_bytes=1) == (3, None)


def test_one_note_of_two_columns_stays_right(tmp_path: Path) -> None:
    for note in ("Hello, there\nBye", "Hello\nthere, Bye", "Hello\nthere, Bob\nBye", "a\nb"):
        for row in (f'"{note}",1', f'1,"{note}"'):
            assert outcome(tmp_path / "f", f"a,b\n{row}\n2,3\n".encode()) == (2, None)
    for note in ("a\nb", "a\n\nb\nc"):  # the lines of one column show nothing
        assert outcome(tmp_path / "f", f'a\n"{note}"\nx\n'.encode()) == (2, None)


def test_the_failure_names_the_lines_and_both_ways_out(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(text_of([("0", "x", "y"), *STRAY], end="\r\n").encode())
    with pytest.raises(ImportFailed) as caught:
        list(read_rows(path, NOTES, FileFormat("csv", delimiter="\t"), 1 << 20))
    failed = caught.value
    assert (failed.line, failed.value) == (3, '1\t"x\ty')
    assert "closes on line 5" in failed.reason and "`quote=none`" in failed.reason and '`quote="`' in failed.reason


def test_a_large_file_of_doubt_takes_no_longer_than_its_length(tmp_path: Path) -> None:
    def seconds(pairs: int) -> float:
        wide = Dataset("wide", tuple(Column(f"c{n}", ColumnType.TEXT, length=99) for n in range(pairs)), ())
        line = ",".join(f'{n}"\r"{n}' if n % 2 else "x" for n in range(pairs))
        path = tmp_path / "f"
        path.write_text(",".join(wide.column_names) + '\n"' + line + '"\n')
        begun = time.process_time()
        with pytest.raises(ImportFailed):
            check = [reject for batch in read_rows(path, wide, FileFormat("csv"), 1 << 20) for reject in batch.rejects]
            raise check[0].as_failure()
        return time.process_time() - begun

    seconds(10)
    assert seconds(8000) < 5


_FIELDS = st.text(st.sampled_from('ab,"\n '), max_size=8)


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.tuples(_FIELDS, _FIELDS, _FIELDS), min_size=1, max_size=6), size=st.sampled_from([1, 1 << 20]))
def test_a_file_that_quotes_every_field_is_never_doubted(
    tmp_path: Path, rows: list[tuple[str, ...]], size: int
) -> None:
    text = ",".join(NAMES) + "\n"
    text += "".join(",".join('"' + field.replace('"', '""') + '"' for field in row) + "\n" for row in rows)
    path = tmp_path / "f"
    path.write_text(text + '"end","x","y"\n', newline="")
    found: list[Any] = []
    for batch in read_rows(path, NOTES, FileFormat("csv"), size):
        found += [values for _, values in read_payload(batch.payload)]
    assert found == [*rows, ("end", "x", "y")]
