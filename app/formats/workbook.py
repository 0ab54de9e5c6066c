"""XLSX: the rows of one sheet of a workbook, read by a process of its own with limited memory."""

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from app.domain.dataset import ColumnType, Dataset
from app.domain.errors import ImportFailed, UnsupportedFormat
from app.domain.reading import Reading
from app.formats import workbook_cells
from app.formats.columns import shown
from app.formats.layout import Layout, lay_out
from app.formats.records import MOST_REJECTS, Blanks, Records
from app.formats.workbook_cells import DAY, ERROR, MOST_MEMORY_BYTES, OUT_OF_MEMORY, REFUSED
from app.formats.workbook_zip import check_parts, find_sheet, open_zip

_ABORTED = (OUT_OF_MEMORY, -6)  # Rust aborts where an allocation fails

Row = tuple[int, list[str], dict[str, list[str]]]  # number, cells, and what is special about some of them


def check_workbook(path: Path, reading: Reading) -> None:
    """Raises ImportFailed unless the file is a workbook within the limits that has the sheet, by its ZIP directory.

    (not_xlsx, encrypted_xlsx, xlsx_too_large, damaged_xlsx, unknown_sheet; UnsupportedFormat without the extra.)
    """
    _need_extra()
    with open_zip(path) as archive:
        find_sheet(archive, reading.sheet)


def read_records(path: Path, dataset: Dataset, reading: Reading, batch_bytes: int) -> Iterator[Records]:
    """The sheet's rows in chunks of about `batch_bytes` of text; `lines` are the sheet's row numbers.

    Rows that can't be read go to `bad`: too_few_fields (a blank one in a sheet of one column), too_many_fields,
    cell_error, unsupported_cell. Raises ImportFailed as `check_workbook` and `lay_out` do, and no_rows,
    sheet_too_large. A workbook is unpacked as a whole: its reader may take MOST_MEMORY_BYTES, this process a few times
    `batch_bytes`.
    """
    with open_rows(path, reading.sheet) as received:
        yield from records_of(received, dataset, reading, path.stat().st_size, batch_bytes)


def records_of(
    received: Iterator[Any], dataset: Dataset, reading: Reading, file_bytes: int, batch_bytes: int
) -> Iterator[Records]:
    """`read_records` of what `open_rows` gives."""
    return _Sheet(dataset, reading, file_bytes).records(received, batch_bytes)


@contextmanager
def open_rows(path: Path, sheet: str | None, most_seconds: float | None = None) -> Iterator[Iterator[Any]]:
    """What the reader of a sheet sends (see `workbook_cells`): the number of the last row, then its rows. Raises
    ImportFailed as `check_workbook` does, sheet_too_large, and sheet_too_slow after `most_seconds`."""
    _need_extra()
    with open_zip(path) as archive:
        check_parts(archive)
        name, part = find_sheet(archive, sheet)
    # Nothing in a small file says how much memory its cells need, so another process is limited and may fail.
    command = [sys.executable, "-I", workbook_cells.__file__, str(path), name, part]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        late = threading.Event()

        def end_late() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(most_seconds or 0, end_late)
        try:
            assert child.stdout is not None
            if most_seconds is not None:
                timer.start()
            yield _received(child, child.stdout)
        except RuntimeError as error:
            if not late.is_set():
                raise
            reason = f"the sheet could not be read within {most_seconds:g} s; split it, or save it as CSV"
            raise ImportFailed("sheet_too_slow", reason) from error
        finally:
            timer.cancel()
            child.kill()


def _need_extra() -> None:
    if importlib.util.find_spec("python_calamine") is None:
        raise UnsupportedFormat("XLSX files are read only where the extra is installed: pip install 'backout[xlsx]'")


def _received(child: subprocess.Popen[bytes], stream: IO[bytes]) -> Iterator[Any]:
    """What the reader sends: first how many rows there are, then the rows."""
    for line in stream:
        message = json.loads(line)
        if message is None:  # the end
            return
        yield message
    error = child.stderr.read().decode(errors="replace").strip() if child.stderr else ""
    status = child.wait()
    if status in _ABORTED:
        reason = f"the sheet needs more than {MOST_MEMORY_BYTES:,} bytes of memory; split it, or save it as CSV"
        raise ImportFailed("sheet_too_large", reason)
    if status > 0 or status == -11:
        why = error.rpartition("\n")[2]
        raise ImportFailed("damaged_xlsx", f"the workbook can't be read: {shown(why)}; open it and save it again")
    raise RuntimeError(f"the reader of the workbook was ended by signal {-status}")


