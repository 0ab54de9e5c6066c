"""Rows without any value: they are passed over at the speed of reading, whatever they are made of."""

import gzip
import io
import json
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows
from tests.fuzz.reading import slowly

PETS = Dataset(
    "pets",
    (
        Column("name", ColumnType.TEXT, length=30, nullable=True),
        Column("age", ColumnType.INTEGER, maximum=99, nullable=True),
    ),
    (),
)
CSV, NDJSON = FileFormat("csv"), FileFormat("ndjson")
MANY = 16 * 1024 * 1024  # bytes
MAX_SECONDS = 3.0  # of the processor; one by one, it would be some twenty
OBJECT = b'{"name": "Rex", "age": 1}\n'


def read(path: Path, file_format: FileFormat, batch_bytes: int = 1 << 22) -> tuple[list[int], list[int], int]:
    """The numbers of the rows, those of the rejects, and how many rows are blank."""
    rows: list[int] = []
    rejects: list[int] = []
    blank = 0
    for batch in read_rows(path, PETS, file_format, batch_bytes):
        rows += [row for row, _ in read_payload(batch.payload)]
        rejects += [reject.row for reject in batch.rejects]
        blank += batch.blank
    return rows, rejects, blank


def repeated(unit: bytes) -> bytes:
    return unit * (MANY // len(unit))


@pytest.mark.parametrize(
    ("file_format", "before", "unit", "after", "lines"),
    [
        (CSV, b"name,age\nRex,1\n", b"\n", b"Tom,2\n", 1),
        (CSV, b"name,age\nRex,1\n", b"\r\n", b"Tom,2\n", 1),
        (CSV, b"name,age\nRex,1\n", b"\r", b"Tom,2\n", 1),
        (CSV, b"name,age\nRex,1\n", b",\n", b"Tom,2\n", 1),
        (CSV, b"name,age\nRex,1\n", b",\n\n,\r\n", b"Tom,2\n", 3),
        (NDJSON, OBJECT, b"\n", OBJECT, 1),
        (NDJSON, OBJECT, b" \t\r\n", OBJECT, 1),
        (NDJSON, OBJECT, b"\r\r\n\n", OBJECT, 2),
    ],
    ids=["lf", "crlf", "cr", "commas", "mixed", "ndjson", "spaces", "returns"],
)
def test_blank_lines_pass_at_the_speed_of_reading(
    tmp_path: Path, file_format: FileFormat, before: bytes, unit: bytes, after: bytes, lines: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(before + repeated(unit) + after, 1))
    packed = FileFormat(file_format.format, "gzip")
    began = time.process_time()
    check_head(path, PETS, packed)
    assert read(path, packed) == ([1, 2], [], lines * (MANY // len(unit)))
    assert time.process_time() - began < MAX_SECONDS


@pytest.mark.parametrize(
    ("file_format", "row", "blanks"),
    [(CSV, b"Rex,1\n", b"\n"), (CSV, b"Rex,1\n", b",\n"), (NDJSON, OBJECT, b"\n"), (NDJSON, OBJECT, b" \n")],
)
def test_so_do_those_between_rows(tmp_path: Path, file_format: FileFormat, row: bytes, blanks: bytes) -> None:
    path = tmp_path / "file"
    run = row + blanks * (1_000_000 // len(blanks))
    path.write_bytes(b"name,age\n" * (file_format is CSV) + run * 16 + row)
    began = time.process_time()
    rows, _, blank = read(path, file_format)
    assert (rows, blank) == (list(range(1, 18)), 16 * (1_000_000 // len(blanks)))
    assert time.process_time() - began < MAX_SECONDS


def test_so_does_white_space_in_an_array(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"[" + repeated(b" \n") + OBJECT + b"," + repeated(b"\t") + OBJECT + repeated(b"\n") + b"]")
    began = time.process_time()
    check_head(path, PETS, FileFormat("json"))
    assert read(path, FileFormat("json")) == ([1, 2], [], 0)
    assert time.process_time() - began < MAX_SECONDS


def test_a_head_of_blank_lines_is_not_read_to_its_end(tmp_path: Path) -> None:
    for format in ("ndjson", "json"):
        path = tmp_path / format
        with path.open("wb") as file:
            file.write(b"[" * (format == "json") + repeated(b" \n") * 3)
            file.truncate(1 << 40)  # zeros, which no reader comes to
        check_head(path, PETS, FileFormat(format))


LINES = [b"Rex,1", b'"a\n,\n\nb",2', b",", b"", b",,", b'"",', b'"",""', b",5", b"x,y", b'"x', b" ,", b"\r", b",\r"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=12), st.integers(1, 40), st.booleans())
def test_every_way_to_read_counts_the_same(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], batch_bytes: int, ended: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "blanks"
    path.write_bytes(b"name,age\n" + b"\n".join(lines) + b"\n" * ended)

    def outcome(size: int) -> object:
        try:
            return read(path, CSV, size)
        except ImportFailed as failure:
            return failure.code

    whole = outcome(1 << 20)
    assert outcome(batch_bytes) == whole
    with slowly():
        assert outcome(1 << 20) == whole
    if isinstance(whole, tuple):
        found = make_preview(path, CSV, PETS, 100)
        assert found.blank == whole[2]
        assert [at for at, row in enumerate(found.rows, 1) if row.reject] == whole[1]


def test_only_the_record_with_a_constant_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    words = ("NaN", "Infinity", "-Infinity", '[{"x": NaN}]')
    bad = [f'{{"name": "a", "age": {word}}}' for word in words]
    good = OBJECT.decode().strip()
    for format, text in (
        ("ndjson", "\n".join([*bad, good, *bad, good])),
        ("json", f"[{','.join([*bad, good, *bad, good])}]"),
    ):
        path.write_text(text)
        check_head(path, PETS, FileFormat(format))
        assert read(path, FileFormat(format)) == ([5, 10], [1, 2, 3, 4, 6, 7, 8, 9], 0)
        assert read(path, FileFormat(format), 1) == ([5, 10], [1, 2, 3, 4, 6, 7, 8, 9], 0)
        rejects = [bad for batch in read_rows(path, PETS, FileFormat(format), 1 << 20) for bad in batch.rejects]
        assert {reject.code for reject in rejects} == {"not_json"}
        assert "-Infinity is not JSON" in rejects[2].reason and "NaN is not JSON" in rejects[3].reason


@pytest.mark.parametrize("format", ["ndjson", "json"])
@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("7", None),
        ('{"name": 5}', None),
        ('{"name": "a", "name": "b"}', None),
        ('{"nome": "a"}', "unknown_column"),
        ("{}", None),
    ],
)
def test_a_first_object_decides_only_by_its_keys(tmp_path: Path, format: str, first: str, code: str | None) -> None:
    path = tmp_path / "file"
    between = "\n" if format == "ndjson" else ","
    good = OBJECT.decode().strip()

    def refusal(*objects: str) -> str | None:
        text = between.join(objects)
        path.write_text(text if format == "ndjson" else f"[{text}]")
        try:
            check_head(path, PETS, FileFormat(format))
        except ImportFailed as failure:
            return failure.code
        return None

    assert refusal(first, good) == refusal(first, "7", good) == code
    assert refusal(good, first) is None
    assert refusal("7", "8") == "not_an_object"


def test_a_file_of_nothing_but_blank_rows_has_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for file_format, data in (
        (CSV, "name,age\n,\n\n,\n"),
        (NDJSON, "{}\n \n{}\n"),
        (FileFormat("json"), '[{}, {"name": null}]'),
    ):
        path.write_text(data)
        for batch_bytes in (1, 1 << 20):
            with pytest.raises(ImportFailed) as caught:
                read(path, file_format, batch_bytes)
            assert caught.value.code in ("no_rows", "empty_file")
        with pytest.raises(ImportFailed):
            check_head(path, PETS, file_format)
        assert make_preview(path, file_format, PETS, 5).problem is not None


def test_a_preview_shows_bytes_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    frame = pl.DataFrame({"raw": [b"\x00\xff", None, b"x" * 1000], "tags": [["a"], None, []], "age": [1, 2, 3]})
    frame.write_parquet(path)
    found = make_preview(path, FileFormat("parquet"), None, 5)
    values = [row.record.values for row in found.rows]
    assert values[:2] == [("0x00ff", "List(String)", "1"), (None, None, "2")]
    assert len(values[2][0] or "") < 500 and json.dumps(values)
    assert found.inferred is not None and found.inferred.dataset.column_names == ("age",)
    out = io.BytesIO()
    frame.with_columns(raw=pl.lit(None, pl.Binary)).write_parquet(out)
    path.write_bytes(out.getvalue())
    again = make_preview(path, FileFormat("parquet"), None, 5)
    assert again.inferred is not None and again.inferred.dataset.column_names == ("age",)
