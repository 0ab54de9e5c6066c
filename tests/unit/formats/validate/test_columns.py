"""Values of every type through every format: accepted exactly, or refused with a reason."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.file_format import FileFormat
from app.formats.batch import Batch, Reject
from app.formats.column_mapping import ColumnMapping
from app.formats.csv import parser
from app.formats.json import ndjson
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.reader import check_head, read_rows
from app.formats.reject_file import RejectWriter, read_rejects, write_csv
from app.formats.streams.blocks import Block
from app.formats.validate import vectorized
from app.formats.validate.columns import BadValue, validator_for
from tests.fuzz.examples import examples
from tests.unit.formats.typed import BERLIN, ODD, ROWS, TYPED, loaded, quoted, text_of

NAMES = TYPED.column_names
PROPERTY = settings(deadline=None, max_examples=examples(60), suppress_health_check=list(HealthCheck))
Row = dict[str, Any]


def read(path: Path, data: bytes, file_format: FileFormat, dataset: Dataset = TYPED) -> list[Batch]:
    path.write_bytes(data)
    check_head(path, dataset, file_format)
    return list(read_rows(path, dataset, file_format, 1 << 20))


def values_of(batches: list[Batch]) -> list[tuple[str | None, ...]]:
    """What the server is sent, without zeros at the end of a fraction."""
    assert [reject for batch in batches for reject in batch.rejects] == []
    rows = [values for batch in batches for _, values in read_payload(batch.payload)]
    assert [key for batch in batches for key in batch.keys] == [(values[0],) for values in rows]
    return [canonical(values) for values in rows]


def canonical(values: tuple[str | None, ...]) -> tuple[str | None, ...]:
    moments = (NAMES.index("seen"), NAMES.index("local"))
    return tuple(
        value.rstrip("0") if at in moments and value and "." in value else value for at, value in enumerate(values)
    )


def expected(rows: list[Row]) -> list[tuple[str | None, ...]]:
    return [canonical(loaded(row)) for row in rows]


# --- round trips -----------------------------------------------------------------------------------------------------


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


# --- the fast way ----------------------------------------------------------------------------------------------------


def outcome(batch: Batch) -> Any:
    read = batch.first_row, batch.rows, batch.payload, batch.source_bytes, list(batch.lines or ()), list(batch.keys)
    return *read, list(batch.rejects)


ORDER = tuple(range(len(NAMES)))


def agree_on_csv(
    data: bytes, file_format: FileFormat, mapping: ColumnMapping, dataset: Dataset = TYPED
) -> Batch | None:
    block = Block(data, 7, 123)
    fast = vectorized.read_csv_block(block, dataset, file_format, mapping, 40)
    if fast is not None:
        assert outcome(fast) == outcome(*parser.read_block(block, dataset, file_format, mapping, 40))
    return fast


near = {
    "id": ["1", "-0", "007", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "+1", "1.0", "x"],
    "small": ["0", "255", "256", "-1", "00000000000000000001"],
    "price": ["1", "1.5", "1.555", "-1", "9999999999.99", "10000000000", ".5", "1.", "1e2"],
    "ratio": ["-1", "-0.0000000001", "0.00000000001", "--1", "-", "-" + "9" * 20, "-" + "9" * 21],
    "paid": ["true", "TRUE", "Yes", "1", "0", "no", "y", "01", "2", "on", "trUe ", "ſ"],
    "born": ["2026-02-28", "2026-02-29", "2024-02-29", "0999-12-31", "1000-01-01", "2026-1-1", "2026-02-28 "],
    "seen": [
        "2026-01-02 03:04:05",
        "2026-01-02T03:04:05.1Z",
        "2026-01-02T03:04:05.123456",
        "2026-01-02T03:04:05.1234567",
        "2026-01-02T03:04:05+02:00",
        "2026-01-02T03:04:05.5-23:59",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+0200",
        "2026-01-02T03:04:05-00:00",
        "1000-01-01T00:00:00+02:00",
        "9999-12-31T23:00:00-02:00",
        "0001-01-01T00:00:00+02:00",
        "2026-01-02 24:00:00",
        "2026-01-02 03:04:60",
        "2026-01-02 03:04:05.",
        "2026-02-30 03:04:05+01:00",
    ],
    "local": [
        "2026-03-29 01:59:59",
        "2026-03-29 02:00:00",
        "2026-03-29 02:59:59.999",
        "2026-03-29 03:00:00",
        "2026-10-25 01:59:59",
        "2026-10-25 02:00:00",
        "2026-10-25 02:59:59",
        "2026-10-25 03:00:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T02:30:00Z",
        "2026-10-25 04:30:00.1",
        "2026-10-25 04:30:00.1234",
        "1000-01-01 00:30:00",
        "1800-01-01 00:30:00",
        "1893-04-01 00:00:00",
        "9999-12-31 23:59:59",
        "1945-05-24 02:30:00",
    ],
    "name": [*ODD, "x" * 41, "😀" * 40],
    "note": [*ODD, ""],
    "raw": [*ODD, ""],
    "kind": ["a", "b", "b c", "A", "ü"],
    "email": ["a@b", "a@@b", "a", "a\n@b"],
    "currency": ["EUR", "eur", "XXX"],
}  # fmt: skip
PLAIN = {
    "id": "1",
    "price": "12.50",
    "paid": "true",
    "born": "2026-01-02",
    "seen": "2026-01-02 03:04:05",
    "local": "2026-01-02 03:04:05",
    "name": "Jo",
    "kind": "a",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_values_near_the_borders_fare_alike(name: str) -> None:
    for value in [*near[name], None, "", "NULL"]:
        for style in (quoted, lambda field: field or ""):
            row = ",".join(style((PLAIN | {name: value}).get(column)) for column in NAMES)
            good = ",".join(PLAIN.get(column, "") for column in NAMES)
            for null in (None, "NULL"):
                for data in (f"{good}\n{row}\n", f"{row}\r\n"):
                    agree_on_csv(data.encode(), FileFormat("csv", null=null), ColumnMapping(ORDER, len(NAMES)))
        agree_on_ndjson([PLAIN, PLAIN | {name: value}])
        agree_on_ndjson([PLAIN | {name: value}])


def agree_on_ndjson(objects: list[Row], dataset: Dataset = TYPED) -> None:
    block = Block("\n".join(map(json.dumps, objects)).encode(), 3, 50)
    columns = ndjson.read_columns(block, dataset, FileFormat("ndjson"))
    text = vectorized.Lines(block).text
    fast = columns and vectorized.check_columns(columns, dataset, 8, range(3, 3 + len(objects)), 50, text)
    if fast:
        assert outcome(fast) == outcome(*ndjson.read_block(block, dataset, FileFormat("ndjson"), 8))


fields = st.one_of(st.none(), st.sampled_from([value for values in near.values() for value in values]))


@PROPERTY
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(NAMES), fields, max_size=3), min_size=1, max_size=4),
    bare=st.booleans(),
    null=st.sampled_from([None, "a", "\\N"]),
    missing=st.sets(st.sampled_from([column.name for column in TYPED.columns if not column.required])),
)
def test_any_rows_fare_alike(rows: list[Row], bare: bool, null: str | None, missing: set[str]) -> None:
    there = [name for name in NAMES if name not in missing]
    positions = tuple(there.index(name) if name in there else None for name in NAMES)
    lines = []
    for row in (PLAIN | row for row in rows):
        texts = [row.get(name) for name in there]
        lines.append(",".join((text or "") if bare else quoted(text) for text in texts))
    agree_on_csv("\n".join(lines).encode(), FileFormat("csv", null=null), ColumnMapping(positions, len(there)))
    agree_on_ndjson([{name: value for name, value in (PLAIN | row).items() if name in there} for row in rows])


def test_what_is_usual_takes_the_fast_way() -> None:
    rows = [
        PLAIN,
        PLAIN | {"local": "2026-07-02T03:04:05.5+02:00", "seen": "2026-07-02T03:04:05Z", "paid": "No", "note": ""},
    ]
    data = "\n".join(",".join(quoted(row.get(name)) for name in NAMES) for row in rows)
    batch = agree_on_csv(data.encode(), FileFormat("csv"), ColumnMapping(ORDER, len(NAMES)))
    assert batch is not None and batch.rows == 2 and not batch.rejects
    for one in rows:  # without the authority's help
        frame = pl.DataFrame([[one.get(name)] for name in NAMES], schema=dict.fromkeys(NAMES, pl.String))
        assert vectorized.validate_columns(frame, TYPED, controls=True)[1].all()


# --- the authority ---------------------------------------------------------------------------------------------------


def column(type: ColumnType, **parts: Any) -> Column:
    return Column("c", type, **parts)


def verdict(column: Column, text: str | None) -> str | None:
    try:
        return validator_for(column)(text)
    except BadValue as bad:
        return f"!{bad.code}"


FORMATS = {"formats": ("%d.%m.%Y", "%m/%d/%y")}


@pytest.mark.parametrize(
    ("declared", "text", "found"),
    [
        (column(ColumnType.DATE), "2026-11-22", "2026-11-22"),
        (column(ColumnType.DATE), "2026-11-31", "!impossible_date"),
        (column(ColumnType.DATE), "22.11.2026", "!bad_date"),
        (column(ColumnType.DATE), "2026-11-22 00:00:00", "2026-11-22"),
        (column(ColumnType.DATE), "2026-11-22 00:00:01", "!bad_date"),
        (column(ColumnType.DATE), "0999-01-01", "!out_of_range"),
        (column(ColumnType.DATE, **FORMATS), "22.11.2026", "2026-11-22"),
        (column(ColumnType.DATE, **FORMATS), "11/22/26", "2026-11-22"),
        (column(ColumnType.DATE, **FORMATS), "2026-11-22", "2026-11-22"),
        (column(ColumnType.DATE, **FORMATS), "31.11.2026", "!bad_date"),
        (column(ColumnType.DATE, **FORMATS), "٢٢.11.2026", "!bad_date"),
        (column(ColumnType.DATE, formats=("%d/%m/%Y", "%m/%d/%Y")), "03/04/2026", "!ambiguous_date"),
        (column(ColumnType.DATE, formats=("%d/%m/%Y", "%m/%d/%Y")), "04/04/2026", "2026-04-04"),
        (column(ColumnType.DATE, formats=("%d/%m/%Y", "%m/%d/%Y")), "13/04/2026", "2026-04-13"),
        (column(ColumnType.DATE, formats=("%Y年%m月%d日",)), "2026年11月22日", "2026-11-22"),
        (column(ColumnType.DATETIME, formats=("%d.%m.%Y %H:%M",)), "22.11.2026 08:30", "2026-11-22 08:30:00"),
        (column(ColumnType.DATETIME, formats=("%d.%m.%Y %I:%M %p",)), "22.11.2026 08:30 pm", "2026-11-22 20:30:00"),
        (column(ColumnType.DATETIME, formats=("%d.%m.%Y %H:%M %z",)), "22.11.2026 08:30 +0100", "2026-11-22 07:30:00"),
        (column(ColumnType.DATETIME, formats=("%Y-%m-%d %H:%M:%S.%f",), scale=2),
         "2026-01-02 03:04:05.50", "2026-01-02 03:04:05.5"),
        (column(ColumnType.DATETIME, formats=("%Y-%m-%d %H:%M:%S.%f",), scale=2),
         "2026-01-02 03:04:05.505", "!too_many_decimals"),
        (column(ColumnType.DATETIME, formats=("%Y-%d-%m %H:%M:%S",)), "2026-25-12 03:04:05", "2026-12-25 03:04:05"),
        (column(ColumnType.DATETIME, formats=("%Y-%d-%m %H:%M:%S",)), "2026-05-12 03:04:05", "!ambiguous_date"),
        (column(ColumnType.DATETIME, zone="Asia/Kolkata"), "2026-01-02 03:04:05", "2026-01-01 21:34:05"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-03-29 02:30:00", "!nonexistent_time"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-10-25 02:30:00", "!ambiguous_time"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-10-25 02:30:00+02:00", "2026-10-25 00:30:00"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-10-25 02:30:00Z", "2026-10-25 02:30:00"),
        (column(ColumnType.DATETIME), "2026-10-25T02:30:00+02:00", "2026-10-25 00:30:00"),
        (column(ColumnType.DATETIME, offsets=False), "2026-10-25T02:30:00+02:00", "!bad_datetime"),
        (column(ColumnType.DATETIME), "2026-10-25T02:30:00.5", "!too_many_decimals"),
        (column(ColumnType.DATETIME, scale=3), "2026-10-25T02:30:00.1234", "!too_many_decimals"),
        (column(ColumnType.DATETIME), "9999-12-31 23:59:59-01:00", "!out_of_range"),
        (column(ColumnType.DATETIME), "1000-01-01 00:00:00+01:00", "!out_of_range"),
        (column(ColumnType.DATETIME), "2026-10-25T24:00:00", "!impossible_date"),
        (column(ColumnType.BOOLEAN), "YES", "1"),
        (column(ColumnType.BOOLEAN), "False", "0"),
        (column(ColumnType.BOOLEAN), "y", "!not_a_boolean"),
        (column(ColumnType.DECIMAL, precision=4, scale=2, signed=True), "-12.34", "-12.34"),
        (column(ColumnType.DECIMAL, precision=4, scale=2, signed=True), "-123", "!too_many_digits"),
        (column(ColumnType.DECIMAL, precision=4, scale=2, signed=True), "1.234", "!too_many_decimals"),
        (column(ColumnType.DECIMAL, precision=4, scale=2), "-12.34", "!not_a_decimal"),
        (column(ColumnType.TEXT, length=3), "", "!empty"),
        (column(ColumnType.TEXT, length=3, empty=True), "", ""),
        (column(ColumnType.TEXT, length=3, empty=True), None, "!empty"),
        (column(ColumnType.TEXT, length=3, nullable=True), "", "!empty"),
        (column(ColumnType.TEXT, length=3, nullable=True), None, None),
        (column(ColumnType.TEXT, length=3, nullable=True, default="x"), None, "x"),
        (column(ColumnType.BOOLEAN, default="yes"), None, "1"),
        (column(ColumnType.INTEGER, maximum=9, nullable=True), "", "!empty"),
        (column(ColumnType.TEXT, length=3), "😀😀😀", "😀😀😀"),
        (column(ColumnType.TEXT, length=3), "a\tb", "!control_character"),
        (column(ColumnType.TEXT, length=3, controls=Controls.LINES), "a\tb", "a\tb"),
        (column(ColumnType.TEXT, length=3, controls=Controls.LINES), "a\0b", "!nul_byte"),
        (column(ColumnType.TEXT, length=3, controls=Controls.LINES), "a\x7fb", "!control_character"),
        (column(ColumnType.TEXT, length=3, controls=Controls.ANY), "\0\x7f\x1a", "\0\x7f\x1a"),
        (column(ColumnType.TEXT, length=3, controls=Controls.ANY), "\udc80", "!not_utf8"),
    ],
)  # fmt: skip
def test_verdicts(declared: Column, text: str | None, found: str | None) -> None:
    assert verdict(declared, text) == found


@pytest.mark.parametrize(
    "declared",
    [
        column(ColumnType.INTEGER, maximum=9, default="10"),
        column(ColumnType.DATETIME, zone="Europe/Atlantis"),
        column(ColumnType.DATETIME, zone="../../etc/passwd"),
        column(ColumnType.DATE, formats=("%d.%m",)),
        column(ColumnType.DATE, formats=("%d.%m.%Y %H",)),
        column(ColumnType.DATE, formats=("%d.%d.%Y",)),
        column(ColumnType.DATE, formats=("%a %A %d.%m.%Y",)),
        column(ColumnType.DATE, formats=("%d.%m.%Y %",)),
        column(ColumnType.DATETIME, formats=("%d.%m.%Y %I",)),
        column(ColumnType.DATETIME, formats=("%d.%m.%Y %H %Z",)),
        column(ColumnType.DATETIME, formats=("%H:%M",)),
    ],
)
def test_a_declaration_that_cannot_be_used(declared: Column) -> None:
    with pytest.raises(ValueError, match=r"^(the format|the default of|c: there is no time zone) "):
        validator_for(declared)


# --- rows that lack values -------------------------------------------------------------------------------------------

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


def test_numbers_keep_their_digits() -> None:
    assert (
        verdict(Column("c", ColumnType.DECIMAL, precision=30, scale=10), str(Decimal("0.1234567891"))) == "0.1234567891"
    )
