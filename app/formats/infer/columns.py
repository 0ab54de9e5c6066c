"""Infers a column: the narrowest type that accepts all values of a sample."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.domain.column_options import NO_OPTIONS, ColumnOptions
from app.domain.dataset import Column, ColumnType, Controls
from app.domain.definition import MAX_INTEGER, MAX_PRECISION, MAX_SCALE, MAX_SIGNED, MIN_INTEGER
from app.domain.errors import InvalidContent
from app.domain.file_format import FileFormat
from app.domain.row_size import LONGEST_VARCHAR
from app.domain.spelling import PLAIN_NUMBERS
from app.formats.advice.spelled import columns_with
from app.formats.infer.records import Boolean, Day, Nested, Value
from app.formats.infer.spellings import date_columns, number_format_of, plain_numbers, spelling_note
from app.formats.json.values import Number
from app.formats.validate.columns import MISREAD, BadValue, validator_for
from app.formats.validate.currencies import CURRENCIES
from app.formats.validate.date_formats import parser
from app.formats.validate.typed_numbers import TypedNumber, typed_reader
from app.formats.value_options import apply_value_options
from app.formats.xlsx.number_formats import Formatted

_LENGTHS = (16, 32, 64, 120, 255, 500, 1000, 2000, 4000, 8000, LONGEST_VARCHAR)
LONG_TEXT = 1_000_000  # stored outside of the row
_EMPTY_LENGTH = 255
_MIN_WHOLE = 9  # digits before the point
_MIN_SCALE = 2
# an ENUM has few values, each repeated often; else later rows would have values that the first rows lack
_MAX_CHOICES, _MIN_ROWS, _MIN_REPEATS = 8, 100, 5

_INTEGER = re.compile("-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_EXPONENT = re.compile(r"-?[0-9](?:\.[0-9]+)?e[+-][0-9]{2,3}")  # as programs write it, and hardly an article's number
_LIKE_GROUPS = re.compile(r"-?(?:[1-9][0-9]{0,2}\.[0-9]{3}|0|[1-9][0-9]{0,2})")
_NEGATIVE_ZERO = re.compile(r"-[0.]+")  # would lose its sign
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,]([0-9]{1,6})0*)?"
    r"(?:Z| ?UTC| ?[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_MOMENT = re.compile("[0-9]{1,4}[-./][0-9A-Za-z]{1,9}[-./][0-9]{2,4}(?: .*)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_LINES = re.compile("[\t\n\r]")
_CONTROLS = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{MISREAD}]")
_MISREAD = re.compile(f"[{MISREAD}]")

_DAYS = ("%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y")
_TIMES = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
# day and month exchanged
_EXCHANGED = {"%d/%m/%Y": "%m/%d/%Y", "%m/%d/%Y": "%d/%m/%Y", "%d-%m-%Y": "%m-%d-%Y", "%m-%d-%Y": "%d-%m-%Y"}


def infer_column(
    name: str,
    values: Sequence[Value],
    name_in_file: str = "",
    own: ColumnOptions = NO_OPTIONS,
    wide: ColumnOptions = NO_OPTIONS,
) -> tuple[Column | None, list[str]]:
    """Infer a column for these values (None: no value). `own` and `wide` are what the client said of the column's
    values, and of all columns'. Returns the column, or None if no type fits, and notes for the user."""
    notes: list[str] = []
    present = [value for value in values if value is not None]
    filled = [value for value in present if value != ""]
    nullable = len(present) < len(values) or not present
    if any(isinstance(value, Nested) for value in present):
        return None, ["it contains objects, arrays or binary data: leave it out"]
    if any(isinstance(value, Formatted) for value in present):
        return None, ["it has numbers that are shown as other texts, such as 012-34 for 1234: make its cells texts"]
    if not filled:
        notes.append("it has no value in these rows, so its type is a guess")
        return Column(name, ColumnType.TEXT, length=_EMPTY_LENGTH, empty=True, nullable=nullable), notes
    kinds = {
        type(value) for value in present if isinstance(value, Boolean | Number)
    }  # JSON's numbers and booleans: a text column keeps their spelling
    quoted_empty = len(filled) < len(present)  # a quoted empty field is valid in a text column only
    if not quoted_empty:
        if (column := _as_the_client_said(name, filled, own, wide, notes)) is not None:
            return replace(column, nullable=nullable), notes
        proposers = (_boolean,) if Boolean in kinds else (_integer, _decimal) if Number in kinds else _PROPOSERS
        for propose in proposers:
            column = propose(name, filled, notes)
            if column is not None and _accepts(_as_imported(column, own, wide), filled):
                if column.type is ColumnType.ENUM and (note := spelling_note(name_in_file or name, filled)) is not None:
                    notes.append(note)
                return replace(column, nullable=nullable), notes
    if kinds:
        notes.append("its values have different types, or are numbers of different kinds: each keeps its spelling")
    if quoted_empty:
        notes.append("it has quoted empty fields, which only a text column accepts")
    elif (note := spelling_note(name_in_file or name, filled)) is not None:
        notes.append(note)
    if any(map(_MISREAD.search, filled)):
        notes.append(
            "it contains characters that real texts lack, so the file probably has another encoding: set it with"
            " `encoding`, for example windows-1252 instead of latin-1; the proposed column accepts them"
        )
    return replace(_text(name, filled), empty=quoted_empty, nullable=nullable), notes


