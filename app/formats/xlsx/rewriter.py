"""Rewrites cells that calamine can't read completely into texts that describe them, before it reads the sheet.

Calamine leaves a cell empty if its formula has no result or an error, and it ignores number formats. Most sheets have
no such cells: `is_plain` checks that quickly, and accepts only sheets that the rewriter would not change.
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

from app.formats.xlsx.number_formats import PERCENT, show

ERROR = "error"  # the cell's formula failed; value: its error
UNCALCULATED = "uncalculated"  # the file has no result of the cell's formula; value: the range of an array formula
SHOWN = "shown"  # a number; value: the text that its format shows
FORMATTED = "formatted"  # a number; value: the format that shows another text
REFUSED = "refused"  # the cell's content is not supported; value: the reason

_PIECE_BYTES = 1024 * 1024
_MAX_ROW_BYTES = 16 * 1024**2
_TEXT_SHOWN = 200
_UNREADABLE = "the cell's value has a form that is not supported; open and save the file in a spreadsheet program"

_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_RESULT = rb"<%bf(?:\s[^<>]*)?(?:/>|>[^<]*</%bf\s*>)\s*<%bv(?:\s[^<>]*)?>%b[^<\s][^<]*</"
_PREFIX = rb"(?:[\w.-]+:)?"
_NOT_0 = rb"(?!0<)"
_END_TAG = re.compile(rb"</([^<>\s]+)\s*>")
_BELOW = ("mergeCell", "conditionalFormatting", "cfRule", "dataValidation", "hyperlink")  # after a sheet's cells


def is_plain(pieces: Iterator[bytes], styles: dict[str, str], recalculated: bool) -> bool:
    """Whether no cell of the sheet needs rewriting. `recalculated` says that results of 0 may be placeholders."""
    not_0 = _NOT_0 if recalculated else b""
    calculated = re.compile(_RESULT % (b"", b"", b"", not_0))  # three times as fast as the next pattern
    prefixed = re.compile(_RESULT % (_PREFIX, _PREFIX, _PREFIX, not_0))
    styled = re.compile(rb"""\ss\s*=\s*["'](?:%b)["']""" % "|".join(styles).encode()) if styles else None
    rest = b""
    for piece in pieces:
        data = rest + piece
        end = data.rfind(b"row>") + 4  # no cell goes beyond this
        if end < 4:
            if len(data) > _MAX_ROW_BYTES:
                return False
            rest = data
            continue
        data, rest = data[:end], data[end:]
        # the XML declaration is not an instruction
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
    """The content of a part of the workbook."""
    with zipfile.ZipFile(path) as archive, archive.open(part) as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def is_recalculated(path: str) -> bool:
    """Whether the workbook asks programs to calculate all formulas when they open it: its writer has not done so."""
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
    """The workbook with new content for this part."""
    file = io.BytesIO(Path(path).read_bytes())
    with zipfile.ZipFile(file, "a") as archive:
        archive.filelist.remove(archive.NameToInfo.pop(part))
        with archive.open(part, "w") as target:
            for piece in pieces:
                target.write(piece)
    file.seek(0)
    return file


class Rewriter:
    """Rewrites a sheet; ends it after the row `last_row`, if one is given.

    A rewritten cell is a text: `token`, which is random so that no file can fake it, and the JSON array [kind, value,
    text of the cell].
    """

    def __init__(self, styles: dict[str, str], recalculated: bool, last_row: int | None = None) -> None:
        self.token = secrets.token_hex(8)
        self._styles, self._recalculated, self._last_row = styles, recalculated, last_row
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self._start
        parser.CommentHandler = parser.StartCdataSectionHandler = self._note_odd
        parser.ProcessingInstructionHandler = self._note_odd
        parser.StartDoctypeDeclHandler = self._refuse
        self._data = b""  # begins at `_origin` in the sheet; written up to `_base`
        self._origin = self._base = 0
        self._out: list[bytes] = []
        self._row = 0
        self._within = False  # inside a cell that is captured
        self._cell: tuple[str, dict[str, str], int] = ("", {}, 0)
        self._formula: str | None = None
        self._value: str | None = None
        self._inline = self._odd = False
        self._several = ""  # the range of an array formula
        self._safe = 0  # everything before this position can be written
        self._chars: list[str] = []
        self._end: tuple[int, bytes] | None = None  # where the last row ends, and the tags that close the sheet
        self._open: list[str] = []

    def pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the rewritten sheet. Raises ExpatError for invalid XML, ValueError for a document type declaration."""
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
                self._capture()
        elif local == "f":
            self._capture()
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

    def _capture(self) -> None:
        """Capture the cell's formula and value until it ends."""
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
        """The cell's [kind, value, text]; None if it needs no rewriting."""
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
        if type == "str":  # an empty text is a result
            return True
        return bool(value.strip()) and not (self._recalculated and type == "n" and value.strip() == "0")

    def _replace(self, what: list[str]) -> None:
        name, attributes, begin = self._cell
        self._copy(begin)
        self._base = self._parser.CurrentByteIndex
        found = _END_TAG.match(self._data, self._base - self._origin)
        if found is not None and found[1] == name.encode():  # a cell without content has no end tag
            self._base = self._origin + found.end()
        prefix = name.rpartition(":")[0]
        value = f"{prefix}:v" if prefix else "v"
        at = f" r={quoteattr(attributes['r'])}" if "r" in attributes else ""
        text = escape(self.token + json.dumps(what).replace("_", "\\u005f"))  # _x0041_ would become an A
        self._out.append(f'<{name}{at} t="str"><{value}>{text}</{value}></{name}>'.encode())
        self._safe = self._base

    def _note_odd(self, *_: object) -> None:
        """A comment, CDATA or instruction: calamine loses the text around it in a cell."""
        self._odd = True
        self._capture()

    def _refuse(self, *_: object) -> None:
        raise ValueError("it has a document type declaration, which workbooks never have")


def _formatted(value: str, code: str) -> list[str] | None:
    try:
        number = float(value)
        if code == PERCENT:
            return [PERCENT, "", value]  # a number that its format shows as a percentage
        text = show(number, code)
    except (ValueError, OverflowError):
        return None
    return [FORMATTED, code, value] if text is None else [SHOWN, text, value]
