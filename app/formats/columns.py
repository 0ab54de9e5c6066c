"""What each type of column accepts: the authority on a single value, and the sentence that refuses it.

The vectorised checks in `screening` may only accept what is accepted here.
"""

import re
from collections.abc import Callable
from datetime import datetime

from app.domain.dataset import Column, ColumnType
from app.formats.currencies import CURRENCIES

# Takes a value as it was sent, returns the text for the server, raises BadValue.
Check = Callable[[str], str]

_FORBIDDEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_INTEGER = re.compile("-?[0-9]+")
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DATETIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}Z?")
_EMAIL = re.compile(r"[^@ ]+@[^@ .]+(?:\.[^@ .]+)*")

SHOWN_CHARACTERS = 200


class BadValue(Exception):
    """A value that its column does not accept; the reader adds where it stands."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def shown(text: str) -> str:
    """The text as an error may show it: at most 200 characters, what is no UTF-8 escaped."""
    head = text[:SHOWN_CHARACTERS]
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}"
        if 0xDC80 <= ord(c) <= 0xDCFF
        else f"\\u{ord(c):04x}"
        if 0xD800 <= ord(c) <= 0xDFFF
        else c
        for c in head
    )


def check_for(column: Column) -> Check:
    """The check of one value of this column: returns the text for the server, raises BadValue."""
    check = _CHECKS[column.type](column)

    def check_value(text: str) -> str:
        if not text:
            raise BadValue("empty", f"{column.name} is empty; every column needs a value")
        forbidden = _FORBIDDEN.search(text)
        if forbidden:
            raise _forbidden_character(column, forbidden[0])
        return check(text)

    return check_value


def _forbidden_character(column: Column, character: str) -> BadValue:
    code = ord(character)
    if code == 0:
        return BadValue("nul_byte", f"{column.name} contains a NUL byte; only text is accepted")
    if code < 0x80:
        return BadValue(
            "control_character",
            f"{column.name} contains the control character U+{code:04X}; line breaks, tabs and other control"
            " characters are not accepted",
        )
    return BadValue("not_utf8", f"{column.name} is not valid UTF-8; save the file as UTF-8")


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


def _integer(column: Column) -> Check:
    expected = f"a whole number from {column.minimum} to {column.maximum}"
    minimum, maximum = column.minimum, column.maximum
    most_digits = max(len(str(abs(minimum))), len(str(abs(maximum))))

    def check(text: str) -> str:
        if not _INTEGER.fullmatch(text):
            raise BadValue("not_an_integer", f"{column.name} must be {expected}, written in digits only")
        # Counted before it is converted, without leading zeros: Python refuses to convert thousands of digits.
        digits = text.lstrip("-").lstrip("0") or "0"
        if len(digits) > most_digits or not minimum <= int("-" * text.startswith("-") + digits) <= maximum:
            raise BadValue("out_of_range", f"{column.name} is out of range: expected {expected}")
        return text

    return check


def _decimal(column: Column) -> Check:
    whole_digits = column.precision - column.scale

    def check(text: str) -> str:
        if not _DECIMAL.fullmatch(text):
            raise BadValue(
                "not_a_decimal",
                f"{column.name} must be a number like 12.50: digits, and a point if needed; no sign, no exponent,"
                " no thousands separator",
            )
        whole, _, fraction = text.partition(".")
        if len(fraction) > column.scale:
            raise BadValue(
                "too_many_decimals",
                f"{column.name} has {len(fraction)} digits after the point, at most {column.scale} are accepted;"
                " nothing is rounded",
            )
        if len(whole.lstrip("0")) > whole_digits:
            raise BadValue(
                "too_many_digits",
                f"{column.name} has {len(whole.lstrip('0'))} digits before the point, at most {whole_digits} are"
                " accepted",
            )
        return text

    return check


def _datetime(column: Column) -> Check:
    def check(text: str) -> str:
        if not _DATETIME.fullmatch(text):
            raise BadValue(
                "bad_datetime",
                f"{column.name} must be a date and time in UTC like 2026-11-22 08:30:00 or 2026-11-22T08:30:00Z",
            )
        plain = text[:10] + " " + text[11:19]
        try:
            moment = datetime.fromisoformat(plain)
        except ValueError:
            raise BadValue("impossible_date", f"{column.name} is no date and time that exists") from None
        if moment.year < 1000:
            raise BadValue("out_of_range", f"{column.name} must lie in the years 1000 to 9999")
        return plain

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
    ColumnType.INTEGER: _integer,
    ColumnType.DECIMAL: _decimal,
    ColumnType.DATETIME: _datetime,
    ColumnType.EMAIL: _email,
    ColumnType.CURRENCY: _currency,
    ColumnType.ENUM: _choice,
}
