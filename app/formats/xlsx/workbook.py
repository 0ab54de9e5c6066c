"""Reads XLSX: the rows of one sheet of a workbook, in a child process with limited memory."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.dataset import ColumnType, Dataset
from app.domain.errors import ImportFailed, UnsupportedFormat
from app.domain.file_format import FileFormat
from app.formats.child import runner
from app.formats.column_mapping import ColumnMapping, map_columns
from app.formats.csv import header
from app.formats.validate.columns import excerpt
from app.formats.validate.numbers import typed_reader
from app.formats.validate.rows import MAX_REJECTS, BlankRowCounter, Records
from app.formats.xlsx.archive import check_parts, find_sheet, open_zip
from app.formats.xlsx.cells import DAY, NUMBER
from app.formats.xlsx.rewriter import FORMATTED, SHOWN, UNCALCULATED
from app.formats.xlsx.row import cell_failure, cell_name, header_texts, is_blank

MAX_MEMORY_BYTES = 2 * 1024**3
SEARCHED_ROWS = 30  # a header below rows is searched among these
_CPU_SECONDS, _BYTES_A_SECOND = 60, 1024**2  # about ten times what a slow machine needs
_DIGITS_ONLY = (ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.BOOLEAN)

_READER = "app.formats.xlsx.cells"

Row = tuple[int, list[str], dict[str, list[str]]]  # number, cells, and descriptions of special cells


@dataclass(frozen=True)
class SampleLimits:
    """How much of a sheet a preview reads: its first rows, at most so many bytes of their text, and the child's
    limits."""

    rows: int
    bytes: int
    limits: runner.Limits


def check_workbook(path: Path, file_format: FileFormat) -> None:
    """Check by the ZIP directory that the file is a workbook within the limits, and that it has the sheet.

    Raises ImportFailed (not_xlsx, encrypted_xlsx, xlsx_too_large, damaged_xlsx, unknown_sheet), UnsupportedFormat if
    python-calamine is not installed.
    """
    _need_extra()
    with open_zip(path) as archive:
        find_sheet(archive, file_format.sheet)


def read_records(path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Records]:
    """Read the sheet's rows in chunks of about `batch_bytes` of text; `lines` are the sheet's row numbers.

    Rows that can't be read go to `bad`: too_few_fields (a blank row in a sheet of one column), too_many_fields,
    cell_error, unsupported_cell. Raises ImportFailed with the codes of `check_workbook` and `map_columns`, and no_rows,
    sheet_too_large. The workbook is unpacked as a whole: the child process may use MAX_MEMORY_BYTES, this one a few
    times `batch_bytes`.
    """
    with open_rows(path, file_format.sheet, mark_numbers=has_marks(dataset)) as received:
        yield from records_of(received, dataset, file_format, path.stat().st_size, batch_bytes)


def records_of(
    received: Iterator[Any], dataset: Dataset, file_format: FileFormat, file_bytes: int, batch_bytes: int
) -> Iterator[Records]:
    """`read_records` from the messages of `open_rows`."""
    return _Sheet(dataset, file_format, file_bytes).records(received, batch_bytes)


def has_header(number: int, cells: list[str], file_format: FileFormat, dataset: Dataset) -> bool:
    """Whether the first row with content is the header. Raises ImportFailed (header_unclear)."""
    if file_format.header is not None or not isinstance(file_format.columns, list):
        return bool(file_format.header)
    return _are_column_names(cells, file_format.columns, dataset) or header.has_header(
        cells, file_format.columns, dataset, number
    )


def _are_column_names(cells: list[str], columns: list[str | None], dataset: Dataset) -> bool:
    begun = cells[next(at for at, cell in enumerate(cells) if cell) :]
    padded = [*begun, *[""] * (len(columns) - len(begun))]
    return header.are_column_names([name.strip() for name in padded], columns, dataset)


def has_marks(dataset: Dataset) -> bool:
    """Whether the dataset has numbers with another decimal mark than numbers in cells have."""
    return any(map(typed_reader, dataset.columns))


@contextmanager
def open_rows(
    path: Path, sheet: str | None, sample: SampleLimits | None = None, *, mark_numbers: bool = False
) -> Iterator[Iterator[Any]]:
    """The messages of the sheet's child process (see `cells`): the number of the last row, then the rows. Raises
    ImportFailed with the codes of `check_workbook`, and damaged_xlsx, sheet_too_large, sheet_too_slow."""
    _need_extra()
    with open_zip(path) as archive:
        check_parts(archive)
        name, part = find_sheet(archive, sheet)
        unpacked = archive.getinfo(part).file_size
    arguments = [str(path), name, part, str(int(mark_numbers))]
    limits = runner.Limits(MAX_MEMORY_BYTES, cpu_seconds=_CPU_SECONDS + unpacked // _BYTES_A_SECOND)
    if sample is not None:
        arguments += [str(sample.rows), str(sample.bytes)]
        limits = sample.limits
    with runner.run(_READER, arguments, limits) as messages:
        yield _received(messages, limits)


def _need_extra() -> None:
    if importlib.util.find_spec("python_calamine") is None:
        raise UnsupportedFormat("XLSX files need python-calamine on the server: install it, or save the file as CSV")


def _received(messages: Iterator[Any], limits: runner.Limits) -> Iterator[Any]:
    try:
        yield from messages
    except runner.OutOfMemory as error:
        reason = f"the sheet needs more than {limits.memory_bytes:,} bytes of memory; split it, or save it as CSV"
        raise ImportFailed("sheet_too_large", reason) from error
    except runner.TooSlow as error:
        seconds = limits.seconds or limits.cpu_seconds
        reason = f"the sheet could not be read within {seconds:g} s; split it, or save it as CSV"
        raise ImportFailed("sheet_too_slow", reason) from error
    except runner.ChildFailed as error:
        reason = f"the workbook can't be read: {excerpt(str(error))}; open it and save it again"
        raise ImportFailed("damaged_xlsx", reason) from error


class _Sheet:
    """Converts a sheet's rows to records."""

    def __init__(self, dataset: Dataset, file_format: FileFormat, file_bytes: int) -> None:
        self._names = dataset.column_names
        self._dataset = dataset
        self._file_format = file_format
        self._file_bytes = file_bytes
        self._header = file_format.header
        self._first = 0  # the first row with content
        self._begin = 0  # the sheet's column where the table begins
        self._mapping: ColumnMapping | None = None
        self._blanks = BlankRowCounter()

    def records(self, received: Iterator[Any], batch_bytes: int) -> Iterator[Records]:
        total = next(received)
        rows: list[list[str | None]] = []
        lines: list[int] = []
        bad: list[tuple[int, str, ImportFailed]] = []
        size = found = number = 0

        def chunk(source_bytes: int) -> Records:
            columns = zip(*rows, strict=True) if rows else (() for _ in self._names)
            blank = self._blanks.take()
            return Records(dict(zip(self._names, columns, strict=True)), lines, source_bytes, bad, blank=blank)

        for row in self._rows(received):
            if size >= batch_bytes or len(bad) >= MAX_REJECTS:  # so that the last chunk is the last one yielded
                yield chunk(self._file_bytes * number // total)
                rows, lines, bad, size = [], [], [], 0
            number, cells, special = row
            found += 1
            try:
                rows.append(self._values(number, cells, special))
                lines.append(number)
            except ImportFailed as failed:
                bad.append((number, self._text(cells), failed))
            size += sum(map(len, cells)) + len(cells)
        if not found:
            raise ImportFailed("no_rows", "the sheet has no rows" + " below its header" * bool(self._header))
        yield chunk(self._file_bytes)

    def _rows(self, received: Iterator[Any]) -> Iterator[Row]:
        """The rows below the header, without blank rows. In a sheet of one column, the first blank row of each gap
        stays."""
        blank: int | None = None
        for number, cells, special in received:
            if number < self._file_format.first_line:
                continue
            if is_blank(cells, special):
                if self._mapping is not None and self._mapping.has_blanks:
                    self._blanks.add()
                else:
                    blank = blank or number
                continue
            if special:
                _check_arrays(number, special)
            if self._mapping is None:
                self._map_columns(number, cells, special)
                blank = None
                if self._header:
                    continue
            elif self._file_format.header is None and not self._header and number < self._first + SEARCHED_ROWS:
                self._refuse_header(number, cells)
            if blank is not None:
                yield blank, [], {}
                blank = None
            yield number, cells, special

    def _refuse_header(self, number: int, cells: list[str]) -> None:
        """Raises ImportFailed (rows_above) if a row below the first one is the header."""
        if isinstance(self._file_format.columns, list) and _are_column_names(
            cells, self._file_format.columns, self._dataset
        ):
            reason = (
                f"there are rows above the header in row {number}: set header=false if row {number} is not a header"
            )
            reason += f", or first_line={number} to skip the rows above it"
            raise ImportFailed("rows_above", reason, line=self._first, value=excerpt(json.dumps(cells)))

    def _map_columns(self, number: int, cells: list[str], special: dict[str, list[str]]) -> None:
        names = None
        self._first = number
        self._header = has_header(number, cells, self._file_format, self._dataset)
        if self._header:
            # A table may begin in any column, and its header names all of its columns.
            self._begin = next(at for at, cell in enumerate(cells) if cell)
            names = header_texts(number, cells, special)[self._begin :]
        self._mapping = map_columns(names, self._file_format, self._dataset, number)

    def _values(self, number: int, cells: list[str], special: dict[str, list[str]]) -> list[str | None]:
        """The row's values in the dataset's order (None: blank cell). Raises ImportFailed."""
        mapping, begin = self._mapping, self._begin
        assert mapping is not None
        width = mapping.width
        if not cells:
            reason = f"the row is empty, {width} cells were expected"
            raise ImportFailed("too_few_fields", reason, number, value="")
        if len(cells) > begin + width or any(cells[:begin]):
            stray = next(cell for at, cell in enumerate(cells) if cell and not begin <= at < begin + width)
            reason = "a cell of the row outside of the table's columns is not empty"
            raise ImportFailed("too_many_fields", reason, number, value=excerpt(stray))
        fields = cells[begin:] + [""] * (begin + width - len(cells))
        nulls = ("", self._file_format.null)
        values = [
            None if position is None or fields[position] in nulls else fields[position]
            for position in mapping.positions
        ]
        if special:
            self._apply_special(number, values, special, mapping)
        return values

    def _apply_special(
        self, number: int, values: list[str | None], special: dict[str, list[str]], mapping: ColumnMapping
    ) -> None:
        for at in mapping.file_order:
            position = mapping.positions[at]
            what = None if position is None else special.get(str(position + self._begin))
            if position is None or what is None:
                continue
            kind, text = what[0], values[at] or ""
            column = self._dataset.columns[at]
            failure = cell_failure(number, position + self._begin, what)
            if kind in (NUMBER, SHOWN, FORMATTED) and (read := typed_reader(column)) is not None:
                values[at] = read(text)
            elif kind == DAY and column.type is ColumnType.DATETIME:
                values[at] = f"{text} 00:00:00"  # a sheet can't distinguish a date from its midnight
            elif kind in (SHOWN, FORMATTED) and column.type not in _DIGITS_ONLY:
                if kind == SHOWN:
                    values[at] = what[1]
                    continue
                name = cell_name(number, position + self._begin)
                reason = (
                    f"cell {name} contains the number {text} and shows it as {excerpt(what[1])}; make the cell a text"
                )
                failure = ImportFailed("unsupported_cell", reason, number)
            if failure is not None:
                failure.column, failure.value = column.name, failure.value or excerpt(text)
                raise failure

    def _text(self, cells: list[str]) -> str:
        """An invalid row as JSON: an object by column, or a list of its cells."""
        mapping = self._mapping
        fields = cells[self._begin :]
        if mapping is None or len(fields) != mapping.width:
            return json.dumps(cells, ensure_ascii=False)
        return json.dumps(
            {
                name: fields[position]
                for name, position in zip(self._names, mapping.positions, strict=True)
                if position is not None
            },
            ensure_ascii=False,
        )


def _check_arrays(number: int, special: dict[str, list[str]]) -> None:
    for at, (kind, cells) in special.items():
        if kind == UNCALCULATED and cells:  # the formula's other cells look like blank ones
            name = cell_name(number, int(at))
            reason = f"the file has no results of the formula in cell {name}, which is for {excerpt(cells)}"
            raise ImportFailed("cell_error", f"{reason}; open and save it in a spreadsheet program", number)
