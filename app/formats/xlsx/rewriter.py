"""Cells of which calamine would tell too little are texts that say what they are, before it reads the sheet.

It leaves a cell empty whose formula has no result or ended with an error, and it knows no number formats. Most sheets
have no such cells: `is_plain` finds that out quickly, and accepts only what the parser here would leave as it is.
"""

import io
import json
import re
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from app.formats.xlsx.number_formats import show

ERROR = "error"  # the cell's formula failed; with its error
UNCALCULATED = "uncalculated"  # the file has no result of the cell's formula
SHOWN = "shown"  # a number that its format shows as this text
FORMATTED = "formatted"  # a number that this format shows as another text
REFUSED = "refused"  # the cell holds what has no text; with the reason

_PIECE_BYTES = 1024 * 1024
_MAX_ROW_BYTES = 16 * 1024**2
_TEXT_SHOWN = 200
_UNREADABLE = "the cell's value stands in the file in a way that is not read; open and save it in a spreadsheet program"

_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_RESULT = rb"<%bf(?:\s[^<>]*)?(?:/>|>[^<]*</%bf\s*>)\s*<%bv(?:\s[^<>]*)?>%b[^<\s][^<]*</"
_PREFIX = rb"(?:[\w.-]+:)?"
_NOT_0 = rb"(?!0<)"
_END_TAG = re.compile(rb"</([^<>\s]+)\s*>")
_BELOW = ("mergeCell", "conditionalFormatting", "cfRule", "dataValidation", "hyperlink")  # below a sheet's cells


def is_plain(pieces: Iterator[bytes], styles: dict[str, str], recalculated: bool) -> bool:
    """Whether the sheet's cells can be left as they are. `recalculated` says that results of 0 may be none."""
    not_0 = _NOT_0 if recalculated else b""
    calculated = re.compile(_RESULT % (b"", b"", b"", not_0))  # found three times as fast as what follows
    prefixed = re.compile(_RESULT % (_PREFIX, _PREFIX, _PREFIX, not_0))
    styled = re.compile(rb"""\ss\s*=\s*["'](?:%b)["']""" % "|".join(styles).encode()) if styles else None
    rest = b""
    for piece in pieces:
        data = rest + piece
        end = data.rfind(b"row>") + 4  # nothing of a cell is beyond
        if end < 4:
            if len(data) > _MAX_ROW_BYTES:
                return False
            rest = data
            continue
        data, rest = data[:end], data[end:]
        # the declaration is no instruction
        if b"<!" in data or data.find(b"<?", 5) > 0:
            return False
        if (b'"e"' in data or b"'e'" in data) and _ERROR.search(data):
            return False
        if styled is not None and styled.search(data):
            return False
        if b":f" not in data and data.count(b"<f") == len(calculated.findall(data)):
            continue
        if len(_FORMULA.findall(data)) != len(prefixed.findall(data)):
            return False
    return True


def pieces_of(path: str, part: str) -> Iterator[bytes]:
    """The part of the workbook."""
    with zipfile.ZipFile(path) as archive, archive.open(part) as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def is_recalculated(path: str) -> bool:
    """Whether a program is to calculate all formulas when it opens the workbook: its writer has not done so."""
    found = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal found
        if name.rpartition(":")[2] == "calcPr":
            found = attributes.get("fullCalcOnLoad") in ("1", "true")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    for piece in pieces_of(path, "xl/workbook.xml"):
        parser.Parse(piece)
    parser.Parse(b"", True)
    return found


