"""What the process that reads a sheet says: see `child`.

First the number of the last row, then [number, cells, special] for each row from the first; CUT where it was to stop
before the last. Cells are texts, the empty ones at a row's end are left out; `special` says by column (from "0") what
the text can't: a kind, and what belongs to it.
"""

import datetime
import json
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from app.formats.xlsx import number_formats, rewriter as xlsx_rewriter
from app.formats.xlsx.rewriter import FORMATTED, REFUSED, SHOWN

DAY = "day"  # the text is a date, perhaps one with a midnight
CUT = "cut"
_EXACT = 2**53  # from there on a sheet does not hold every whole number
_NOT_EXACT = "a sheet does not hold numbers of so many digits exactly; make the cell a text"


def text_of(cell: Any) -> tuple[str, list[str] | None]:
    """The cell's text, and what is special about it."""
    convert = _CONVERTERS.get(type(cell))
    if convert is None:
        return str(cell), [REFUSED, f"the cell holds a {type(cell).__name__}, which is not read"]
    return convert(cell)


def number_text(cell: float) -> tuple[str, list[str] | None]:
    """A number's text, and what is special about it."""
    if cell == cell // 1:
        text = str(int(cell))
        if abs(cell) < _EXACT:
            return text, None
        return text, [REFUSED, _NOT_EXACT]
    if not math.isfinite(cell):
        return str(cell), [REFUSED, "the cell holds what is no number"]
    text = format(cell, ".15g")  # as many digits as a sheet keeps
    return (format(Decimal(text), "f") if "e" in text else text), None


def _datetime_text(cell: datetime.datetime) -> tuple[str, list[str] | None]:
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
    float: number_text,
    datetime.datetime: _datetime_text,
    datetime.date: lambda cell: (cell.isoformat(), [DAY, ""]),
    datetime.time: _time,
    datetime.timedelta: _duration,
}


def messages(path: str, name: str, part: str, max_rows: str = "0", max_bytes: str = "0") -> Iterator[Any]:
    """What is said, in its order; of a sheet that is only looked at so many rows, or so many bytes of them."""
    # Here, so that a module which imports the constants above needs no extra.
    from python_calamine import CalamineWorkbook  # noqa: PLC0415

    rows, left = int(max_rows), int(max_bytes)
    styles = number_formats.formats_of(path)
    recalculated = xlsx_rewriter.is_recalculated(path)
    token: str | None = None
    if not rows and xlsx_rewriter.is_plain(xlsx_rewriter.pieces_of(path, part), styles, recalculated):
        book = CalamineWorkbook.from_path(path)
    else:
        rewriter = xlsx_rewriter.Rewriter(styles, recalculated, rows + 1 if rows else None)
        token = rewriter.token
        pieces = rewriter.pieces(xlsx_rewriter.pieces_of(path, part))
        book = CalamineWorkbook.from_filelike(xlsx_rewriter.with_part(path, part, pieces))
    sheet = book.get_sheet_by_name(name)
    yield sheet.end[0] + 1 if sheet.end else 0
    skipped = [""] * (sheet.start[1] if sheet.start else 0)  # columns that are left out; rows are not
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells, special = _read_row(row, skipped, token)
        if rows:
            left -= sum(map(len, cells)) + 4 * len(cells)
            if number > rows or left < 0:
                yield CUT
                return
        yield number, cells, special


def _read_row(row: list[Any], skipped: list[str], token: str | None) -> tuple[list[str], dict[str, list[str]]]:
    while row and row[-1] == "":
        row.pop()
    if not row:
        return row, {}
    cells, special = skipped.copy(), {}
    for cell in row:
        if type(cell) is str and (token is None or not cell.startswith(token)):
            cells.append(cell)
            continue
        text, what = text_of(cell) if type(cell) is not str else _decode_token(json.loads(cell[len(token or "") :]))
        if what is not None:
            special[str(len(cells))] = what
        cells.append(text)
    return cells, special


def _decode_token(what: list[str]) -> tuple[str, list[str] | None]:
    """A cell that `workbook_rewrite` wrote."""
    kind, value, text = what
    if kind not in (SHOWN, FORMATTED):
        return text, [kind, value]
    number, special = number_text(float(text))
    return number, special or [kind, value]
