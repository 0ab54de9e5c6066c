"""What holds for every file, however broken: rows, rejects or an error that names itself, and always the same ones."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed, Refused
from app.domain.file_format import FileFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows
from app.formats.validate import vectorized

PETS = Dataset(
    "pets",
    (
        Column("name", ColumnType.TEXT, length=12),
        Column("age", ColumnType.INTEGER, minimum=-5, maximum=300),
        Column("price", ColumnType.DECIMAL, precision=6, scale=2),
        Column("born", ColumnType.DATETIME),
        Column("kind", ColumnType.ENUM, choices=("cat", "dog", "ü")),
        Column("tame", ColumnType.BOOLEAN, nullable=True),
        Column("seen", ColumnType.DATE, formats=("%d.%m.%Y",), default="2026-01-01"),
    ),
    key=("name",),
)
ROWS = 20  # of a preview
NAMES = ",".join(PETS.column_names)

# chosen by a file's first byte; the rest of it is the file's content
OPTIONS: list[dict[str, str]] = [
    {},
    {"format": "csv"},
    {"format": "csv", "header": "false", "columns": NAMES},
    {"format": "csv", "header": "false", "columns": NAMES, "quote": "", "delimiter": ";"},
    {"format": "csv", "header": "false", "columns": NAMES, "quote": "'", "escape": "\\"},
    {"format": "csv", "header": "false", "columns": NAMES, "delimiter": "||"},
    {"format": "csv", "header": "false", "columns": NAMES, "encoding": "utf-16"},
    {"format": "csv", "header": "false", "columns": NAMES, "encoding": "shift_jis"},
    {"format": "csv", "header": "false", "columns": NAMES, "encoding": "gb18030"},
    {"format": "ndjson"},
    {"format": "json"},
    {"format": "parquet"},
    {"format": "csv", "header": "false", "columns": NAMES, "null": "NULL"},
]


def check(data: bytes, folder: Path) -> str:
    """Read the file in every way that must not matter, and compare. Returns what came of it, for whoever counts.

    Raises AssertionError where two ways differ, and whatever else a reader lets through.
    """
    options = OPTIONS[data[0] % len(OPTIONS)] if data else {}
    path = folder / "file"
    path.write_bytes(data[1:])
    try:
        file_format = detect(None, None, data[1 : HEAD_BYTES + 1], PETS, parse_options(options))
        assert json.loads(json.dumps(file_format.as_json()))
        check_head(path, PETS, file_format)
    except ImportFailed as refused:
        str(refused)
        check_preview(path, file_format, None)
        return "refused"
    except Refused as refused:
        str(refused)
        return "refused"
    found = outcome(path, file_format, 1 << 20)
    assert outcome(path, file_format, 64) == found, "the size of batches matters"
    if file_format.format != "parquet":
        with slowly():
            assert outcome(path, file_format, 1 << 20) == found, "the fast way has read something else"
    check_preview(path, file_format, found)
    return "failed" if found["failure"] else "rejects" if found["rejects"] else "rows"


def check_preview(path: Path, file_format: FileFormat, found: dict[str, Any] | None) -> None:
    """A preview says of the first rows what an import says; of a part of the file, and without a dataset, it says
    something."""
    shown = make_preview(path, file_format, PETS, ROWS)
    make_preview(path, file_format, None, ROWS)
    make_preview(path, file_format, PETS, ROWS, partial=True)
    if found is None:
        assert shown.problem is not None, "an import is refused, its preview is not"
        return
    assert shown.problem is None or found["failure"], f"the preview is refused: {shown.problem}"
    if shown.problem is not None:
        return
    accepted = sorted(line for _, _, line in found["rows"])
    rejected = sorted((line, code) for line, _, code, _, _, _ in found["rejects"])
    shown_accepted = [row.record.line for row in shown.rows if row.reject is None]
    shown_rejected = [(row.record.line, row.reject.code) for row in shown.rows if row.reject is not None]
    assert shown_accepted == accepted[: len(shown_accepted)], "the preview accepts other rows"
    assert shown_rejected == rejected[: len(shown_rejected)], "the preview rejects other rows"
    assert len(shown.rows) == min(ROWS, len(accepted) + len(rejected)), "the preview shows other rows"
    whole = len(shown.rows) == len(accepted) + len(rejected) and not found["failure"]
    assert shown.blank == found["blank"] or not whole, "the preview passes over other rows"


def outcome(path: Path, file_format: FileFormat, batch_bytes: int) -> dict[str, Any]:
    """All that is read of the file, without how it was cut into batches."""
    rows: list[tuple[int, tuple[str | None, ...], int | None]] = []
    rejects: list[tuple[Any, ...]] = []
    failure = None
    blank = 0
    try:
        for batch in read_rows(path, PETS, file_format, batch_bytes):
            read = list(read_payload(batch.payload))
            assert len(read) == batch.rows == len(batch.keys)
            assert [key[0] for key in batch.keys] == [values[0] for _, values in read]
            rows += [(row, values, batch.line_of(row)) for row, values in read]
            rejects += [(bad.line, bad.row, bad.code, bad.column, bad.value, bad.text) for bad in batch.rejects]
            json.dumps([bad.values for bad in batch.rejects])
            blank += batch.blank
    except ImportFailed as failed:
        failure = failed.as_dict()
    numbers = [row for row, _, _ in rows] + [row for _, row, *_ in rejects]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    return {"rows": rows, "rejects": rejects, "failure": failure, "blank": blank}


@contextmanager
def slowly() -> Iterator[None]:
    """Without the fast way: every value is read by the parsers."""
    fast = vectorized.read_csv_block, vectorized.check_columns
    vectorized.read_csv_block = vectorized.check_columns = lambda *_: None  # type: ignore[assignment]
    try:
        yield
    finally:
        vectorized.read_csv_block, vectorized.check_columns = fast