def is_blank(cells: Sequence[str], special: Mapping[str, Any]) -> bool:
    """Whether a row of a sheet, as its reader sends it, has nothing in any cell."""
    return not special and not any(cells)


class _Sheet:
    """Makes records of a sheet's rows."""

    def __init__(self, dataset: Dataset, reading: Reading, file_bytes: int) -> None:
        self._names = dataset.column_names
        self._dataset = dataset
        self._reading = reading
        self._file_bytes = file_bytes
        self._moments = [at for at, column in enumerate(dataset.columns) if column.type is ColumnType.DATETIME]
        self._begin = 0  # the sheet's first column that is the table's
        self._layout: Layout | None = None
        self._blanks = Blanks()

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
            if size >= batch_bytes or len(bad) >= MOST_REJECTS:  # the last chunk is the one before the end
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
            raise ImportFailed("no_rows", "the sheet has no rows" + " below its header" * self._reading.header)
        yield chunk(self._file_bytes)

    def _rows(self, received: Iterator[Any]) -> Iterator[Row]:
        """The rows below the header, without blank ones; in a sheet of one column, of blank ones between others the
        first."""
        blank: int | None = None
        for number, cells, special in received:
            if number < self._reading.first_line:
                continue
            if is_blank(cells, special):
                if self._layout is not None and self._layout.has_blanks:
                    self._blanks.add()
                else:
                    blank = blank or number
                continue
            if self._layout is None:
                self._lay_out(number, cells)
                blank = None
                if self._reading.header:
                    continue
            if blank is not None:
                yield blank, [], {}
                blank = None
            yield number, cells, special

    def _lay_out(self, number: int, cells: list[str]) -> None:
        names = None
        if self._reading.header:
            # A table may begin anywhere, and its header names all of its columns.
            self._begin = next(at for at, cell in enumerate(cells) if cell)
            names = cells[self._begin :]
        self._layout = lay_out(names, self._reading.columns, self._dataset, number)

    def _values(self, number: int, cells: list[str], special: dict[str, list[str]]) -> list[str | None]:
        """The row's values in the dataset's order; a blank cell holds none. Raises ImportFailed."""
        layout, begin = self._layout, self._begin
        assert layout is not None
        width = layout.width
        if not cells:
            reason = f"the row is empty, {width} cells were expected"
            raise ImportFailed("too_few_fields", reason, number, value="")
        if len(cells) > begin + width or any(cells[:begin]):
            stray = next(cell for at, cell in enumerate(cells) if cell and not begin <= at < begin + width)
            reason = "something stands in a cell of the row that is in none of the table's columns"
            raise ImportFailed("too_many_fields", reason, number, value=shown(stray))
        fields = cells[begin:] + [""] * (begin + width - len(cells))
        lacking = ("", self._reading.null)
        values = [
            None if position is None or fields[position] in lacking else fields[position]
            for position in layout.positions
        ]
        if special:
            self._judge(number, values, special, layout)
        return values

    def _judge(self, number: int, values: list[str | None], special: dict[str, list[str]], layout: Layout) -> None:
        for at in layout.file_order:
            position = layout.positions[at]
            kind, value = ("", "") if position is None else special.get(str(position + self._begin), ("", ""))
            text = values[at] or ""
            if kind == DAY and at in self._moments:
                values[at] = f"{text} 00:00:00"  # a sheet does not tell midnight from a day
            elif kind == ERROR:
                reason = f"the cell holds the error {shown(value)}; mend the formula, or put its value there"
                raise ImportFailed("cell_error", reason, number, column=self._names[at], value=shown(value))
            elif kind == REFUSED:
                raise ImportFailed("unsupported_cell", value, number, column=self._names[at], value=shown(text))

    def _text(self, cells: list[str]) -> str:
        """A row that could not be read, as JSON: by column, or its cells."""
        layout = self._layout
        fields = cells[self._begin :]
        if layout is None or len(fields) != layout.width:
            return json.dumps(cells, ensure_ascii=False)
        return json.dumps(
            {
                name: fields[position]
                for name, position in zip(self._names, layout.positions, strict=True)
                if position is not None
            },
            ensure_ascii=False,
        )
