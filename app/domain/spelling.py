"""How a file may write numbers and dates besides the plain way: what a definition or an import can say of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

DECIMAL_MARKS = (".", ",")
# blanks and apostrophes look alike: whichever of them is named, each of its kind counts
BLANKS = " \u00a0\u2007\u2009\u202f"
APOSTROPHES = "'\u2019"
GROUPING_MARKS = (".", ",", "_", *APOSTROPHES, *BLANKS)
_NAMED_MARKS = {"none": "", "space": " "}
FRACTION = "fraction"
NEGATIVES = ("trailing_minus", "parentheses")
SERIALS = ("1900", "1904")
MAX_CURRENCY, MAX_ZONES, ZONE_LENGTH = 8, 50, 8

# A refusal: the part that is wrong, and why.
Refuse = Callable[[str, str], None]


@dataclass(frozen=True)
class NumberFormat:
    """How a column's numbers may be written.

    Attributes:
        decimal_mark: "." or ",".
        grouping_mark: what may separate groups of digits, "" for nothing.
        currency: True where a currency's sign or ISO code may stand before or after a number, or the text that may.
        percent: True where a percent sign may follow a number and is dropped (12.5% is 12.5), "fraction" where 12.5% is
            0.125.
        negative: how numbers below 0 may be written besides a minus before them, of `NEGATIVES`.
    """

    decimal_mark: str = "."
    grouping_mark: str = ""
    currency: bool | str = False
    percent: bool | str = False
    negative: tuple[str, ...] = ()

    @property
    def has_default_marks(self) -> bool:
        """Whether a point stands before decimals and nothing between groups."""
        return self.decimal_mark == "." and self.grouping_mark == ""

    def as_json(self) -> dict[str, Any]:
        """The parts that differ from the plain way."""
        parts = {name: getattr(self, name) for name in NUMBER_PARTS}
        return {
            name: list(part) if isinstance(part, tuple) else part
            for name, part in parts.items()
            if part != getattr(PLAIN_NUMBERS, name)
        }


PLAIN_NUMBERS = NumberFormat()
NUMBER_PARTS = tuple(field.name for field in fields(NumberFormat))


def read_number_format(given: Mapping[str, Any], refuse: Refuse) -> NumberFormat:
    """The number format that the members of `NUMBER_PARTS` describe. Calls `refuse` with each member that is wrong."""
    decimal_mark, grouping_mark = given.get("decimal_mark", "."), given.get("grouping_mark", "")
    if isinstance(grouping_mark, str):
        grouping_mark = _NAMED_MARKS.get(grouping_mark, grouping_mark)
    if decimal_mark not in DECIMAL_MARKS:
        refuse("decimal_mark", "must be a point or a comma")
        decimal_mark = "."
    if grouping_mark not in ("", *GROUPING_MARKS):
        refuse("grouping_mark", "must be a point, a comma, an apostrophe, _, space or none")
        grouping_mark = ""
    if grouping_mark == decimal_mark:
        other = "," if decimal_mark == "." else "."
        refuse("grouping_mark", f"is the decimal mark, too: set decimal_mark={other}, or another grouping_mark")
        grouping_mark = ""
    currency = given.get("currency", False)
    if not isinstance(currency, bool) and not _is_currency(currency):
        refuse("currency", f"must be true, or a sign or code of at most {MAX_CURRENCY} characters without digits")
        currency = False
    percent = given.get("percent", False)
    if not isinstance(percent, bool) and percent != FRACTION:
        refuse("percent", "must be true (12.5% is 12.5) or fraction (12.5% is 0.125)")
        percent = False
    negative = given.get("negative", ())
    if not isinstance(negative, list | tuple) or not all(each in NEGATIVES for each in negative):
        refuse("negative", f"must be a list of {' and '.join(NEGATIVES)}")
        negative = ()
    return NumberFormat(decimal_mark, grouping_mark, currency, percent, tuple(dict.fromkeys(negative)))


def _is_currency(text: Any) -> bool:
    return (
        isinstance(text, str)
        and 1 <= len(text) <= MAX_CURRENCY
        and text.isprintable()
        and text == text.strip()
        and text not in GROUPING_MARKS
        and not any(each.isdigit() or each in "+-()%\u2212" for each in text)
    )


# What a format of `strptime` may say. The name of a weekday must be that of the date.
_DIRECTIVE = re.compile("%(.?)", re.DOTALL)
_OF_A_DATE = {"Y": "Y", "y": "Y", "m": "m", "b": "m", "B": "m", "d": "d", "j": "j"}
_OF_A_TIME = "HIpMSfzZ"
_WEEKDAYS = ("a", "A")


def check_date_format(format: str, *, times: bool, zones: bool = False) -> None:
    """Raises ValueError for a format that says something twice, or does not say all of a date.

    `times` says whether it may say a time (what it does not say of one is zero), `zones` whether abbreviations of
    zones are known.
    """
    said = [letter for letter in _DIRECTIVE.findall(format) if letter != "%"]
    weekdays = [letter for letter in said if letter in _WEEKDAYS]
    said = [letter for letter in said if letter not in _WEEKDAYS]
    known = {*_OF_A_DATE, *(_OF_A_TIME if times else "")}
    of_a_date = sorted(_OF_A_DATE[letter] for letter in said if letter in _OF_A_DATE)
    of_a_time = [letter for letter in said if letter not in _OF_A_DATE]
    hours = [letter for letter in of_a_time if letter in "HIp"]
    if "Z" in said and times and not zones:
        raise ValueError(f'the format {format[:64]!r} can\'t be used: %Z needs zones={{"CET": "+01:00"}}')
    if (
        not known.issuperset(said)
        or of_a_date not in (["Y", "d", "m"], ["Y", "j"])
        or len(set(of_a_time)) < len(of_a_time)
        or len(weekdays) > 1
        or {"z", "Z"} <= set(said)
        or sorted(hours) not in ([], ["H"], ["I", "p"])
    ):
        raise ValueError(
            f"the format {format[:64]!r} can't be used: it must name a year (%Y, %y), a month (%m, %b, %B) and a day"
            " (%d), each once, perhaps a weekday (%a, %A), and of a time only %H or %I with %p, %M, %S, %f and %z or %Z"
        )


def has_time(format: str) -> bool:
    """Whether a format of `strptime` is of more than a date."""
    try:
        check_date_format(format, times=False)
    except ValueError:
        return True
    return False


_ZONE = re.compile("[A-Za-z]{1,8}")
_OFFSET = re.compile("[+-](?:0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]")


def read_zones(given: Any, refuse: Refuse) -> tuple[tuple[str, str], ...]:
    """Abbreviations of time zones with their offsets from UTC, sorted. Calls `refuse` unless it is an object such as
    {"CET": "+01:00"}."""
    if (
        not isinstance(given, dict)
        or len(given) > MAX_ZONES
        or not all(isinstance(name, str) and _ZONE.fullmatch(name) for name in given)
        or len({name.lower() for name in given}) < len(given)
        or not all(isinstance(offset, str) and _OFFSET.fullmatch(offset) for offset in given.values())
    ):
        refuse("zones", f'must be an object such as {{"CET": "+01:00", "CEST": "+02:00"}}, with at most {MAX_ZONES}')
        return ()
    return tuple(sorted(given.items()))


def read_serial(given: Any, refuse: Refuse) -> str:
    """The date system of a spreadsheet's serial dates, "" for none."""
    if given in ("", None):
        return ""
    if str(given) not in SERIALS:
        refuse("serial", "must be 1900 or 1904, the date system of the spreadsheet")
        return ""
    return str(given)
