"""Numbers: what a column of them accepts, and the plain spelling that the server gets.

A plain number goes as it is. Any other spelling becomes the shortest plain one of exactly the same number, or is
refused: nothing is rounded. Zero has no sign.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from app.domain.dataset import Column, ColumnType
from app.domain.spelling import APOSTROPHES, BLANKS, FRACTION, PLAIN_NUMBERS, NumberFormat
from app.formats.errors import BadValue, Check
from app.formats.validate.currencies import CURRENCIES

# Without zeros before the number: `007` is a text, as a ZIP code is, and would come back as 7.
_PLAIN_INTEGER = re.compile("0|-?[1-9][0-9]*")
_PLAIN_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_MAX_EXPONENT = 10**18  # no text has so many digits
_SIGN = "[+\\-\u2212]"
_BLANK = f"[{BLANKS}]?"
# without the cent, of which 5 are 0.05
_CURRENCY_SIGNS = (
    "$£¤¥\u058f\u060b\u09f2\u09f3\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20cf\ufdfc\ufe69\uff04\uffe1\uffe5\uffe6"
)
# what Excel shows of a number with more digits than its cell has room for: 4.00638E+12
_SHOWN_SHORT = re.compile(r"E\+[0-9]{2,}$")
_NUMBER_TYPES = (ColumnType.INTEGER, ColumnType.DECIMAL)


@dataclass(frozen=True)
class _Spelled:
    """A number's parts: digits of its whole and its fraction, and its exponent; whether a percent sign follows."""

    negative: bool
    whole: str
    fraction: str
    exponent: int
    percent: bool
    shown_short: bool


def has_number_format(column: Column) -> bool:
    """Whether the column's numbers may be written otherwise than in the plain way."""
    return column.type in _NUMBER_TYPES and column.numbers != PLAIN_NUMBERS


def typed_mark(column: Column) -> str | None:
    """The decimal mark that a number must get that a file holds as a number, with a point; None where it keeps it."""
    mark = column.numbers.decimal_mark
    return mark if column.type in _NUMBER_TYPES and mark != "." else None


def number_check(column: Column) -> Check:
    """The check of an integer or a decimal: returns its plain spelling."""
    plain = _plain_integer(column) if column.type is ColumnType.INTEGER else _plain_decimal(column)
    is_plain = column.numbers == PLAIN_NUMBERS

    def check(text: str) -> str:
        if is_plain and plain(text):
            return text
        return _convert(text, column, suggest=True)

    return check


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


def _convert(text: str, column: Column, *, suggest: bool) -> str:
    """The plain spelling of a number that is written in one of the column's ways. Raises BadValue."""
    is_integer = column.type is ColumnType.INTEGER
    code = "not_an_integer" if is_integer else "not_a_decimal"
    hint = partial(_suggestion, text, column) if suggest else None
    found = _read(text, column.numbers)
    if found is None:
        raise BadValue(code, _expected(column), hint)
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
            raise BadValue(code, reason, hint)
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
            hint,
        )
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


def _read(text: str, numbers: NumberFormat) -> _Spelled | None:
    found = _pattern(numbers).fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    signs = [sign for sign in (part["before"], part["inner"], part.get("after")) if sign]
    brackets = bool(part.get("open")) + bool(part.get("inner_open"))
    if brackets + len(signs) > 1 or (part.get("money") and part.get("money_after")):
        return None
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
        shown_short=bool(exponent and _SHOWN_SHORT.search(text)),
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
        r"(?:[eE](?P<exponent>[+-]?[0-9]+))?"
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


def _suggestion(text: str, column: Column) -> str:
    """Which options would let the text in, and as what."""
    found = suggest_formats(text, column)
    said = [f"{_as_options(numbers, column.numbers)} if it means {plain}" for numbers, plain in found.items()]
    return f"; set {', or '.join(said)}" if said else ""


def suggest_formats(text: str, column: Column) -> dict[NumberFormat, str]:
    """The number formats that differ least from the column's and read the text, with what they read."""
    found: dict[NumberFormat, str] = {}
    if len(text) > _MAX_SUGGESTED or not any(map(str.isdigit, text)):
        return found
    own = column.numbers
    for extra in _EXTRAS:
        for decimal_mark, grouping_mark in ((own.decimal_mark, own.grouping_mark), (".", ""), *_MARKS):
            numbers = replace(own, decimal_mark=decimal_mark, grouping_mark=grouping_mark, **extra)  # type: ignore[arg-type]
            try:
                plain = _convert(text, replace(column, numbers=numbers), suggest=False)
            except BadValue:
                continue
            if plain not in found.values():
                found[numbers] = plain
            if numbers.percent is True:
                found |= _as_fraction(text, column, numbers)
        if found:
            break
    return found


def _as_fraction(text: str, column: Column, numbers: NumberFormat) -> dict[NumberFormat, str]:
    fraction = replace(numbers, percent=FRACTION)
    try:
        return {fraction: _convert(text, replace(column, numbers=fraction), suggest=False)}
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
