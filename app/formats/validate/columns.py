"""Validates single values: what each type of column accepts, and the message for what it refuses.

These checks decide. The vectorised checks in `vectorized_columns` may only accept what is accepted here.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from app.domain.dataset import Column, ColumnType, Controls
from app.domain.spelling import PLAIN_NUMBERS
from app.formats.errors import BadValue, Check, excerpt
from app.formats.validate.currencies import CURRENCIES
from app.formats.validate.datetimes import date_check, datetime_check
from app.formats.validate.numbers import number_check
from app.formats.validate.typed_numbers import TypedNumber

__all__ = ["BadValue", "Check", "excerpt", "validator_for", "value_validator_for"]

# Characters that real texts hardly ever contain, but that appear if a text is decoded with the wrong encoding: the C1
# control characters, a byte order mark inside a text, and two code points that are not characters. They count as
# control characters.
MISREAD = "\x80-\x9f\ufeff\ufffe\uffff"

_FORBIDDEN = {
    Controls.NONE: re.compile(f"[\x00-\x1f\x7f{MISREAD}\ud800-\udfff]"),
    Controls.LINES: re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{MISREAD}\ud800-\udfff]"),
    Controls.ANY: re.compile("[\ud800-\udfff]"),
}
_EMAIL = re.compile(r"[^@ ]+@[^@ .]+(?:\.[^@ .]+)*")

BOOLEANS = {"true": "1", "yes": "1", "1": "1", "false": "0", "no": "0", "0": "0"}


def validator_for(column: Column) -> Callable[[str | None], str | None]:
    """The validator for one value of this column (None: the row has none). It returns the text for the server, None for
    NULL, and raises BadValue.

    Raises ValueError for an invalid definition of the column: the message names the default, time zone or format.
    """
    check = value_validator_for(column)
    default = column.stored_default
    if column.default is not None and default is None:
        try:
            default = value_validator_for(replace(column, numbers=PLAIN_NUMBERS))(TypedNumber(column.default))
        except BadValue as bad:
            raise ValueError(f"the default of {column.name} is not accepted: {bad.reason}") from None
    values = dict(column.values)

    def check_field(text: str | None) -> str | None:
        if text is not None and (text := values.get(text, text)) is not None:
            return check(text)
        if column.required:
            raise _empty(column)
        return default

    return check_field


def value_validator_for(column: Column) -> Check:
    """`validator_for` without NULL and default: for values that are not None."""
    check = _CHECKS[column.type](column)
    is_text = column.type is ColumnType.TEXT
    forbidden = _FORBIDDEN[column.controls if is_text else Controls.NONE]
    may_be_empty = is_text and column.empty

    def check_value(text: str) -> str:
        if not text:
            if may_be_empty:
                return text
            raise _empty(column)
        found = forbidden.search(text)
        if found:
            raise _forbidden_character(column, found[0])
        return check(text)

    return check_value


def _empty(column: Column) -> BadValue:
    if column.required:
        return BadValue(
            "empty",
            f"{column.name} is empty; every column needs a value"
            if not column.empty
            else f"{column.name} has no value; every row needs one, at least a quoted empty text",
        )
    return BadValue(
        "empty",
        f"{column.name} is an empty text, which this column does not accept",
    )


def _forbidden_character(column: Column, character: str) -> BadValue:
    code = ord(character)
    if code == 0:
        return BadValue("nul_byte", f"{column.name} contains a NUL byte; only text is accepted")
    if code < 0x80:
        return BadValue(
            "control_character",
            f"{column.name} contains the control character U+{code:04X}; "
            + (
                "of control characters only line breaks and tabs are accepted"
                if column.controls is Controls.LINES
                else "line breaks, tabs and other control characters are not accepted"
            ),
        )
    if code < 0xD800 or code > 0xDFFF:
        return BadValue("control_character", f"{column.name} contains {_misread(code)}")
    return BadValue("not_utf8", f"{column.name} is not valid UTF-8; save the file as UTF-8")


def _misread(code: int) -> str:
    if code == 0xFEFF:
        return "a byte order mark (U+FEFF), which is valid only at a file's beginning; were two files joined?"
    what = f"the control character U+{code:04X}" if code < 0xA0 else f"U+{code:04X}, which is not a character"
    return (
        f"{what}: the file probably has another encoding; set it with `encoding`, for example"
        " encoding=windows-1252 instead of latin-1"
    )


def _text(column: Column) -> Check:
    def check(text: str) -> str:
        if len(text) > column.length:
            raise BadValue(
                "too_long", f"{column.name} has {len(text)} characters, at most {column.length} are accepted"
            )
        return text

    return check


def _email(column: Column) -> Check:
    within_length = _text(column)

    def check(text: str) -> str:
        if not _EMAIL.fullmatch(text):
            raise BadValue("not_an_email", f"{column.name} is not an e-mail address like name@example.com")
        return within_length(text)

    return check


def _boolean(column: Column) -> Check:
    def check(text: str) -> str:
        found = BOOLEANS.get(text.lower())
        if found is None:
            raise BadValue("not_a_boolean", f"{column.name} must be true or false, yes or no, 1 or 0")
        return found

    return check


def _currency(column: Column) -> Check:
    def check(text: str) -> str:
        if text not in CURRENCIES:
            raise BadValue(
                "unknown_currency", f"{column.name} must be an ISO 4217 code in capital letters like EUR or USD"
            )
        return text

    return check


def _choice(column: Column) -> Check:
    def check(text: str) -> str:
        if text not in column.choices:
            raise BadValue("not_a_choice", f"{column.name} must be one of {', '.join(column.choices)}")
        return text

    return check


_CHECKS: dict[ColumnType, Callable[[Column], Check]] = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: number_check,
    ColumnType.DECIMAL: number_check,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: date_check,
    ColumnType.DATETIME: datetime_check,
    ColumnType.EMAIL: _email,
    ColumnType.CURRENCY: _currency,
    ColumnType.ENUM: _choice,
}
