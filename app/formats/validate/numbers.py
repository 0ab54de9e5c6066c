"""Numbers: what a column of them accepts, and the plain spelling that the server gets.

A plain number goes as it is. Any other spelling becomes the shortest plain one of exactly the same number, or is
refused: nothing is rounded. Zero has no sign.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from app.domain.dataset import Column, ColumnType
from app.domain.spelling import APOSTROPHES, BLANKS, FRACTION, PLAIN_NUMBERS, NumberFormat
from app.formats.errors import BadValue, Check
from app.formats.validate.currencies import CURRENCIES
from app.formats.validate.typed_numbers import TypedNumber

# Without zeros before the number: `007` is a text, as a ZIP code is, and would come back as 7.
_PLAIN_INTEGER = re.compile("0|-?[1-9][0-9]*")
_PLAIN_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_MAX_EXPONENT = 10**18  # no text has so many digits
_GROUP = 3  # digits
_SIGN = "[+\\-\u2212]"
_BLANK = f"[{BLANKS}]?"
# without the cent, of which 5 are 0.05
_CURRENCY_SIGNS = (
    "$£¤¥\u058f\u060b\u09f2\u09f3\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20cf\ufdfc\ufe69\uff04\uffe1\uffe5\uffe6"
)
# what Excel shows of a number with more digits than its cell has room for: 4.00638E+12
_SHOWN_SHORT = re.compile(r"E\+[0-9]{2,}")
_NUMBER_TYPES = (ColumnType.INTEGER, ColumnType.DECIMAL)


def number_check(column: Column) -> Check:
    """The validator for an integer or a decimal; it returns the plain spelling."""
    is_plain = plain_check(column)
    takes_plain = column.numbers == PLAIN_NUMBERS
    return lambda text: text if takes_plain and is_plain(text) else convert(text, column)


@dataclass(frozen=True)
class _Spelled:
    """A number's parts: digits of its whole and its fraction, and its exponent; whether a percent sign follows."""

    negative: bool
    whole: str
    fraction: str
    exponent: int
    percent: bool
    shown_short: bool
    has_exponent: bool


def has_number_format(column: Column) -> bool:
    """Whether the column's numbers may be written otherwise than in the plain way."""
    return column.type in _NUMBER_TYPES and column.numbers != PLAIN_NUMBERS


def accepts_numbers(column: Column) -> bool:
    """Whether a value may be a number of JSON, and not only a text."""
    return column.type in (*_NUMBER_TYPES, ColumnType.BOOLEAN) or column.serial != ""


def plain_check(column: Column) -> Callable[[str], bool]:
    """Whether a text is a plain number that the column accepts as it is."""
    return _plain_integer(column) if column.type is ColumnType.INTEGER else _plain_decimal(column)


def _plain_integer(column: Column) -> Callable[[str], bool]:
    minimum, maximum = column.minimum, column.maximum
    max_digits = _max_digits(column)

    def is_plain(text: str) -> bool:
        # Counted before it is converted: Python refuses to convert thousands of digits.
        return (
            _PLAIN_INTEGER.fullmatch(text) is not None
            and len(text.lstrip("-")) <= max_digits
            and minimum <= int(text) <= maximum
        )

    return is_plain


def _max_digits(column: Column) -> int:
    return max(len(str(abs(column.minimum))), len(str(abs(column.maximum))))


def _plain_decimal(column: Column) -> Callable[[str], bool]:
    whole_digits, scale, signed = column.precision - column.scale, column.scale, column.signed

    def is_plain(text: str) -> bool:
        if not _PLAIN_DECIMAL.fullmatch(text):
            return False
        whole, _, fraction = text.partition(".")
        if len(fraction) > scale or len(whole.lstrip("-0")) > whole_digits:
            return False
        return whole[0] != "-" or (signed and text.strip("-0.") != "")

    return is_plain


