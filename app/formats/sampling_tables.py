"""Samples of the formats that have no text: sheets and Parquet."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from app.domain.errors import ImportFailed
from app.domain.reading import Reading
from app.formats import parquet, workbook
from app.formats.samples import Day, Nested, Record, Sample, Value
from app.formats.workbook import is_blank
from app.formats.workbook_cells import DAY, ERROR, REFUSED
from app.formats.workbook_zip import list_sheets, open_zip

MOST_TABLE_ROWS = 1000
MOST_SECONDS = 20.0
_REFUSALS = {ERROR: "cell_error", REFUSED: "unsupported_cell"}


def sheets_of(path: Path) -> list[str]:
    """The names of a workbook's sheets with cells. Raises ImportFailed as `check_workbook` does."""
    with open_zip(path) as archive:
        return list_sheets(archive)


def sample_sheet(path: Path, reading: Reading) -> tuple[Sample, list[Any]]:
    """The first rows of a sheet, and what its reader sent of them. Raises ImportFailed as `open_rows` does."""
    most = reading.first_line + MOST_TABLE_ROWS
    with workbook.open_rows(path, reading.sheet, MOST_SECONDS) as received:
        sent = list(islice(received, most + 1))
    cut = len(sent) > most
    rows = [row for row in sent[1:] if row[0] >= reading.first_line]
    return _sheet(rows, reading, cut), sent


def _sheet(rows: list[Any], reading: Reading, cut: bool) -> Sample:
    names: tuple[str, ...] | None = None
    begin = 0
    filled = [row for row in rows if not is_blank(row[1], row[2])]
    if reading.header and filled:
        cells = filled[0][1]
        begin = next(at for at, cell in enumerate(cells) if cell)
        names = tuple(name.strip() for name in cells[begin:])
        rows = [row for row in rows if row[0] > filled[0][0]]
        filled = filled[1:]
    width = len(names) if names is not None else max((len(cells) for _, cells, _ in filled), default=0)
    if width > 1:
        blanks, rows = _pass_over(rows, count=reading.header)
    else:
        blanks, rows = [0] * (len(rows) + 1), list(_without_blanks(rows, begun=reading.header))
    found = zip(rows, blanks, strict=False)
    records = [replace(_record(row, begin, width, reading.null), blanks=passed) for row, passed in found]
    failure = (
        None if records else ImportFailed("no_rows", "the sheet has no rows" + " below its header" * reading.header)
    )
    return Sample(names, width, records, cut, failure, blanks=blanks[-1])


def _pass_over(rows: list[Any], *, count: bool) -> tuple[list[int], list[Any]]:
    """The rows that are not blank, and how many blank ones stand before each and at the end: those before the first
    only with `count`."""
    blanks, kept = [0], []
    for row in rows:
        if not is_blank(row[1], row[2]):
            kept.append(row)
            blanks.append(0)
        elif kept or count:
            blanks[-1] += 1
    return blanks, kept


def _without_blanks(rows: list[Any], *, begun: bool) -> Iterator[Any]:
    """Of empty rows between others the first."""
    blank = None
    for row in rows:
        if is_blank(row[1], row[2]):
            blank = blank or row
            continue
        if blank is not None and begun:
            yield blank
        blank, begun = None, True
        yield row


def _record(row: Any, begin: int, width: int, null: str | None) -> Record:
    number, cells, special = row
    values: list[Value] = [None if cell in ("", null) else cell for cell in cells[begin : begin + width]]
    values += [None] * (width - len(values))
    failure = None
    for at, (kind, reason) in ((int(at) - begin, what) for at, what in special.items()):
        if not 0 <= at < width:
            continue
        if kind == DAY:
            values[at] = Day(values[at] or "")
        elif kind in _REFUSALS:
            failure = ImportFailed(_REFUSALS[kind], reason, number)
    if not cells or len(cells) > begin + width or any(cells[:begin]):
        failure = ImportFailed("too_many_fields" if cells else "too_few_fields", "", number)
    return Record(number, tuple(values), failure)


def sample_parquet(path: Path) -> Sample:
    """The first rows of a Parquet file. Raises ImportFailed (damaged_parquet, no_rows)."""
    names, unreadable, rows = parquet.read_texts(path, MOST_TABLE_ROWS + 1)
    if not rows:
        raise ImportFailed("no_rows", "the file has no rows")
    left_out = frozenset(at for at, name in enumerate(names) if name in unreadable)
    records: list[Record] = []
    passed = 0
    for line, row in enumerate(rows[:MOST_TABLE_ROWS], 1):
        if len(names) > 1 and all(value is None for value in row):
            passed += 1
            continue
        values = (Nested(value) if value is not None and at in left_out else value for at, value in enumerate(row))
        records.append(Record(line, tuple(values), blanks=passed))
        passed = 0
    cut = len(rows) > MOST_TABLE_ROWS
    failure = None if records or cut else ImportFailed("no_rows", "the file has no rows with a value")
    return Sample(tuple(names), len(names), records, cut, failure, blanks=passed, unreadable=left_out)
