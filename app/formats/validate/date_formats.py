"""Formats of `strptime`, read the same in every locale: names of months are English.

A format reads a text in one way or not at all: digits that stand next to others must be as many as can be.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import product

Parse = Callable[[str], datetime | None]

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBERS = {name.lower(): at for at, name in enumerate(_MONTHS, 1)}
_NUMBERS |= {name[:3].lower(): at for at, name in enumerate(_MONTHS, 1)}
_FORMS = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "1[0-2]|0[1-9]",
    "d": "3[01]|[12][0-9]|0[1-9]",
    "j": "36[0-6]|3[0-5][0-9]|[12][0-9][0-9]|0[1-9][0-9]|00[1-9]",
    "H": "2[0-3]|[01][0-9]",
    "I": "1[0-2]|0[1-9]",
    "M": "[0-5][0-9]",
    "S": "6[01]|[0-5][0-9]",
    "f": "[0-9]{1,6}",
    "b": "|".join(name[:3] for name in _MONTHS),
    "B": "|".join(_MONTHS),
    "a": "|".join(name[:3] for name in _WEEKDAYS),
    "A": "|".join(_WEEKDAYS),
    "p": "AM|PM",
    "z": "[+-][0-9]{2}:?[0-5][0-9]|Z",
}
# of these, where nothing stands beside them that could be a digit of theirs
_SHORT_FORMS = {
    "m": "[1-9]",
    "d": " ?[1-9]",
    "j": "[1-9][0-9]|[1-9]|0[1-9]",
    "H": "[0-9]",
    "I": "[1-9]",
    "M": "[0-9]",
    "S": "[0-9]",
}
_DIGITS = frozenset("YymdjHIMSf")
_DIRECTIVE = re.compile(r"%(.)|(\s+)|([^%\s])", re.DOTALL)
_PIVOT = 69  # from here on two digits are of the 20th century


@lru_cache(maxsize=512)
def parser(format: str, zones: tuple[tuple[str, str], ...] = (), *, padded: bool = False) -> Parse:
    """The function that parses a text in this format, which `check_date_format` has accepted. It returns None for a
    text in another format, or for a date that does not exist; the result has a time zone if the text has one. With
    `padded`, numbers must have all their digits."""
    parts = [(found[1], found[3]) for found in _DIRECTIVE.finditer(format)]
    offsets = {name.casefold(): offset_of(offset) for name, offset in zones}
    pattern = ""
    for at, (letter, literal) in enumerate(parts):
        if letter in (None, "%"):
            pattern += r"\s+" if literal is None and letter is None else re.escape(literal or "%")
            continue
        form = "|".join(map(re.escape, dict(zones))) if letter == "Z" else _FORMS[letter]
        if (
            not padded
            and letter in _SHORT_FORMS
            and not any(map(_is_digit, (*parts[at - 1 : at], *parts[at + 1 : at + 2])))
        ):
            form += f"|{_SHORT_FORMS[letter]}"
        pattern += f"(?P<{letter}>(?a:{form}))"  # `(?a:` as others count as letters of ASCII: ı as i, ſ as s
        pattern += "0*" if letter == "f" else ""
    compiled = re.compile(pattern, re.IGNORECASE)

    def parse(text: str) -> datetime | None:
        found = compiled.fullmatch(text)
        if found is None:
            return None
        try:
            return _moment(found.groupdict(), offsets)
        except (ValueError, OverflowError):
            return None

    return parse


def _is_digit(part: tuple[str | None, str | None]) -> bool:
    letter, literal = part
    return letter in _DIGITS if letter else literal is not None and literal.isdigit()


def _moment(said: Mapping[str, str | None], offsets: Mapping[str, tzinfo]) -> datetime:
    def number(letter: str, default: int = 0) -> int:
        text = said.get(letter)
        return default if text is None else int(text)

    year = number("Y")
    if said.get("y") is not None:
        year = number("y") + (1900 if number("y") >= _PIVOT else 2000)
    name = said.get("b") or said.get("B")
    month = _NUMBERS[name.casefold()] if name else number("m", 1)
    hour = number("H")
    if (half := said.get("p")) is not None:
        hour = number("I") % 12 + 12 * (half.lower() == "pm")
    zone = said.get("z")
    where = offset_of(zone) if zone else offsets.get((said.get("Z") or "").casefold())
    microsecond = int((said.get("f") or "").ljust(6, "0"))
    moment = datetime(year, month, number("d", 1), hour, number("M"), number("S"), microsecond, where)
    if (day := said.get("j")) is not None:
        moment += timedelta(days=int(day) - 1)
        if moment.year != year:
            raise ValueError("the year has no such day")
    weekday = said.get("a") or said.get("A")
    if weekday and not _WEEKDAYS[moment.weekday()].casefold().startswith(weekday.casefold()):
        raise ValueError("the date is another day of the week")
    return moment


@lru_cache(maxsize=4096)
def offset_of(text: str) -> tzinfo:
    """The zone of an offset such as +02:00, +0200, +02 or Z. Raises ValueError for a day and more."""
    if text in ("Z", "z"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if text[0] == "-" else size)


_DAYS: tuple[str, ...] = (
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%y",
)
_DAYS += (
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %B %Y",
    "%a, %d %b %Y",
)
_TIMES = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S.%f", "%H:%M:%S %z", "%H:%M %z")
_LONGEST_SUGGESTED = 40
_BETWEEN = (" ", ", ", "T")


@lru_cache(maxsize=1)
def known_formats() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Formats that files often have: of days, and of days with times."""
    times = tuple(f"{day}{gap}{time}" for gap, day, time in product(_BETWEEN, ("%Y-%m-%d", *_DAYS), _TIMES))
    return _DAYS, times


@lru_cache(maxsize=4096)
def suggest_formats(text: str, *, times: bool) -> tuple[str, ...]:
    """The formats among those that are often used that read the text; more than one where they are several moments."""
    if len(text) > _LONGEST_SUGGESTED or not any(map(str.isdigit, text)):
        return ()
    days, moments = known_formats()
    found: dict[datetime, str] = {}
    for format in ("%Y-%m-%d", *days, *moments) if times else days:
        moment = parser(format)(text)
        if moment is not None:
            found.setdefault(moment, format)
    return tuple(found.values())
