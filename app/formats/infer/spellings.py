"""Numbers and dates that a sample writes otherwise than plainly: read as the client said, or notes that ask for it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from app.domain.column_options import ColumnOptions
from app.domain.dataset import Column, ColumnType
from app.domain.spelling import NUMBER_PARTS, PLAIN_NUMBERS, NumberFormat, has_time, read_number_format
from app.formats.errors import BadValue
from app.formats.json.values import Number
from app.formats.validate.date_formats import known_formats, parser
from app.formats.validate.number_options import list_formats, sign_of, suggest_formats
from app.formats.validate.numbers import convert
from app.formats.validate.typed_numbers import TypedNumber

_MAX_DIGITS = 10_000
_PROBE = Column("value", ColumnType.DECIMAL, precision=_MAX_DIGITS, scale=_MAX_DIGITS // 2, signed=True)
_LONGEST = 60  # characters of a number or a date


def number_format_of(own: ColumnOptions, wide: ColumnOptions) -> NumberFormat:
    """The number format that the client gave for a column, or for all."""
    given: dict[str, Any] = {}
    for part in NUMBER_PARTS:
        said = getattr(own, part) if getattr(own, part) is not None else getattr(wide, part)
        if said is not None:
            given[part] = said
    return read_number_format(given, lambda part, why: None)


def plain_numbers(values: Iterable[str], numbers: NumberFormat = PLAIN_NUMBERS) -> list[str] | None:
    """The plain spellings of values that are all numbers; None if one of them is not."""
    probe = replace(_PROBE, numbers=numbers)
    plain = []
    try:
        for value in values:
            text = value.replace(".", numbers.decimal_mark) if isinstance(value, Number | TypedNumber) else value
            plain.append(convert(text, probe))
    except BadValue:
        return None
    return plain


def option_value(text: str) -> str:
    """The result in a map of values as a sample has it: a plain number has a point, whatever marks the file has."""
    return TypedNumber(text) if plain_numbers([text]) is not None else text


def without_percent(value: str | None) -> str | None:
    """The number of a cell that shows it as a percentage; other values as they are."""
    is_shown = isinstance(value, TypedNumber) and value.endswith("%")
    return TypedNumber(value.in_file) if is_shown and isinstance(value, TypedNumber) else value


def date_columns(name: str, own: ColumnOptions, wide: ColumnOptions) -> list[Column]:
    """The columns of dates that the client's options describe, those of days first; none without such an option."""
    formats, serial = own.formats or wide.formats or (), own.serial or ""
    zones = own.zones if own.zones is not None else wide.zones
    if not (formats or serial or own.zone or zones):
        return []
    days = tuple(format for format in formats if not has_time(format))
    times = Column(
        name,
        ColumnType.DATETIME,
        scale=6,
        formats=tuple(formats),
        serial=serial,
        zone=own.zone or "UTC",
        zones=tuple(sorted((zones or {}).items())),
    )
    return [Column(name, ColumnType.DATE, formats=days, serial=serial)] * bool(days or serial) + [times]


def spelling_note(name: str, values: Sequence[str]) -> str | None:
    """Which option would make dates or numbers of values that are proposed as texts; None if none is known."""
    distinct = list(dict.fromkeys(values))
    if not any(map(str.isdigit, distinct[0])) or max(map(len, distinct)) > _LONGEST:
        return None
    formats = _formats_of(distinct)
    if formats:
        options = [{"formats": [format]} for format in formats]
        return _note("dates", name, options)
    numbers = _number_formats_of(distinct)
    return _note("numbers", name, [each.as_json() for each in numbers]) if numbers else None


def _note(what: str, name: str, options: Sequence[dict[str, Any]]) -> str:
    said = [f"columns={json.dumps({name: each}, ensure_ascii=False)}" for each in options]
    if len(said) == 1:
        return f"its {what} are read with {said[0]}; without it they stay texts"
    return f"its {what} have several meanings: choose {' or '.join(said)}; without it they stay texts"


def _formats_of(values: Sequence[str]) -> list[str]:
    """The known formats that read all values, one for each meaning."""
    found: dict[tuple[object, ...], str] = {}
    days, times = known_formats()
    for format in (*days, *times):
        parse = parser(format)
        moments = []
        for value in values:
            moment = parse(value)
            if moment is None:
                break
            moments.append(moment)
        else:
            found.setdefault(tuple(moments), format)
    return list(found.values())


def _with_sign(numbers: NumberFormat, values: Sequence[str]) -> NumberFormat:
    """The format for the one currency of the values; for none if they have several."""
    signs = {sign for sign in map(sign_of, values) if sign is not None}
    if numbers.currency is not True:
        return numbers
    return replace(numbers, currency=signs.pop() if len(signs) == 1 else False)


def _number_formats_of(values: Sequence[str]) -> list[NumberFormat]:
    """The number formats that read all values, one for each meaning."""
    odd = next((value for value in values if plain_numbers([value]) is None), None)
    if odd is None:
        return []
    for candidates in (list(suggest_formats(odd, _PROBE)), list_formats()):
        found: dict[tuple[str, ...], NumberFormat] = {}
        for numbers in (_with_sign(each, values) for each in candidates):
            plain = plain_numbers(values, numbers)
            if plain is not None:
                found.setdefault(tuple(plain), numbers)
        if found:
            return list(found.values())
    return []
