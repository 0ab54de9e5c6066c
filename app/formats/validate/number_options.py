"""Integers and decimals: the validator, which names the options that would let a refused number in."""

from dataclasses import replace
from functools import partial

from app.domain.dataset import Column
from app.domain.spelling import FRACTION, NEGATIVES, PLAIN_NUMBERS, NumberFormat
from app.formats.errors import BadValue, Check
from app.formats.validate.numbers import convert, plain_check

_MAX_SUGGESTED = 60  # characters of a text that is tried
_MARKS = (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"), (".", "_")
_EXTRAS: tuple[dict[str, bool | str | tuple[str, ...]], ...] = (
    {},
    {"currency": True},
    {"percent": True},
    {"negative": ("trailing_minus",)},
    {"negative": ("parentheses",)},
    {"currency": True, "negative": ("trailing_minus",)},
    {"currency": True, "negative": ("parentheses",)},
)


def number_check(column: Column) -> Check:
    """The validator for an integer or a decimal; it returns the plain spelling."""
    is_plain = plain_check(column)
    takes_plain = column.numbers == PLAIN_NUMBERS

    def check(text: str) -> str:
        if takes_plain and is_plain(text):
            return text
        try:
            return convert(text, column)
        except BadValue as bad:
            raise bad.with_hint(partial(_suggestion, text, column)) from None

    return check


def _suggestion(text: str, column: Column) -> str:
    """Which options would let the text in, and as what."""
    found = suggest_formats(text, column)
    said = [f"{_as_options(numbers, column.numbers)} if it means {plain}" for numbers, plain in found.items()]
    return f"; set {', or '.join(said)}" if said else ""


def suggest_formats(text: str, column: Column) -> dict[NumberFormat, str]:
    """The number formats that differ least from the column's and read the text, with what they read."""
    found: dict[NumberFormat, str] = {}
    if len(text) > _MAX_SUGGESTED or not any(map(str.isdigit, text)) or text != text.strip():
        return found  # `trim` helps with outer blanks
    own = column.numbers
    for extra in _EXTRAS:
        for decimal_mark, grouping_mark in ((own.decimal_mark, own.grouping_mark), (".", ""), *_MARKS):
            numbers = replace(own, decimal_mark=decimal_mark, grouping_mark=grouping_mark, **extra)  # type: ignore[arg-type]
            try:
                plain = convert(text, replace(column, numbers=numbers))
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


def _as_fraction(text: str, column: Column, numbers: NumberFormat) -> dict[NumberFormat, str]:
    fraction = replace(numbers, percent=FRACTION)
    try:
        return {fraction: convert(text, replace(column, numbers=fraction))}
    except BadValue:
        return {}


def _as_options(numbers: NumberFormat, own: NumberFormat) -> str:
    said = []
    if numbers.decimal_mark != own.decimal_mark:
        said.append(f"decimal_mark={numbers.decimal_mark}")
    if numbers.grouping_mark != own.grouping_mark:
        named = {"": "none", " ": "space"}.get(numbers.grouping_mark, numbers.grouping_mark)
        said.append(f"grouping_mark={named}")
    if numbers.currency != own.currency:
        said.append("currency=true")
    if numbers.percent != own.percent:
        said.append(f"percent={'true' if numbers.percent is True else numbers.percent}")
    if numbers.negative != own.negative:
        said.append(f"negative={','.join(numbers.negative)}")
    return " and ".join(said)


def list_formats() -> list[NumberFormat]:
    """Number formats that take most of what files have, for each pair of marks."""
    return [
        NumberFormat(decimal_mark, grouping_mark, currency=True, percent=percent, negative=NEGATIVES)
        for decimal_mark, grouping_mark in ((".", ""), *_MARKS)
        for percent in (False, True)
    ]
