"""The row of a sheet with the columns' names: below a title, as in CSV, but never below rows."""

import json
from collections import Counter
from collections.abc import Sequence

from app.domain.dataset import Dataset
from app.domain.file_format import FileFormat
from app.formats.column_mapping import ColumnMapping
from app.formats.column_names import fold
from app.formats.csv import header, preamble
from app.formats.xlsx.row import Row, is_blank

SEARCHED_ROWS = 30  # where a header may stand


def find_first_row(rows: Sequence[Row], file_format: FileFormat, dataset: Dataset) -> int:
    """Where the table begins among a sheet's first rows: its header, or its first row if there is none.

    `rows` are not blank, and the first of them is on `first_line` or below. Without columns in the dataset, the shape
    of the rows decides.
    """
    if not file_format.first_line_found or file_format.header is False or not rows:
        return 0
    if isinstance(file_format.columns, list):
        columns = file_format.columns
        named = (at for at, row in enumerate(rows) if are_column_names(row[1], columns, dataset))
        return next(named, 0)
    if not dataset.columns:
        return _find_shape(rows)
    wanted = {fold(name) for name in dataset.column_names}
    if isinstance(file_format.columns, dict):
        wanted -= {fold(to) for to in file_format.columns.values() if to}
        wanted |= {fold(of) for of, to in file_format.columns.items() if to}
    matches = [len(wanted.intersection(fold(cell) for cell in cells if cell)) for _, cells, _ in rows]
    return matches.index(max(matches)) if any(matches) else 0


def _find_shape(rows: Sequence[Row]) -> int:
    """The first row that is as wide as most of those that have more than one cell."""
    widths = [sum(bool(cell) for cell in cells) for _, cells, _ in rows]
    counts = Counter(len(row[1]) for row, width in zip(rows, widths, strict=True) if width > 1)
    if not counts:
        return 0
    usual = counts.most_common(1)[0][0]
    return next(at for at, row in enumerate(rows) if len(row[1]) >= usual and widths[at] > 1)


def check_rows_above(
    rows: Sequence[Row], begin: int, first_line: int, dataset: Dataset, mapping: ColumnMapping, *, named: bool
) -> None:
    """Raises ImportFailed (rows_above) where a row above the table, which begins in column `begin`, looks like one of
    its own."""
    above = [(number, _record(cells[begin:], mapping.width)) for number, cells, _ in rows]
    found = preamble.rows_among(above, dataset, mapping, named=named)
    if found:
        cells = next(cells for number, cells, _ in rows if number == found[0])
        raise preamble.refuse_rows_above(
            found, f"the header, found in row {first_line}", first_line, json.dumps(cells, ensure_ascii=False)
        )


def _record(cells: Sequence[str], width: int) -> list[str]:
    """A row as CSV would have it: one cell alone is a title, others are padded."""
    return list(cells) if sum(map(bool, cells)) < 2 else _padded(cells, width)


def _padded(cells: Sequence[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]


def has_header(number: int, cells: Sequence[str], file_format: FileFormat, dataset: Dataset) -> bool:
    """Whether the first row of the table is the header. Raises ImportFailed (header_unclear)."""
    if file_format.header is not None:
        return file_format.header
    if not isinstance(file_format.columns, list):  # nothing is known but the cells
        return not any(header.looks_like_data(cell) for cell in cells if cell)
    return are_column_names(cells, file_format.columns, dataset) or header.has_header(
        cells, file_format.columns, dataset, number
    )


def are_column_names(cells: Sequence[str], columns: list[str | None], dataset: Dataset) -> bool:
    """Whether the cells are names of the list or the dataset."""
    begun = cells[next((at for at, cell in enumerate(cells) if cell), 0) :]
    padded = _padded(begun, len(columns))
    return header.are_column_names([name.strip() for name in padded], columns, dataset)


def without_blanks(rows: Sequence[Row], first_line: int) -> list[Row]:
    """The rows from `first_line` on, among those that are searched, that have a cell."""
    return [row for row in rows if first_line <= row[0] < first_line + SEARCHED_ROWS and not is_blank(row[1], row[2])]
