"""Values that an option gives: constants, defaults, and the results in a map of values.

The client writes them outside of the file, so nothing says whether the file's marks, formats and zone hold for them. A
value with two meanings is refused.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from app.domain.column_options import JsonNumber
from app.domain.dataset import Column, ColumnType
from app.domain.spelling import PLAIN_NUMBERS
from app.formats.columns_option import refused
from app.formats.errors import BadValue, excerpt
from app.formats.validate.columns import value_validator_for
from app.formats.validate.typed_numbers import TypedNumber

_NUMBER_TYPES = (ColumnType.INTEGER, ColumnType.DECIMAL)


def read_option(text: str, changed: Column, column: Column, what: str) -> str:
    """What the server gets for a value of an option. `column` is the dataset's, and `changed` the same with the
    import's options; `what` names the value in an error.

    A number is plain: it has a point, whatever the file has. Other values may be written as the dataset has them, or as
    the import has them. Raises InvalidContent for a value that is not accepted, or has two meanings.
    """
    is_number = column.type in _NUMBER_TYPES
    stored: list[str] = []
    reason = ""
    for at, (each, written) in enumerate(_ways(text, changed, column)):
        try:
            stored.append(value_validator_for(each)(written))
        except BadValue as bad:
            if at == 0 and is_number:
                raise refused("columns", _not_plain(text, changed, bad.reason, what)) from None
            reason = bad.reason
    if not stored:
        raise refused("columns", f"{what} {excerpt(text)!r} is not accepted: {reason}")
    if any(not _is_same(each, stored[0], column) for each in stored):
        both = " or ".join(dict.fromkeys(stored))
        how = f"write {_short(stored[0])} as a JSON number, without quotes" if is_number else _how(column)
        raise refused("columns", f"{what} {excerpt(text)!r} could mean {both}: {how}")
    return stored[-1]


def _is_same(one: str, other: str, column: Column) -> bool:
    """Whether the server would store the same."""
    return Decimal(one) == Decimal(other) if column.type in _NUMBER_TYPES else one == other


def _short(number: str) -> str:
    return format(Decimal(number).normalize(), "f")


def _ways(text: str, changed: Column, column: Column) -> Iterator[tuple[Column, str]]:
    """The columns that may read the text, each with what it reads."""
    if column.type in _NUMBER_TYPES:
        yield replace(column, numbers=PLAIN_NUMBERS), TypedNumber(text)
        if isinstance(text, JsonNumber):
            return
    yield changed, text
    yield column, text


def _not_plain(text: str, changed: Column, reason: str, what: str) -> str:
    """Why a text is no plain number, and how it is written plainly."""
    try:
        plain = value_validator_for(changed)(text)
    except BadValue:
        return f"{what} {excerpt(text)!r} is not accepted: {reason}"
    return f"{what} {excerpt(text)!r} is not accepted: a number in an option has a point, so write {plain}"


def _how(column: Column) -> str:
    if column.type is ColumnType.DATETIME:
        return "write it in UTC with a Z at its end, such as 2026-11-22T08:30:00Z"
    return "write it as the dataset stores it"


def as_in_file(stored: str, text: str, column: Column) -> str:
    """A value that the column reads in a file as this stored one; `text` is how the client wrote it. Raises
    InvalidContent if there is none."""
    check = value_validator_for(column)
    for each in (stored.replace(".", column.numbers.decimal_mark), text, f"{stored.replace(' ', 'T')}Z"):
        try:
            if _is_same(check(each), stored, column):
                return each
        except BadValue:
            continue
    reason = f"values of {column.name} has {excerpt(text)!r}, which this import can't read: change formats or zone"
    raise refused("columns", reason)
