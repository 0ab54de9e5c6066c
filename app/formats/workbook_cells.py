"""The process that reads one sheet: run with FILE SHEET PART, it writes JSON, a row a line.

First the number of the last row, then [number, cells, special] for each row from the first, null at the end. Cells are
texts, the empty ones at a row's end are left out; `special` tells by column (from "0") what the text can't.
"""

import datetime
import json
import re
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

DAY = "day"  # the text is a date, perhaps one with a midnight
ERROR = "error"  # the cell's formula failed; with its error
REFUSED = "refused"  # the cell holds what has no text; with the reason
MOST_MEMORY_BYTES = 2 * 1024**3
OUT_OF_MEMORY = 3
_MOST_ERRORS = 10_000  # cells whose error is told; others are empty
_EXACT = 2**53  # from there on a sheet does not hold every whole number
_PIECE_BYTES = 1024 * 1024
_OVERLAP_BYTES = 16 * 1024

# calamine leaves cells with errors empty
_ERROR_CELL = re.compile(
    rb'<(?:\w+:)?c\s(?=[^<>]{0,200}\bt="e")[^<>]{0,200}?\br="([A-Z]{1,3})([0-9]{1,7})"[^<>]{0,200}>\s*'
    rb"(?:<(?:\w+:)?f\b[^<]{0,8192}(?:</(?:\w+:)?f>)?\s*)?<(?:\w+:)?v>([^<]{1,20})<"
)


def text_of(cell: Any) -> tuple[str, list[str] | None]:
    """The cell's text, and what is special about it."""
    convert = _CONVERTERS.get(type(cell))
    if convert is None:
        return str(cell), [REFUSED, f"the cell holds a {type(cell).__name__}, which is not read"]
    return convert(cell)


def _number(cell: float) -> tuple[str, list[str] | None]:
    if cell == cell // 1:
        text = str(int(cell))
        if abs(cell) < _EXACT:
            return text, None
        return text, [REFUSED, "a sheet does not hold numbers of so many digits exactly; make the cell a text"]
    text = format(cell, ".15g")  # as many digits as a sheet keeps
    return (format(Decimal(text), "f") if "e" in text else text), None


def _moment(cell: datetime.datetime) -> tuple[str, list[str] | None]:
    text = cell.isoformat(" ")
    return (text.rstrip("0") if cell.microsecond else text), None


def _time(cell: datetime.time) -> tuple[str, list[str] | None]:
    text = cell.isoformat()
    return (text.rstrip("0") if cell.microsecond else text), None


def _duration(cell: datetime.timedelta) -> tuple[str, list[str] | None]:
    return str(cell), [REFUSED, "the cell holds a duration, which is not read; make it a text or a number"]


_CONVERTERS: dict[type, Callable[[Any], tuple[str, list[str] | None]]] = {
    str: lambda cell: (cell, None),
    bool: lambda cell: ("true" if cell else "false", None),
    int: lambda cell: (str(cell), None),
    float: _number,
    datetime.datetime: _moment,
    datetime.date: lambda cell: (cell.isoformat(), [DAY, ""]),
    datetime.time: _time,
    datetime.timedelta: _duration,
}


def find_errors(path: str, part: str) -> dict[tuple[int, int], str]:
    """The errors in a sheet's cells, by row and column from 1 and 0."""
    found: dict[tuple[int, int], str] = {}
    with zipfile.ZipFile(path) as archive, archive.open(part) as file:
        rest = b""
        while piece := file.read(_PIECE_BYTES):
            data = rest + piece
            if b't="e"' in data:
                for letters, row, error in _ERROR_CELL.findall(data):
                    if len(found) == _MOST_ERRORS:
                        return found
                    found[int(row), _column(letters)] = error.decode(errors="replace")
            rest = data[-_OVERLAP_BYTES:]
    return found


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def read_sheet(path: str, name: str, part: str) -> Iterator[Any]:
    """What is written, in its order."""
    # Here, so that a module which imports the constants above needs no extra.
    from python_calamine import CalamineWorkbook  # noqa: PLC0415

    errors = find_errors(path, part)
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_name(name)
    yield sheet.end[0] + 1 if sheet.end else 0
    left = sheet.start[1] if sheet.start else 0  # columns that are left out; rows are not
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells, special = [""] * left, {}
        for cell in row:
            text, what = text_of(cell)
            if what is not None:
                special[str(len(cells))] = what
            elif not text and errors and (error := errors.get((number, len(cells)))):
                special[str(len(cells))] = [ERROR, error]
                text = error
            cells.append(text)
        while cells and not cells[-1]:
            cells.pop()
        yield number, cells, special
    yield None


def main(path: str, name: str, part: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for message in read_sheet(path, name, part):
            sys.stdout.write(json.dumps(message) + "\n")
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
