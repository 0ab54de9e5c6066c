"""Which number formats read a text that a column refuses."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.domain.dataset import Column
from app.domain.spelling import FRACTION, NEGATIVES, NumberFormat
from app.formats.errors import BadValue
from app.formats.validate.currencies import CURRENCIES
from app.formats.validate.numbers import convert

_MAX_SUGGESTED = 60  # characters of a text that is tried
_MARKS = (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"), (".", "_")
_EXTRAS: tuple[dict[str, Any], ...] = (
    {},
    {"currency": True},
    {"percent": True},
    {"negative": ("trailing_minus",)},
    {"negative": ("parentheses",)},
    {"currency": True, "negative": ("trailing_minus",)},
    {"currency": True, "negative": ("parentheses",)},
)
_BESIDE = re.compile("[^\\d\\s.,'\u2019+\u2212()%_-]+")
_ABBREVIATIONS = frozenset(["kr", "Kr", "zł", "Kč", "Ft", "lei", "лв", "руб", "din", "RM", "Rp", "Fr", "Ksh"])


def suggest_formats(text: str, column: Column) -> dict[NumberFormat, str]:
    """The number formats that differ least from the column's and read the text, with what they read. The column's own
    is one of them if the text is ambiguous."""
    found: dict[NumberFormat, str] = {}
    if len(text) > _MAX_SUGGESTED or not any(map(str.isdigit, text)) or text != text.strip():
        return found  # `trim` helps with outer blanks
    own = column.numbers
    for extra in _extras(text, own):
        for decimal_mark, grouping_mark in ((own.decimal_mark, own.grouping_mark), (".", ""), *_MARKS):
            numbers = replace(own, decimal_mark=decimal_mark, grouping_mark=grouping_mark, **extra)
            try:
                plain = convert(text, replace(column, numbers=numbers, marks_given=True))
            except BadValue:
                continue
            if plain in found.values():
                continue
            found[numbers] = plain
            if numbers.percent is True:
                found |= _as_fraction(text, column, numbers)
        if found:
            break
    return found


def _extras(text: str, own: NumberFormat) -> Iterator[dict[str, Any]]:
    """What may differ besides the marks. A currency is the one in the text: no other may stand in the column."""
    sign = sign_of(text)
    for extra in _EXTRAS:
        changed = dict(extra)
        if "negative" in extra:
            changed["negative"] = tuple(dict.fromkeys((*own.negative, *extra["negative"])))
        if "currency" not in extra:
            yield changed
        elif sign is not None and not own.currency:
            yield changed | {"currency": sign}


def sign_of(text: str) -> str | None:
    """The currency's sign, code or abbreviation beside a number; None if there is none."""
    beside = set(_BESIDE.findall(text))
    if len(beside) != 1:
        return None
    sign = beside.pop()
    is_known = sign in CURRENCIES or sign in _ABBREVIATIONS
    return sign if is_known or any(unicodedata.category(char) == "Sc" for char in sign) else None


def _as_fraction(text: str, column: Column, numbers: NumberFormat) -> dict[NumberFormat, str]:
    fraction = replace(numbers, percent=FRACTION)
    try:
        return {fraction: convert(text, replace(column, numbers=fraction, marks_given=True))}
    except BadValue:
        return {}


def list_formats() -> list[NumberFormat]:
    """Number formats that take most of what files have, for each pair of marks."""
    return [
        NumberFormat(decimal_mark, grouping_mark, currency=True, percent=percent, negative=NEGATIVES)
        for decimal_mark, grouping_mark in ((".", ""), *_MARKS)
        for percent in (False, True)
    ]