def convert(text: str, column: Column) -> str:
    """The plain spelling of a number that is written in one of the column's ways. Raises BadValue."""
    is_integer = column.type is ColumnType.INTEGER
    code = "not_an_integer" if is_integer else "not_a_decimal"
    found = _read(text, column.numbers)
    if found is None:
        raise BadValue(code, _expected(column))
    if found.whole[:1] == "0" and len(found.whole) > 1:
        raise BadValue(
            code,
            f"{column.name} has leading zeros, which a number would lose: make the column a text if they belong to it,"
            " as in a ZIP code, or send the number without them",
        )
    digits = (found.whole + found.fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        if is_integer and not column.minimum <= 0 <= column.maximum:
            raise _out_of_range(column)
        return "0"
    if found.shown_short and found.exponent > len(found.fraction):
        raise BadValue(
            code,
            f"{column.name} is as a spreadsheet shows a number whose digits it has left out: show the column as a"
            " number there and save the file again, or write all digits",
        )
    exponent = found.exponent - len(found.fraction) + len(digits) - len(significant)
    if found.percent and column.numbers.percent == FRACTION:
        exponent -= 2
    decimals, whole_digits = max(0, -exponent), max(0, len(significant) + exponent)
    sign = "-" if found.negative else ""
    if is_integer:
        if decimals:
            reason = f"{column.name} must be {_whole_number(column)}; this one has a fraction, and nothing is rounded"
            raise BadValue(code, reason)
        _check_meaning(text, found, column)
        if whole_digits > _max_digits(column):
            raise _out_of_range(column)
        plain = sign + significant + "0" * exponent
        if not column.minimum <= int(plain) <= column.maximum:
            raise _out_of_range(column)
        return plain
    if found.negative and not column.signed:
        raise BadValue(code, f"{column.name} must be a number that is not below 0; make the column signed to allow it")
    if decimals > column.scale:
        raise BadValue(
            "too_many_decimals",
            f"{column.name} has {decimals} digits after the point, at most {column.scale} are accepted; nothing is"
            " rounded",
        )
    _check_meaning(text, found, column)
    if whole_digits > column.precision - column.scale:
        raise BadValue(
            "too_many_digits",
            f"{column.name} has {whole_digits} digits before the point, at most {column.precision - column.scale} are"
            " accepted",
        )
    if not decimals:
        return sign + significant + "0" * exponent
    padded = significant.rjust(decimals + 1, "0")
    return f"{sign}{padded[:-decimals]}.{padded[-decimals:]}"


def _check_meaning(text: str, found: _Spelled, column: Column) -> None:
    """Raises BadValue for 1.000, which may be 1 or 1000: unless the client has said what a point is, or the column has
    as many digits after the point, as a rate of 1.000 has."""
    numbers = column.numbers
    is_doubtful = (
        len(found.fraction) == _GROUP
        and 1 <= len(found.whole) <= _GROUP
        and found.whole[0] != "0"
        and not found.has_exponent
    )
    is_said = column.marks_given or not numbers.has_default_marks
    if is_doubtful and not is_said and column.scale < _GROUP and not isinstance(text, TypedNumber):
        raise BadValue(
            "ambiguous_number",
            f"{column.name} could be a number with zeros after its point, or one whose point separates thousands",
        )


def _read(text: str, numbers: NumberFormat) -> _Spelled | None:
    found = _pattern(numbers).fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    signs = [sign for sign in (part["before"], part["inner"], part.get("after")) if sign]
    brackets = bool(part.get("open")) + bool(part.get("inner_open"))
    if brackets + len(signs) > 1 or (part.get("money") and part.get("money_after")):
        return None
    if part.get("after") and part["fraction"] == "":
        return None  # `5,-` is a price of 5
    whole = part["whole"] or ""
    exponent = part["exponent"]
    if exponent and ((whole and not whole.isdigit()) or part.get("percent")):
        return None
    return _Spelled(
        negative=brackets > 0 or bool(signs and signs[0] != "+"),
        whole="".join(filter(str.isdigit, whole)) if numbers.grouping_mark else whole,
        fraction=part["fraction"] or part["bare"] or "",
        exponent=_as_exponent(exponent) if exponent else 0,
        percent=bool(part.get("percent")),
        shown_short=bool(exponent and _SHOWN_SHORT.fullmatch(part["power"])),
        has_exponent=bool(exponent),
    )


def _as_exponent(text: str) -> int:
    digits = text.lstrip("+-").lstrip("0")
    size = int(digits or "0") if len(digits) < len(str(_MAX_EXPONENT)) else _MAX_EXPONENT
    return -size if text[0] == "-" else size


@lru_cache(maxsize=256)
def _pattern(numbers: NumberFormat) -> re.Pattern[str]:
    mark = re.escape(numbers.decimal_mark)
    whole = "[0-9]+"
    if numbers.grouping_mark:
        group = _alike(numbers.grouping_mark)
        # the last group has three digits, others three or, as in India, two
        whole = rf"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]{{1,2}}(?:{group}[0-9]{{2}})+{group}[0-9]{{3}}|{whole}"
    pattern = (
        rf"(?:(?P<whole>{whole})(?:{mark}(?P<fraction>[0-9]*))?|{mark}(?P<bare>[0-9]+))"
        r"(?P<power>[eE](?P<exponent>[+-]?[0-9]+))?"
    )
    brackets = "parentheses" in numbers.negative
    if brackets:
        pattern = rf"(?P<inner_open>\()?{pattern}(?(inner_open)\))"
    pattern = f"(?P<inner>{_SIGN})?{pattern}"
    if numbers.percent:
        pattern += f"(?P<percent>{_BLANK}%)?"
    if numbers.currency:
        money = _money(numbers.currency)
        pattern = f"(?P<money>{money}{_BLANK})?{pattern}(?P<money_after>{_BLANK}{money})?"
    pattern = f"(?P<before>{_SIGN})?{pattern}"
    if "trailing_minus" in numbers.negative:
        pattern += "(?P<after>[-\u2212])?"
    if brackets:
        pattern = rf"(?P<open>\()?{pattern}(?(open)\))"
    if numbers.currency:  # accounting formats have blanks around
        pattern = f"[{BLANKS}]*{pattern}[{BLANKS}]*"
    return re.compile(pattern)


def _alike(mark: str) -> str:
    kind = next((kind for kind in (BLANKS, APOSTROPHES) if mark in kind), mark)
    return f"[{kind}]"


def _money(currency: bool | str) -> str:
    if isinstance(currency, str):
        return re.escape(currency)
    return f"(?:[{_CURRENCY_SIGNS}]|{'|'.join(sorted(CURRENCIES))})"


def _whole_number(column: Column) -> str:
    return f"a whole number from {column.minimum} to {column.maximum}"


def _out_of_range(column: Column) -> BadValue:
    return BadValue("out_of_range", f"{column.name} is out of range: expected {_whole_number(column)}")


def _expected(column: Column) -> str:
    numbers = column.numbers
    grouped = f", groups of three digits with {numbers.grouping_mark!r} between them" if numbers.grouping_mark else ""
    if column.type is ColumnType.INTEGER:
        return f"{column.name} must be {_whole_number(column)}, written in digits only{grouped and ' or' + grouped[1:]}"
    mark = "a point" if numbers.decimal_mark == "." else "a comma"
    sign = "a minus at most" if column.signed else "no sign"
    return (
        f"{column.name} must be a number like 12{numbers.decimal_mark}50: digits, and {mark} if needed; {sign}{grouped}"
    )
