"""The messages of the child process that reads a sheet (see `app.formats.child`).

First comes the number of the last row, then [number, cells, special] for each row from the first, and CUT if it stops
before the last. Cells are texts, without the empty ones at a row's end. `special` describes by column (from "0") what a
text can't express: a kind, and a value for it.
"""

import datetime
import json
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from app.formats.validate.typed_numbers import is_like_groups
from app.formats.xlsx import number_formats, rewriter as xlsx_rewriter
from app.formats.xlsx.number_formats import PERCENT
from app.formats.xlsx.rewriter import FORMATTED, REFUSED, SHOWN

DAY = "day"  # the text is a date, or a date and time at midnight
NUMBER = "number"  # the cell holds a number, and no text
# Which numbers are marked besides those whose point could separate thousands: all, and those shown as percentages.
NUMBER_MARK, PERCENT_MARK = "n", "p"
CUT = "cut"
# Spreadsheets have a 29th of February 1900. calamine makes the day before of it.
_LEAP_DAY = datetime.date(1900, 2, 28)
_NO_LEAP_DAY = "the 28th and the 29th of February 1900 can't be distinguished; make the cell a text"
_EXACT = 2**53  # a sheet can't store every whole number above this
_NOT_EXACT = "a sheet does not store numbers with so many digits exactly; make the cell a text"


def text_of(cell: Any) -> tuple[str, list[str] | None]:
    """The cell's text, and its kind with a value if it is special."""
    convert = _CONVERTERS.get(type(cell))
    if convert is None:
        return str(cell), [REFUSED, f"the cell contains a {type(cell).__name__}, which is not supported"]
    return convert(cell)


def number_text(cell: float) -> tuple[str, list[str] | None]:
    """A number's text, and what is special about it."""
    if cell == cell // 1:
        text = str(int(cell))
        if abs(cell) < _EXACT:
            return text, None
        return text, [REFUSED, _NOT_EXACT]
    if not math.isfinite(cell):
        return str(cell), [REFUSED, "the cell contains something that is not a number"]
    text = format(cell, ".15g")  # a sheet stores 15 digits
    return (format(Decimal(text), "f") if "e" in text else text), None


def _datetime_text(cell: datetime.datetime) -> tuple[str, list[str] | None]:
    text = cell.isoformat(" ")
    if cell.date() == _LEAP_DAY:
        return text, [REFUSED, _NO_LEAP_DAY]
    return (text.rstrip("0") if cell.microsecond else text), None


def _time(cell: datetime.time) -> tuple[str, list[str] | None]:
    text = cell.isoformat()
    return (text.rstrip("0") if cell.microsecond else text), None


def _duration(cell: datetime.timedelta) -> tuple[str, list[str] | None]:
    return str(cell), [REFUSED, "the cell contains a duration, which is not supported; make it a text or a number"]


_CONVERTERS: dict[type, Callable[[Any], tuple[str, list[str] | None]]] = {
    str: lambda cell: (cell, None),
    bool: lambda cell: ("true" if cell else "false", None),
    int: lambda cell: (str(cell), None),
    float: number_text,
    datetime.datetime: _datetime_text,
    datetime.date: lambda cell: (cell.isoformat(), [REFUSED, _NO_LEAP_DAY] if cell == _LEAP_DAY else [DAY, ""]),
    datetime.time: _time,
    datetime.timedelta: _duration,
}


def messages(
    path: str, name: str, part: str, marks: str = "", max_rows: str = "0", max_bytes: str = "0"
) -> Iterator[Any]:
    """The messages in their order. For a preview, at most `max_rows` rows or `max_bytes` of their text (0: all). With
    `NUMBER_MARK` or `PERCENT_MARK` in `marks`, more cells with numbers are special."""
    # Imported here, so that other modules can import the constants without the extra.
    from python_calamine import CalamineWorkbook  # noqa: PLC0415

    rows, left = int(max_rows), int(max_bytes)
    styles = number_formats.formats_of(path, percentages=PERCENT_MARK in marks)
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
    skipped = [""] * (
        sheet.start[1] if sheet.start else 0
    )  # calamine leaves out empty columns on the left, but no rows
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells, special = _read_row(row, skipped, token, NUMBER_MARK in marks)
        if rows:
            left -= sum(map(len, cells)) + 4 * len(cells)
            if number > rows or left < 0:
                yield CUT
                return
        yield number, cells, special


def _read_row(
    row: list[Any], skipped: list[str], token: str | None, mark_numbers: bool
) -> tuple[list[str], dict[str, list[str]]]:
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
        if what is None and type(cell) in (float, int) and (mark_numbers or is_like_groups(text)):
            what = [NUMBER, ""]
        if what is not None:
            special[str(len(cells))] = what
        cells.append(text)
    return cells, special


def _decode_token(what: list[str]) -> tuple[str, list[str] | None]:
    """Decode a cell that the rewriter wrote."""
    kind, value, text = what
    if kind not in (SHOWN, FORMATTED, PERCENT):
        return text, [kind, value]
    number, special = number_text(float(text))
    return number, special or [kind, value]
