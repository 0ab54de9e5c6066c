"""The rows of one sheet, as the records of a dataset."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from app.domain.dataset import ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_mapping import ColumnMapping, map_columns
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import MAX_REJECTS, BlankRowCounter, Records
from app.formats.validate.typed_numbers import typed_reader
from app.formats.xlsx.cells import DAY, NUMBER
from app.formats.xlsx.header_row import SEARCHED_ROWS, check_rows_above, find_first_row, has_header, without_blanks
from app.formats.xlsx.number_formats import PERCENT
from app.formats.xlsx.rewriter import FORMATTED, SHOWN, UNCALCULATED
from app.formats.xlsx.row import Row, cell_failure, cell_name, header_texts, is_blank

_DIGITS_ONLY = (ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.BOOLEAN)


class SheetRecords:
    """Makes records of a sheet's rows.

    `names` are those in its header, None without one; a sheet that `is_empty` has no cells.
    """

    def __init__(
        self,
        dataset: Dataset,
        file_format: FileFormat,
        file_bytes: int,
        check_names: Callable[[tuple[str, ...] | None], None] = lambda _: None,
    ) -> None:
        """`check_names` is called with the names in the header before the first row, and raises ImportFailed."""
        self._check_names = check_names
        self._names = dataset.column_names
        self._dataset = dataset
        self._file_format = file_format
        self._file_bytes = file_bytes
        self._header = file_format.header
        self.names: tuple[str, ...] | None = None
        self.is_empty = True
        self._begin = 0  # the sheet's first column that is the table's
        self._above: list[Row] = []
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
            if size >= batch_bytes or len(bad) >= MAX_REJECTS:  # the last chunk is the one before the end
                yield chunk(self._file_bytes * min(number, total) // total)
                rows, lines, bad, size = [], [], [], 0
            number, cells, special = row
            found += 1
            try:
                rows.append(self._values(number, cells, special))
                lines.append(number)
            except ImportFailed as failed:
                bad.append((number, self._text(cells), failed))
            size += sum(map(len, cells)) + len(cells)
        if found or self._blanks.waiting:
            yield chunk(self._file_bytes)

    def _rows(self, received: Iterator[Any]) -> Iterator[Row]:
        """The rows below the header, without blank ones; in a sheet of one column, of blank ones between others the
        first."""
        blank: int | None = None
        for number, cells, special in self._from_header(received):
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
            if blank is not None:
                yield blank, [], {}
                blank = None
            yield number, cells, special

    def _from_header(self, received: Iterator[Any]) -> Iterator[Row]:
        """The rows from the table's first one on; those above it are looked at."""
        first_line = self._file_format.first_line
        begun: list[Row] = []
        for row in received:
            if row[0] >= first_line:
                begun.append(row)
            if row[0] >= first_line + SEARCHED_ROWS - 1:
                break
        filled = without_blanks(begun, first_line)
        self._above = filled[: find_first_row(filled, self._file_format, self._dataset)]
        last = self._above[-1][0] if self._above else 0
        yield from (row for row in begun if row[0] > last)
        yield from received

    def _map_columns(self, number: int, cells: list[str], special: dict[str, list[str]]) -> None:
        names = None
        self.is_empty = False
        self._header = has_header(number, cells, self._file_format, self._dataset)
        if self._header:
            # A table may begin anywhere, and its header names all of its columns.
            self._begin = next(at for at, cell in enumerate(cells) if cell)
            names = header_texts(number, cells, special)[self._begin :]
            self.names = tuple(name.strip() for name in names)
        self._check_names(self.names)
        self._mapping = mapping = map_columns(names, self._file_format, self._dataset, number)
        if self._above:
            named = names is not None and not isinstance(self._file_format.columns, list)
            check_rows_above(self._above, self._begin, number, self._dataset, mapping, named=named)

    def _values(self, number: int, cells: list[str], special: dict[str, list[str]]) -> list[str | None]:
        """The row's values in the dataset's order (None: blank cell). Raises ImportFailed."""
        mapping, begin = self._mapping, self._begin
        assert mapping is not None
        width = mapping.width
        if not cells:
            reason = f"the row is empty, {width} cells were expected"
            raise ImportFailed("too_few_fields", reason, number, value="")
        if len(cells) > begin + width or any(cells[:begin]):
            self._check_stray(number, next(c for at, c in enumerate(cells) if c and not begin <= at < begin + width))
        fields = cells[begin : begin + width] + [""] * (begin + width - len(cells))
        nulls = ("", self._file_format.null)
        values = [
            None if position is None or fields[position] in nulls else fields[position]
            for position in mapping.positions
        ]
        if special:
            self._apply_special(number, values, special, mapping)
        return values

    def _check_stray(self, number: int, cell: str) -> None:
        """Raises ImportFailed for a cell beside the table, unless the client leaves out all columns without a name that
        is known."""
        if self._file_format.leave_out_others:
            return
        reason = "a cell of the row outside of the table's columns is not empty"
        if self._header and not isinstance(self._file_format.columns, list):
            reason += '; `"*": null` in `columns` leaves out such cells, and all unknown columns'
        raise ImportFailed("too_many_fields", reason, number, value=excerpt(cell))

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
            read = typed_reader(column, percent=kind == PERCENT)
            if kind in (NUMBER, PERCENT, SHOWN, FORMATTED) and read is not None:
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
