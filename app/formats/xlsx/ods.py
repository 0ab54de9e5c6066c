"""The messages of the child process that reads a sheet of an OpenDocument spreadsheet, in the form of `cells`.

It reads the XML without calamine, which does not distinguish errors from texts, and gives no formats.
"""

import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from app.domain.errors import ImportFailed
from app.formats.validate.typed_numbers import is_like_groups
from app.formats.xlsx.cells import CUT, NUMBER, NUMBER_MARK, PERCENT_MARK
from app.formats.xlsx.number_formats import PERCENT
from app.formats.xlsx.ods_cell import Cell
from app.formats.xlsx.rewriter import pieces_of

CONTENT = "content.xml"
MAX_COLUMNS = 16_384
_EASILY_REPEATED_BYTES, _MAX_RATIO = 64 * 1024**2, 200  # of text that repeated rows and cells make
_SKIPPED = {"annotation", "tracked-changes", "frame", "control", "shapes", "forms", "dde-links", "named-expressions"}
_HIDDEN = ("false", "0")


def sheets(path: str) -> Iterator[Any]:
    """Each sheet's name, and whether it is visible."""
    reader = _Reader(None)
    for piece in pieces_of(path, CONTENT):
        reader.parse(piece)
    reader.parse(b"", last=True)
    yield reader.sheets


def messages(
    path: str, name: str, part: str, marks: str = "", max_rows: str = "0", max_bytes: str = "0"
) -> Iterator[Any]:
    """The messages of one sheet, as `cells.messages` has them; without a name, one list of all sheets."""
    if not name:
        yield from sheets(path)
        return
    rows, left = int(max_rows), int(max_bytes)
    reader = _Reader(name, marks=marks)
    size = begun = 0
    made = _EASILY_REPEATED_BYTES
    blank = number = 0
    yield sum(piece.count(b"table-row") for piece in pieces_of(path, CONTENT)) // 2 or 1
    for piece in pieces_of(path, CONTENT):
        size += len(piece)
        made += _MAX_RATIO * len(piece)
        reader.parse(piece)
        for times, cells, special in reader.take():
            if not cells:
                blank += times
                continue
            if rows and number + blank >= rows:
                yield CUT
                return
            while blank:
                number, blank = number + 1, blank - 1
                yield number, [], {}
            for _ in range(times):
                number += 1
                begun += sum(map(len, cells)) + 4 * len(cells)
                if rows and (number > rows or begun > left):
                    yield CUT
                    return
                if begun > made:
                    reason = "the sheet repeats its cells more often than is read; delete what is below its rows"
                    raise ImportFailed("sheet_too_large", reason)
                yield number, cells, special
        if reader.ended:
            return
    reader.parse(b"", last=True)


Row = tuple[int, list[str], dict[str, list[str]]]  # how often, cells, and what is special about some of them


class _Reader:
    """Reads the rows of one sheet, or with None all sheets' names."""

    def __init__(self, wanted: str | None, *, marks: str = "") -> None:
        self._marks = marks
        self.sheets: list[tuple[str, bool]] = []
        self.ended = False
        self._wanted, self._within = wanted, False
        self._hidden: set[str] = set()
        self._style = ""
        self._skipping = self._tables = 0
        self._rows: list[Row] = []
        self._row: list[tuple[int, Cell]] = []
        self._times = 1
        self._cell: Cell | None = None
        self._repeated = 1
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse

    def parse(self, piece: bytes, *, last: bool = False) -> None:
        """Raises ImportFailed (damaged_xlsx) for broken XML, and for values that no sheet has."""
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise _damaged(f"its XML is broken on line {error.lineno}") from error
        except ValueError as error:
            raise _damaged(str(error)) from error

    def take(self) -> list[Row]:
        """The rows that are complete."""
        found, self._rows = self._rows, []
        return found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if self._skipping or local in _SKIPPED:
            self._skipping += 1
        elif self._cell is not None:
            self._cell.start(local, attributes)
        elif local == "style" and attributes.get("style:family") == "table":
            self._style = attributes.get("style:name", "")
        elif local == "table-properties" and attributes.get("table:display") in _HIDDEN:
            self._hidden.add(self._style)
        elif local == "table":
            self._tables += 1
            title = attributes.get("table:name", "")
            if self._tables == 1:
                self.sheets.append((title, attributes.get("table:style-name") not in self._hidden))
                self._within = title == self._wanted
        elif self._within and local == "table-row":
            self._times = _times(attributes, "table:number-rows-repeated")
            self._row = []
        elif self._within and local in ("table-cell", "covered-table-cell"):
            self._repeated = _times(attributes, "table:number-columns-repeated")
            self._cell = Cell(attributes)

    def _end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        local = name.rpartition(":")[2]
        if self._cell is not None:
            if local in ("table-cell", "covered-table-cell"):
                self._row.append((self._repeated, self._cell))
                self._cell = None
            else:
                self._cell.end(local)
        elif local == "table":
            self._tables -= 1
            self.ended = self.ended or (self._within and not self._tables)
            self._within = self._within and self._tables > 0
        elif self._within and local == "table-row":
            self._rows.append((self._times, *_read_row(self._row, self._marks)))

    def _text(self, text: str) -> None:
        if self._cell is not None and not self._skipping:
            self._cell.add(text)

    def _refuse(self, *_: object) -> None:
        raise ValueError("it has a document type, as no workbook has")


def _damaged(why: str) -> ImportFailed:
    return ImportFailed("damaged_xlsx", f"the workbook can't be read: {why}; open it and save it again")


def _times(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "1")
    if not re.fullmatch("[0-9]{1,7}", text):
        raise ValueError(f"{name} is {text[:20]!r}")
    return int(text)


def _read_row(row: list[tuple[int, Cell]], marks: str) -> tuple[list[str], dict[str, list[str]]]:
    while row and row[-1][1].is_empty:
        row.pop()
    cells: list[str] = []
    special: dict[str, list[str]] = {}
    for times, cell in row:
        if len(cells) + times > MAX_COLUMNS:
            raise ValueError(f"a row has more than {MAX_COLUMNS:,} cells")
        text, what = cell.read()
        if what is None and cell.is_percentage and PERCENT_MARK in marks:
            what = [PERCENT, ""]
        elif what is None and cell.is_number and (NUMBER_MARK in marks or is_like_groups(text)):
            what = [NUMBER, ""]
        for _ in range(times):
            if what is not None:
                special[str(len(cells))] = what
            cells.append(text)
    while cells and not cells[-1] and str(len(cells) - 1) not in special:
        cells.pop()
    return cells, special
