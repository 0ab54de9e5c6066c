"""Values of every type through every format: accepted exactly."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from hypothesis import given, strategies as st

from app.domain.file_format import FileFormat
from tests.unit.formats.typed import BERLIN, ROWS, quoted, text_of
from tests.unit.formats.validate.reading import NAMES, PROPERTY, Row, expected, read, values_of


@PROPERTY
@given(rows=st.lists(ROWS, min_size=1, max_size=5), null=st.sampled_from([None, "NULL", "\\N"]))
def test_csv(tmp_path: Path, rows: list[Row], null: str | None) -> None:
    lines = [",".join(NAMES)]
    for row in rows:
        fields = [quoted(text_of(row[name])) or null or "" for name in NAMES]
        lines.append(",".join(fields))
    batches = read(tmp_path / "t", "\r\n".join(lines).encode(), FileFormat("csv", null=null))
    assert values_of(batches) == expected(rows)


def json_value(value: Any) -> Any:
    return value if isinstance(value, int | None) else text_of(value)


@PROPERTY
@given(rows=st.lists(ROWS, min_size=1, max_size=5), absent=st.booleans(), ascii=st.booleans())
def test_json_and_ndjson(tmp_path: Path, rows: list[Row], absent: bool, ascii: bool) -> None:
    objects = [{name: json_value(value) for name, value in row.items()} for row in rows]
    if absent:
        objects = [{name: value for name, value in row.items() if value is not None} for row in objects]
    lines = "\n".join(json.dumps(one, ensure_ascii=ascii) for one in objects)
    assert values_of(read(tmp_path / "t", lines.encode(), FileFormat("ndjson"))) == expected(rows)
    array = json.dumps(objects, ensure_ascii=ascii, indent=1)
    assert values_of(read(tmp_path / "t", array.encode(), FileFormat("json"))) == expected(rows)


_SCHEMA = {
    "id": pl.Int64,
    "small": pl.UInt8,
    "price": pl.Decimal(12, 2),
    "ratio": pl.Decimal(38, 10),
    "paid": pl.Boolean,
    "born": pl.Date,
    "seen": pl.Datetime("us"),
    "local": pl.Datetime("ms"),
}


@PROPERTY
@given(rows=st.lists(ROWS, min_size=1, max_size=5), utc=st.booleans())
def test_parquet(tmp_path: Path, rows: list[Row], utc: bool) -> None:
    frame = pl.DataFrame(rows, schema={name: _SCHEMA.get(name, pl.String) for name in NAMES})
    if utc:  # a column of a zone says when it was, wherever
        local = [row["local"] and row["local"].replace(tzinfo=BERLIN).astimezone(UTC) for row in rows]
        frame = frame.with_columns(
            pl.Series("local", local, pl.Datetime("ms", "UTC")).dt.convert_time_zone("Europe/Berlin"),
            pl.col("seen").dt.replace_time_zone("UTC"),
        )
    frame.write_parquet(tmp_path / "p")
    assert values_of(read(tmp_path / "t", (tmp_path / "p").read_bytes(), FileFormat("parquet"))) == expected(rows)


def for_sheet(row: Row) -> Row:
    """A row that a sheet can hold."""
    texts = {name: row[name] for name in ("note", "raw")}
    kept = {
        name: "".join(c for c in text if c >= " " and c not in "\ufffe\uffff") for name, text in texts.items() if text
    }
    return row | {"note": None, "raw": None} | {name: text for name, text in kept.items() if text}


@PROPERTY
@given(rows=st.lists(ROWS.map(for_sheet), min_size=1, max_size=3))
def test_xlsx(tmp_path: Path, rows: list[Row]) -> None:
    book = xlsxwriter.Workbook(tmp_path / "x")
    sheet = book.add_worksheet()
    day, moment = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000"))
    sheet.write_row(0, 0, NAMES)
    for at, row in enumerate(rows, 1):
        for column, (_, value) in enumerate((name, row[name]) for name in NAMES):
            if isinstance(value, bool):
                sheet.write_boolean(at, column, value)
            elif isinstance(value, int) and abs(value) < 10**15:
                sheet.write_number(at, column, value)
            elif isinstance(value, datetime) and value.year > 1900 and not value.microsecond:
                sheet.write_datetime(at, column, value, moment)
            elif isinstance(value, date) and not isinstance(value, datetime) and value.year > 1900:
                sheet.write_datetime(at, column, value, day)
            elif value is not None:
                sheet.write_string(at, column, text_of(value))
    book.close()
    assert values_of(read(tmp_path / "t", (tmp_path / "x").read_bytes(), FileFormat("xlsx"))) == expected(rows)