def _as_the_client_said(
    name: str, values: Sequence[str], own: ColumnOptions, wide: ColumnOptions, notes: list[str]
) -> Column | None:
    """The column of numbers or dates that the client's options are for."""
    for column in date_columns(name, own, wide):
        if _accepts(column, values):
            return _fitting_scale(column, values)
    numbers = number_format_of(own, wide)
    plain = plain_numbers(values, numbers) if numbers != PLAIN_NUMBERS else None
    if plain is not None:
        for propose in (_integer, _decimal):
            proposed = propose(name, plain, notes)
            if proposed and _accepts(_as_imported(replace(proposed, numbers=numbers), own, wide), values):
                return replace(proposed, numbers=numbers)
    return None


def _fitting_scale(column: Column, values: Sequence[str]) -> Column:
    if column.type is ColumnType.DATE:
        return column
    scales = (scale for scale in range(6) if _accepts(replace(column, scale=scale), values))
    return replace(column, scale=next(scales, column.scale))


def _as_imported(column: Column, own: ColumnOptions, wide: ColumnOptions) -> Column:
    """The column as the file's import will read it with the client's options."""
    try:
        return apply_value_options(column, own, wide)
    except InvalidContent:  # the whole request will be refused
        return column


def _accepts(column: Column, values: Sequence[str]) -> bool:
    """Whether the column's validator accepts all values."""
    check, typed = validator_for(column), typed_reader(column)
    try:
        for value in {(type(value), value): value for value in values}.values():
            if isinstance(value, Day) and column.type is ColumnType.DATETIME:
                check(f"{value} 00:00:00")
            else:
                check(typed(value) if typed and isinstance(value, Number | TypedNumber) else value)
    except BadValue:
        return False
    return True


def _boolean(name: str, values: Sequence[str], _: list[str]) -> Column | None:
    words = {value.lower() for value in values}
    fits = words <= {"true", "false"} or words <= {"yes", "no"}
    return Column(name, ColumnType.BOOLEAN) if fits else None


def _integer(name: str, values: Sequence[str], _: list[str]) -> Column | None:
    """Without leading zeros, and without `-0`, which would come back as 0."""
    if not all(map(_INTEGER.fullmatch, values)) or "-0" in values or max(map(len, values)) > 20:
        return None
    numbers = [int(value) for value in values]
    least, most = min(numbers), max(numbers)
    if least >= MIN_INTEGER and most <= MAX_SIGNED:
        return Column(name, ColumnType.INTEGER, minimum=MIN_INTEGER, maximum=MAX_SIGNED)
    return (
        Column(name, ColumnType.INTEGER, minimum=0, maximum=MAX_INTEGER) if least >= 0 and most <= MAX_INTEGER else None
    )


def _decimal(name: str, values: Sequence[str], notes: list[str]) -> Column | None:
    if any(map(_NEGATIVE_ZERO.fullmatch, values)):
        return None
    is_doubtful = any(map(_is_like_groups, values))
    if not all(map(_DECIMAL.fullmatch, values)):
        exponents = all(isinstance(value, Number) or _has_form_of_number(value) for value in values)
        plain = plain_numbers(values) if exponents else None
        if plain is None:
            return None
        values = plain
    parts = [value.lstrip("-").partition(".") for value in values]
    whole = max(_MIN_WHOLE, *(len(before) + 2 for before, _, _ in parts))
    scale = max(_MIN_SCALE, *(len(after) for _, _, after in parts))
    if scale > MAX_SCALE or whole + scale - 2 > MAX_PRECISION:
        return None
    if is_doubtful and all(map(_LIKE_GROUPS.fullmatch, values)):
        notes.append(
            "its point is taken for a decimal mark: if 1.234 means 1234, set"
            f" {_option(name, {'decimal_mark': ',', 'grouping_mark': '.'})}"
        )
    return Column(name, ColumnType.DECIMAL, precision=min(whole + scale, MAX_PRECISION), scale=scale, signed=True)


