"""The fast way agrees with the parsers on columns of every type."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, strategies as st

from app.domain.dataset import Dataset
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.column_mapping import ColumnMapping
from app.formats.csv import parser
from app.formats.json import ndjson
from app.formats.streams.blocks import Block
from app.formats.validate import vectorized
from tests.unit.formats.typed import ODD, TYPED, quoted
from tests.unit.formats.validate.reading import NAMES, PROPERTY, Row


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
