"""Samples the binary formats: sheets and Parquet."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.domain.row_size import LONGEST_VARCHAR
from app.formats.child import runner
from app.formats.infer.records import Day, Nested, Record, Sample, Value
from app.formats.parquet import table
from app.formats.validate.typed_numbers import TypedNumber, percent_number
from app.formats.xlsx import workbook
from app.formats.xlsx.archive import Sheet
from app.formats.xlsx.cells import CUT, DAY, NUMBER, NUMBER_MARK, PERCENT_MARK
from app.formats.xlsx.date_system import check_serials
from app.formats.xlsx.header_row import SEARCHED_ROWS, find_first_row, has_header, without_blanks
from app.formats.xlsx.number_formats import PERCENT, Formatted
from app.formats.xlsx.rewriter import FORMATTED, SHOWN
from app.formats.xlsx.row import cell_failure, header_texts, is_blank
from app.formats.xlsx.sheets import choose_sheets, find_sheets

MAX_TABLE_ROWS = 1000
_MAX_SHEET_BYTES = 4 * 1024**2
# longer values don't change the proposal
_MAX_PARQUET_BYTES, _MAX_CHARACTERS = 16 * 1024**2, 2 * LONGEST_VARCHAR
_LIMITS = runner.Limits(memory_bytes=512 * 1024**2, seconds=10, cpu_seconds=10)


@dataclass(frozen=True)
class SheetSample:
    """What was looked at of a workbook: its sheets, and of those that are read what their readers sent."""

    found: list[Sheet]
    sent: list[tuple[Sheet, list[Any]]]

    @property
    def names(self) -> list[str]:
        """The names of the workbook's sheets."""
        return [sheet.name for sheet in self.found]


def sample_sheets(path: Path, file_format: FileFormat, dataset: Dataset) -> tuple[Sample, SheetSample]:
    """The first rows of the sheet, or of all that are read as one table. Raises ImportFailed as `open_rows` does."""
    found = find_sheets(path, file_format.format)
    check_serials(path, dataset, file_format)
    samples: list[Sample] = []
    sent: list[tuple[Sheet, list[Any]]] = []
    rows = MAX_TABLE_ROWS
    for sheet in choose_sheets(found, file_format.sheet):
        look = workbook.SampleLimits(file_format.first_line + rows, _MAX_SHEET_BYTES, _LIMITS)
        with (
            runner.PREVIEWS.take(),
            workbook.open_rows(path, sheet, look, marks=_marks(file_format, dataset)) as received,
        ):
            messages = list(received)
        cut = messages[-1] == CUT
        if cut:
            messages.pop()
        sent.append((sheet, messages))
        begun = [row for row in messages[1:] if row[0] >= file_format.first_line]
        sample = _sheet(begun, file_format, dataset, cut)
        if sample.first_line is not None:  # it has a cell
            samples.append(sample)
            rows = SEARCHED_ROWS  # of the others it is enough to see their headers
    return _joined(samples), SheetSample(found, sent)


def _joined(samples: list[Sample]) -> Sample:
    if not samples:
        return Sample(None, 0, [], False, ImportFailed("no_rows", "the sheet has no rows"))
    records: list[Record] = []
    waiting = 0  # blank rows after the last record
    for sample in samples:
        for record in sample.records:
            records.append(replace(record, blanks=record.blanks + waiting) if waiting else record)
            waiting = 0
        waiting += sample.blanks
    failure = samples[0].failure if not records else None
    cut = any(sample.cut for sample in samples)
    return replace(samples[0], records=records, cut=cut, failure=failure, blanks=waiting)


def _marks(file_format: FileFormat, dataset: Dataset) -> str:
    """`workbook.marks_of`, also of a dataset that is yet to be proposed."""
    said = (file_format.all_columns, *file_format.column_options.values())
    numbers = any(each.decimal_mark not in (None, ".") for each in said)
    percent = any(each.percent for each in said)
    return workbook.marks_of(dataset) + NUMBER_MARK * numbers + PERCENT_MARK * percent


