"""Rows that lack values, and kinds of values that a format has of its own."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.file_format import FileFormat
from app.formats.batch import Reject
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.reject_file import RejectWriter, read_rejects, write_csv
from tests.unit.formats.validate.reading import read

SHORT = Dataset(
    "short",
    (
        Column("a", ColumnType.TEXT, length=9),
        Column("b", ColumnType.TEXT, length=9, nullable=True, empty=True),
        Column("c", ColumnType.INTEGER, maximum=9, default="5"),
    ),
    ("a",),
)


def short(tmp_path: Path, text: str, **parts: Any) -> tuple[list[tuple[str | None, ...]], list[Reject]]:
    file_format = FileFormat(**({"format": "csv"} | parts))
    batches = read(tmp_path / "s", text.encode(), file_format, SHORT)
    rows = [values for batch in batches for _, values in read_payload(batch.payload)]
    return rows, [reject for batch in batches for reject in batch.rejects]


def test_empty_with_and_without_quotes(tmp_path: Path) -> None:
    assert short(tmp_path, 'a,b,c\nx,,\ny,"",1\nz,"NULL",2') == (
        [("x", None, "5"), ("y", "", "1"), ("z", "NULL", "2")],
        [],
    )
    rows, rejects = short(tmp_path, 'a,b,c\n"",,\n,,7\nx,,""')
    assert rows == [] and [(r.code, r.column, r.line) for r in rejects] == [
        ("empty", "a", 2),
        ("empty", "a", 3),
        ("empty", "c", 4),
    ]


def test_null_text(tmp_path: Path) -> None:
    text = 'a,b,c\nx,NULL,NULL\ny,"NULL",1\nz,null,2\n'
    assert short(tmp_path, text, null="NULL")[0] == [("x", None, "5"), ("y", "NULL", "1"), ("z", "null", "2")]
    assert short(tmp_path, text.replace("NULL", "\\N"), null="\\N")[0][:2] == [("x", None, "5"), ("y", "\\N", "1")]
    rows, rejects = short(tmp_path, "a,b,c\nNULL,x,1\nx,y,1\n", null="NULL")
    assert rows == [("x", "y", "1")] and [(r.code, r.column) for r in rejects] == [("empty", "a")]


def test_columns_that_the_file_lacks(tmp_path: Path) -> None:
    assert short(tmp_path, "a\nx\n")[0] == [("x", None, "5")]
    assert short(tmp_path, "c,a\n1,x\n")[0] == [("x", None, "1")]
    assert short(tmp_path, '{"a": "x"}\n{"a": "y", "c": 3, "b": null}', format="ndjson")[0] == [
        ("x", None, "5"),
        ("y", None, "3"),
    ]
    with pytest.raises(ImportFailed, match="the header lacks the column a"):
        short(tmp_path, "b,c\nx,1\n")
    with pytest.raises(ImportFailed, match="is not a header"):
        short(tmp_path, "x\n1\n")
    with pytest.raises(ImportFailed, match="lacks the key a"):
        short(tmp_path, '{"b": "x"}', format="ndjson")
    pl.DataFrame({"a": ["x", "y"], "c": [1, None]}).write_parquet(tmp_path / "p")
    batches = read(tmp_path / "s", (tmp_path / "p").read_bytes(), FileFormat("parquet"), SHORT)
    assert [values for _, values in read_payload(batches[0].payload)] == [("x", None, "1"), ("y", None, "5")]


def test_kinds_of_json(tmp_path: Path) -> None:
    lines = [
        '{"a": "x", "b": 1}',
        '{"a": "x", "b": true}',
        '{"a": null, "c": 1}',
        '{"a": "x", "c": true}',
        '{"a": "x", "c": {}}',
    ]
    rows, rejects = short(tmp_path, "\n".join(lines), format="ndjson")
    assert rows == [("x", "1", "5"), ("x", "true", "5")]
    assert [(r.code, r.column) for r in rejects] == [("wrong_json_type", name) for name in ("a", "c", "c")]


def test_rejects_are_sent_again_as_they_are(tmp_path: Path) -> None:
    rows, rejects = short(tmp_path, 'a,b,c\nx,"",y\n"q""",,y\nz," l",y\n')
    assert rows == []
    writer = RejectWriter(tmp_path / "r")
    writer.write(rejects)
    writer.close()
    again = b"".join(write_csv(read_rejects(tmp_path / "r"), SHORT)).decode().replace(",y,", ",7,")
    assert short(tmp_path, again) == ([("x", "", "7"), ('q"', None, "7"), ("z", " l", "7")], [])


def test_a_day_in_parquet(tmp_path: Path) -> None:
    days = Dataset("days", (Column("d", ColumnType.DATE), Column("t", ColumnType.DATETIME, formats=("%d.%m.%Y",))), ())
    moments = [datetime(2026, 1, 2), datetime(2026, 1, 2, 3)]
    pl.DataFrame({"d": moments, "t": [moments[1], moments[1]]}).write_parquet(tmp_path / "p")
    [batch] = read(tmp_path / "s", (tmp_path / "p").read_bytes(), FileFormat("parquet"), days)
    assert [values for _, values in read_payload(batch.payload)] == [("2026-01-02", "2026-01-02 03:00:00")]
    assert [reject.code for reject in batch.rejects] == ["bad_date"]


@pytest.mark.slow
def test_a_field_of_ten_million_bytes(tmp_path: Path) -> None:
    wide = Dataset("wide", (Column("a", ColumnType.TEXT, length=10_000_000, controls=Controls.ANY),), ("a",))
    text = '"\n\0,' * 2_500_000
    [batch] = read(tmp_path / "s", b'a\n"' + text.replace('"', '""').encode() + b'"\n', FileFormat("csv"), wide)
    assert list(read_payload(batch.payload)) == [(1, (text,))] and batch.keys[0] == (text,)
    text = '"\n😀,' * 1_500_000
    line = json.dumps({"a": text}, ensure_ascii=False).encode()
    [batch] = read(tmp_path / "s", line, FileFormat("ndjson"), wide)
    assert list(read_payload(batch.payload)) == [(1, (text,))]
    with pytest.raises(ImportFailed, match="longer than"):
        read(tmp_path / "s", line * 2, FileFormat("ndjson"), wide)


@pytest.mark.parametrize("null", ["", "a\nb", 'a"b', "x" * 41])
def test_a_null_text_that_cannot_be(null: str) -> None:
    with pytest.raises(InvalidContent, match="null"):
        parse_options({"null": null})
    assert parse_options({"null": "\\N"}).apply(FileFormat("xlsx")) == replace(FileFormat("xlsx"), null="\\N")
    with pytest.raises(InvalidContent, match="which has no null"):
        parse_options({"null": "\\N"}).apply(FileFormat("ndjson"))