def _option(name: str, members: dict[str, str]) -> str:
    return columns_with(name, members, FileFormat("csv"))


def _is_like_groups(value: str) -> bool:
    """Whether a text's point may separate thousands. A number that the file holds as a number has one meaning."""
    is_typed = isinstance(value, Number | TypedNumber)
    return not is_typed and "." in value and _LIKE_GROUPS.fullmatch(value) is not None


def _has_form_of_number(value: str) -> bool:
    return _DECIMAL.fullmatch(value) is not None or _EXPONENT.fullmatch(value) is not None


def _date(name: str, values: Sequence[str], _: list[str]) -> Column | None:
    if all(map(_DATE.fullmatch, values)):
        return Column(name, ColumnType.DATE)
    format = _format(values, _DAYS)
    return Column(name, ColumnType.DATE, formats=(format,)) if format else None


def _datetime(name: str, values: Sequence[str], notes: list[str]) -> Column | None:
    found = [_DATETIME.fullmatch(f"{value} 00:00:00" if isinstance(value, Day) else value) for value in values]
    if all(found):
        scale = max(len(match[1] or "") for match in found if match)
        return Column(name, ColumnType.DATETIME, scale=scale)
    formats = [f"{day} {time}" for day in ("%Y-%m-%d", *_DAYS) for time in _TIMES]
    format = _format(values, formats)
    if format is None:
        return None
    example = _option(name, {"zone": "Europe/Berlin"})
    notes.append(f"its times have no zone and are read as UTC: if they are in another, set it, as with {example}")
    return Column(name, ColumnType.DATETIME, formats=(format,))


def _format(values: Sequence[str], formats: Sequence[str]) -> str | None:
    """The format of all values; None if there is none, or if day and month may be exchanged."""
    if not all(map(_MOMENT.fullmatch, values)):
        return None
    distinct = list(dict.fromkeys(values))
    fitting = [format for format in formats if _is_format_of(format, distinct)]
    if not fitting:
        return None
    day, _, time = fitting[0].partition(" ")
    other = _EXCHANGED.get(day)
    return None if other is not None and f"{other} {time}".strip() in fitting else fitting[0]


def _is_format_of(format: str, values: Sequence[str]) -> bool:
    parse = parser(format, padded=True)
    return all(parse(value) is not None for value in values)


def _email(name: str, values: Sequence[str], _: list[str]) -> Column | None:
    if not all(map(_EMAIL.fullmatch, values)):
        return None
    return Column(name, ColumnType.EMAIL, length=max(254, *map(len, values)))


def _currency(name: str, values: Sequence[str], _: list[str]) -> Column | None:
    return Column(name, ColumnType.CURRENCY) if CURRENCIES.issuperset(values) else None


def _enum(name: str, values: Sequence[str], notes: list[str]) -> Column | None:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
        if len(counts) > _MAX_CHOICES:
            return None
    if len(values) < _MIN_ROWS or min(counts.values()) < _MIN_REPEATS or len(counts) == 1:
        return None
    if max(map(len, counts)) > _LENGTHS[1] or not all(choice.isprintable() for choice in counts):
        return None
    notes.append("it accepts only these values: make it a text if there are others")
    return Column(name, ColumnType.ENUM, choices=tuple(sorted(counts)))


_PROPOSERS: tuple[Callable[[str, Sequence[str], list[str]], Column | None], ...] = (
    _boolean,
    _integer,
    _decimal,
    _date,
    _datetime,
    _email,
    _currency,
    _enum,
)


def _text(name: str, values: Sequence[str]) -> Column:
    longest = max(map(len, values))
    length = next((length for length in _LENGTHS if longest * 3 <= length * 2), LONG_TEXT)
    controls = Controls.NONE
    for value in values:
        if _CONTROLS.search(value):
            controls = Controls.ANY
            break
        if _LINES.search(value):
            controls = Controls.LINES
    return Column(name, ColumnType.TEXT, length=length, controls=controls)
