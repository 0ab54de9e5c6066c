"""What each type of column accepts: the authority on a single value, and the sentence that refuses it.

The vectorised checks in `screening` may only accept what is accepted here.
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

__all__ = ["BadValue", "Check", "excerpt", "validator_for", "value_validator_for"]

# What texts hardly ever hold, but bytes of another encoding become: the controls of Latin-1, a byte order mark inside a
# text, and two that are no characters. They count as control characters.
MISREAD = "\x80-\x9f\ufeff\ufffe\uffff"

_FORBIDDEN = {
    Controls.NONE: re.compile(f"[\x00-\x1f\x7f{MISREAD}\ud800-\udfff]"),
    Controls.LINES: re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{MISREAD}\ud800-\udfff]"),
    Controls.ANY: re.compile("[\ud800-\udfff]"),
}
_EMAIL = re.compile(r"[^@ ]+@[^@ .]+(?:\.[^@ .]+)*")

BOOLEANS = {"true": "1", "yes": "1", "1": "1", "false": "0", "no": "0", "0": "0"}


def validator_for(column: Column) -> Callable[[str | None], str | None]:
    """The check of one value of this column, None where a row has none: returns the text for the server, None for NULL,
    and raises BadValue.

    Raises ValueError, with a sentence, for a column that is not declared soundly: its default is not accepted, or its
    zone or a format is none.
    """
    check = value_validator_for(column)
    lacking: str | None = None
    if column.default is not None:
        try:
            lacking = value_validator_for(replace(column, numbers=PLAIN_NUMBERS))(column.default)
        except BadValue as bad:
            raise ValueError(f"the default of {column.name} is not accepted: {bad.reason}") from None

    def check_field(text: str | None) -> str | None:
        if text is not None:
            return check(text)
        if column.required:
            raise _empty(column)
        return lacking

    return check_field


def value_validator_for(column: Column) -> Check:
    """The check of a value that is there."""
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
            else f"{column.name} has no value; every row needs one, an empty text in quotes at least",
        )
    return BadValue(
        "empty",
        f"{column.name} is an empty text, which is no value here; where there is none, leave the field empty without"
        " quotes",
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
        return "a byte order mark (U+FEFF), which may stand only at a file's beginning; were two files joined?"
    what = f"the control character U+{code:04X}" if code < 0xA0 else f"U+{code:04X}, which is no character"
    return (
        f"{what}: the file's encoding is probably another one; say which with `encoding`, for example"
        " encoding=windows-1252 where latin-1 was said"
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
