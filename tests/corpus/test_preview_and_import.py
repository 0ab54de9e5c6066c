"""What a preview says of a file is what an import does with it, and no row of a file is lost without a word."""

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from app.domain.errors import ImportFailed, Refused
from app.domain.file_format import FileFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import Preview, make_preview
from app.formats.reader import check_head, read_rows
from tests.corpus.tables import PLAIN, Table, csv_files, objects, parquets, workbooks

LONG = "PROPERTY_EXAMPLES" in os.environ  # more of them, and others each time
EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "100"))
bounded = settings(max_examples=EXAMPLES, deadline=None, derandomize=not LONG, suppress_health_check=list(HealthCheck))
seldom = settings(bounded, max_examples=max(1, EXAMPLES // 10))

Loaded = list[tuple[int, list[str | None]]]


def outcome(path: Path, data: bytes, table: Table) -> tuple[FileFormat | None, Loaded, list[tuple[int, str]], Any]:
    """How an import reads the file, its rows and rejects by their lines, and the failure."""
    rows: Loaded = []
    rejects: list[tuple[int, str]] = []
    file_format = None
    try:
        file_format = detect(None, None, data[:HEAD_BYTES], table.dataset, parse_options(table.said))
        file_format = check_head(path, table.dataset, file_format).file_format
        for batch in read_rows(path, table.dataset, file_format, 1 << 20):
            found = [list(values) for _, values in read_payload(batch.payload)]
            rows += [(batch.line_of(row), values) for row, values in zip(batch.row_numbers, found, strict=True)]
            rejects += [(bad.line, bad.code) for bad in batch.rejects]
    except ImportFailed as failed:
        return file_format, rows, rejects, failed.code
    return file_format, rows, rejects, None


def check(table: Table, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(data)
        try:
            file_format, rows, rejects, failure = outcome(path, data, table)
        except Refused:
            return
        assert file_format is not None
        found = make_preview(path, file_format, table.dataset, 100)
    check_preview(table, file_format, found, rows, rejects, failure)
    if failure is None:
        check_rows(table, rows, rejects)


def check_preview(
    table: Table, file_format: FileFormat, found: Preview, rows: Loaded, rejects: list[tuple[int, str]], failure: Any
) -> None:
    """The preview says what the import did."""
    assert (found.problem.code if found.problem else None) == failure
    if file_format.header is not None:
        assert found.file_format == file_format
    if failure is not None:
        return
    assert found.file_format.header is not None
    assert [(row.record.line, row.reject.code) for row in found.rows if row.reject] == rejects
    mapped = {each.column: at for at, each in enumerate(found.columns) if each.status == "mapped"}
    shown = [
        (
            row.record.line,
            [
                plain(table.constants.get(name) if name not in mapped else row.record.values[mapped[name]])
                for name in table.dataset.column_names
            ],
        )
        for row in found.rows
        if row.reject is None
    ]
    assert shown == rows
    if file_format.format in ("csv", "xlsx"):
        assert found.file_format.header == any(each.name is not None for each in found.columns)


def plain(value: str | None) -> str | None:
    return PLAIN.get(value, value) if value else value


def check_rows(table: Table, rows: Loaded, rejects: list[tuple[int, str]]) -> None:
    """Where nothing wrong was said, each row of the file is loaded or rejected, and nothing else is."""
    if not table.honest:
        return
    expected = [
        [
            plain(row[table.truth.index(name)] if name in table.truth else table.constants.get(name))
            for name in table.dataset.column_names
        ]
        for row in table.rows
    ]
    loaded = [values for _, values in rows]
    if table.names is None and table.above:  # what stands above may be rows as well
        assert rejects or loaded[-len(expected) :] == expected
        return
    if not rejects:
        assert loaded == expected
    assert all(values in expected for values in loaded)
    assert len(loaded) + len(rejects) >= len(expected)


@bounded
@given(csv_files())
def test_csv(case: tuple[Table, bytes]) -> None:
    check(*case)


@seldom
@given(workbooks())
def test_workbooks(case: tuple[Table, bytes]) -> None:
    check(*case)


@bounded
@given(parquets())
def test_parquet(case: tuple[Table, bytes]) -> None:
    check(*case)


@bounded
@given(objects())
def test_objects(case: tuple[Table, bytes]) -> None:
    check(*case)