def _sheet(rows: list[Any], file_format: FileFormat, dataset: Dataset, cut: bool) -> Sample:
    names: tuple[str, ...] | None = None
    begin = 0
    searched = without_blanks(rows, file_format.first_line)
    above = find_first_row(searched, file_format, dataset)
    rows = [row for row in rows if not above or row[0] > searched[above - 1][0]]
    filled = [row for row in rows if not is_blank(row[1], row[2])]
    first_line = filled[0][0] if filled else None
    header = file_format.header
    if filled:
        try:
            header = has_header(filled[0][0], filled[0][1], file_format, dataset)
        except ImportFailed:
            header = None  # an import refuses the file
    if header and filled:
        cells = header_texts(*filled[0])
        begin = next(at for at, cell in enumerate(cells) if cell)
        names = tuple(name.strip() for name in cells[begin:])
        rows = [row for row in rows if row[0] > filled[0][0]]
        filled = filled[1:]
    width = len(names) if names is not None else max((len(cells) for _, cells, _ in filled), default=0)
    if width > 1:
        blanks, rows = _drop_blanks(rows, count=bool(header))
    else:
        blanks, rows = [0] * (len(rows) + 1), list(_without_blanks(rows, begun=bool(header)))
    found = zip(rows, blanks, strict=False)
    records = [replace(_record(row, begin, width, file_format.null), blanks=passed) for row, passed in found]
    failure = None if records else ImportFailed("no_rows", "the sheet has no rows" + " below its header" * bool(header))
    return Sample(names, width, records, cut, failure, header=header, blanks=blanks[-1], first_line=first_line)


def _drop_blanks(rows: list[Any], *, count: bool) -> tuple[list[int], list[Any]]:
    """How many blank rows are before each row and at the end, and the rows that are not blank. Blank rows before the
    first one count only with `count`."""
    blanks, kept = [0], []
    for row in rows:
        if not is_blank(row[1], row[2]):
            kept.append(row)
            blanks.append(0)
        elif kept or count:
            blanks[-1] += 1
    return blanks, kept


def _without_blanks(rows: list[Any], *, begun: bool) -> Iterator[Any]:
    """The rows, with one blank row for each gap between others."""
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
    for at, what in ((int(at) - begin, what) for at, what in special.items()):
        if not 0 <= at < width:
            continue
        kind, value = what
        if kind == DAY:
            values[at] = Day(values[at] or "")
        elif kind == NUMBER:
            values[at] = TypedNumber(values[at] or "")
        elif kind == PERCENT:
            values[at] = percent_number(values[at] or "")
        elif kind == SHOWN:
            values[at] = value
        elif kind == FORMATTED:
            values[at] = Formatted(values[at] or "")
        failure = cell_failure(number, at + begin, what) or failure
    if not cells or len(cells) > begin + width or any(cells[:begin]):
        failure = ImportFailed("too_many_fields" if cells else "too_few_fields", "", number)
    return Record(number, tuple(values), failure)


def sample_parquet(path: Path) -> Sample:
    """The first rows of a Parquet file. Raises ImportFailed (damaged_parquet, no_rows)."""
    names, unreadable, rows, cut = table.read_texts(path, MAX_TABLE_ROWS, _MAX_CHARACTERS, _MAX_PARQUET_BYTES)
    if not rows:
        raise ImportFailed("no_rows", "the file has no rows")
    left_out = frozenset(at for at, name in enumerate(names) if name in unreadable)
    records: list[Record] = []
    passed = 0
    for line, row in enumerate(rows, 1):
        if len(names) > 1 and all(value is None for value in row):
            passed += 1
            continue
        values = (Nested(value) if value is not None and at in left_out else value for at, value in enumerate(row))
        records.append(Record(line, tuple(values), blanks=passed))
        passed = 0
    failure = None if records or cut else ImportFailed("no_rows", "the file has no rows with a value")
    return Sample(tuple(names), len(names), records, cut, failure, blanks=passed, unreadable=left_out)