def with_part(path: str, part: str, pieces: Iterator[bytes]) -> io.BytesIO:
    """The workbook with another content of this part."""
    file = io.BytesIO(Path(path).read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        archive.filelist.remove(archive.NameToInfo.pop(part))
        with archive.open(part, "w") as target:
            for piece in pieces:
                target.write(piece)
    file.seek(0)
    return file


class Rewriter:
    """Writes a sheet with texts for what calamine does not tell; up to the row `last_row`, if there is one.

    Each such text is `token`, which no file can know, and a JSON array: kind, value, the cell's text.
    """

    def __init__(self, styles: dict[str, str], recalculated: bool, last_row: int | None = None) -> None:
        self.token = secrets.token_hex(8)
        self._styles, self._recalculated, self._last_row = styles, recalculated, last_row
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self._start
        parser.CommentHandler = parser.StartCdataSectionHandler = self._note_odd
        parser.ProcessingInstructionHandler = self._note_odd
        parser.StartDoctypeDeclHandler = self._refuse
        self._data = b""  # from `_base` on it is not written yet; `_origin` is where it begins in the sheet
        self._origin = self._base = 0
        self._out: list[bytes] = []
        self._row = 0
        self._within = False  # inside a cell that is looked at as a whole
        self._cell: tuple[str, dict[str, str], int] = ("", {}, 0)
        self._formula: str | None = None
        self._value: str | None = None
        self._inline = self._odd = False
        self._several = ""  # the cells that the formula is for, where they are several
        self._safe = 0  # before here, what is read is written
        self._chars: list[str] = []
        self._end: tuple[int, bytes] | None = None  # where the last row that is wanted ends, and what closes the sheet
        self._open: list[str] = []

    def pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The sheet anew. Raises ExpatError where it is no XML, ValueError for what no sheet has."""
        for piece in pieces:
            self._data += piece
            self._parser.Parse(piece)
            if self._end is not None:
                self._copy(self._end[0])
                yield b"".join([*self._out, self._end[1]])
                return
            yield self._flush(self._cell[2] if self._within else self._safe)
        self._parser.Parse(b"", True)
        yield self._flush(self._base + len(self._data))

    def _flush(self, to: int) -> bytes:
        self._copy(to)
        self._data, self._origin = self._data[self._base - self._origin :], self._base
        found, self._out = b"".join(self._out), []
        return found

    def _copy(self, to: int) -> None:
        if to > self._base:
            self._out.append(self._data[self._base - self._origin : to - self._origin])
            self._base = to

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2] if ":" in name else name
        if local == "c":
            self._safe = self._parser.CurrentByteIndex
            self._cell = name, attributes, self._safe
            self._formula = self._value = None
            self._inline = self._odd = False
            if attributes.get("t") == "e" or attributes.get("s") in self._styles:
                self._look()
        elif local == "f":
            self._look()
            if self._formula is not None or self._value is not None:
                self._odd = True
            self._formula = ""
            self._chars.clear()
            several = attributes.get("t") in ("array", "dataTable") and ":" in attributes.get("ref", "")
            self._several = attributes["ref"] if several else ""
        elif local == "row":
            self._begin_row(attributes)
        elif self._within and local == "v":
            self._odd |= self._value is not None
            self._chars.clear()
        elif self._within and local == "is":
            self._inline = True
        elif local in ("worksheet", "sheetData"):
            self._open.append(name)
        elif local in _BELOW:
            self._safe = self._parser.CurrentByteIndex

    def _begin_row(self, attributes: dict[str, str]) -> None:
        self._within = False
        self._parser.EndElementHandler = self._parser.CharacterDataHandler = None
        self._safe = self._parser.CurrentByteIndex
        number = attributes.get("r", "")
        self._row = int(number) if number.isdecimal() else self._row + 1
        if self._last_row is not None and self._row > self._last_row and self._end is None:
            closing = "".join(f"</{name}>" for name in reversed(self._open))
            self._end = self._safe, closing.encode()

    def _look(self) -> None:
        """Look at the cell as a whole."""
        if not self._within:
            self._within = True
            self._parser.EndElementHandler = self._stop
            self._parser.CharacterDataHandler = self._chars.append

    def _stop(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local == "v":
            self._value = "".join(self._chars)
        elif local == "f":
            self._formula = "".join(self._chars)
        elif local == "c":
            self._within = False
            self._parser.EndElementHandler = self._parser.CharacterDataHandler = None
            what = self._describe_cell() if self._end is None else None
            if what is not None:
                self._replace(what)

    def _describe_cell(self) -> list[str] | None:
        """What the cell is: kind, value, text; None where it is left as it is."""
        _, attributes, _ = self._cell
        type, value = attributes.get("t", "n"), self._value
        if type == "e":
            error = (value or "").strip() or "#ERROR"
            return [ERROR, error, error]
        if self._formula is not None and not self._has_result(type, value):
            return [UNCALCULATED, self._several, "=" + self._formula[:_TEXT_SHOWN]]
        if self._odd:
            return [REFUSED, _UNREADABLE, value or "?"]
        if type == "n" and value and attributes.get("s") in self._styles:
            return _formatted(value, self._styles[attributes["s"]])
        return None

    def _has_result(self, type: str, value: str | None) -> bool:
        if value is None:
            return self._inline
        if type == "str":  # the empty text is one
            return True
        return bool(value.strip()) and not (self._recalculated and type == "n" and value.strip() == "0")

    def _replace(self, what: list[str]) -> None:
        name, attributes, begin = self._cell
        self._copy(begin)
        self._base = self._parser.CurrentByteIndex
        found = _END_TAG.match(self._data, self._base - self._origin)
        if found is not None and found[1] == name.encode():  # a cell without content has none
            self._base = self._origin + found.end()
        prefix = name.rpartition(":")[0]
        value = f"{prefix}:v" if prefix else "v"
        at = f" r={quoteattr(attributes['r'])}" if "r" in attributes else ""
        text = escape(self.token + json.dumps(what).replace("_", "\\u005f"))  # _x0041_ would be an A
        self._out.append(f'<{name}{at} t="str"><{value}>{text}</{value}></{name}>'.encode())
        self._safe = self._base

    def _note_odd(self, *_: object) -> None:
        """A comment, CDATA or instruction: calamine loses what stands around it in a cell."""
        self._odd = True
        self._look()

    def _refuse(self, *_: object) -> None:
        raise ValueError("it has a document type, which workbooks have not")


def _formatted(value: str, code: str) -> list[str] | None:
    try:
        number = float(value)
        text = show(number, code)
    except (ValueError, OverflowError):
        return None
    return [FORMATTED, code, value] if text is None else [SHOWN, text, value]
