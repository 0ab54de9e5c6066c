"""Validates dates and times, and converts them to the text for the server.

The table has them in UTC. One without an offset is in its column's time zone; it is refused if the clocks there show it
twice or never.
"""

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from app.domain.dataset import Column, ColumnType
from app.formats.errors import BadValue, Check

FIRST_YEAR = 1000  # the servers' minimum

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DIRECTIVE = re.compile("%(.?)", re.DOTALL)
_OTHER_DIGIT = re.compile(r"[^\D0-9]")  # strptime accepts digits of every script

# The directives that a format may have. strptime would parse names of weekdays and zones, but ignore them.
_OF_A_DATE = {"Y": "Y", "y": "Y", "m": "m", "b": "m", "B": "m", "d": "d", "j": "j"}
_OF_A_TIME = "HIpMSfz"


def zone_of(column: Column) -> tzinfo:
    """The time zone of a column's values. Raises ValueError if it is unknown."""
    if column.zone == "UTC":
        return UTC
    try:
        return ZoneInfo(column.zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{column.name}: there is no time zone {column.zone[:64]!r}") from None


def check_format(format: str, type: ColumnType) -> None:
    """Raises ValueError for a format that has a part twice, or lacks a part of the date. Missing parts of the time are
    0."""
    letters = [letter for letter in _DIRECTIVE.findall(format) if letter != "%"]
    known = {*_OF_A_DATE, *(_OF_A_TIME if type is ColumnType.DATETIME else "")}
    of_a_date = sorted(_OF_A_DATE[letter] for letter in letters if letter in _OF_A_DATE)
    times = [letter for letter in letters if letter not in _OF_A_DATE]
    hours = [letter for letter in times if letter in "HIp"]
    if (
        not known.issuperset(letters)
        or of_a_date not in (["Y", "d", "m"], ["Y", "j"])
        or len(set(times)) < len(times)
        or sorted(hours) not in ([], ["H"], ["I", "p"])
    ):
        raise ValueError(
            f"the format {format[:64]!r} can't be used: it must name a year (%Y, %y), a month (%m, %b, %B) and a day"
            " (%d), each once, and of a time only %H or %I with %p, %M, %S, %f and %z"
        )


def date_check(column: Column) -> Check:
    """The validator for a date; it returns YYYY-MM-DD."""
    formats = _formats(column)
    like = f"2026-11-22{_or_as(formats)}"

    def check(text: str) -> str:
        found = _candidates(text, formats)
        if _DATE.fullmatch(text):
            try:
                found.add(datetime.fromisoformat(text))
            except ValueError:
                if not formats:
                    raise BadValue("impossible_date", f"{column.name} is no date that exists") from None
        if not found:
            raise BadValue("bad_date", f"{column.name} must be a date that exists, like {like}")
        day = _only(found, column).date()
        if day.year < FIRST_YEAR:
            raise BadValue("out_of_range", f"{column.name} must be in the years 1000 to 9999")
        return day.isoformat()

    return check


def datetime_check(column: Column) -> Check:
    """The validator for a date and time; it returns UTC as YYYY-MM-DD HH:MM:SS, with the fraction if it has one."""
    formats, zone = _formats(column), zone_of(column)
    in_utc = zone is UTC and not formats and not column.offsets and not column.scale
    like = (
        "in UTC like 2026-11-22 08:30:00 or 2026-11-22T08:30:00Z"
        if in_utc
        else f"like 2026-11-22 08:30:00 or 2026-11-22T08:30:00Z{_or_as(formats)}"
    )

    def iso(text: str) -> tuple[datetime, str] | None:
        match = _DATETIME.fullmatch(text)
        if not match or (match[3] and not column.scale) or (match[4] not in (None, "Z") and not column.offsets):
            return None
        day, clock, fraction, offset = match.groups()
        if fraction and len(fraction) > column.scale + 1:
            raise _too_many_decimals(column, len(fraction) - 1)
        try:
            if clock.startswith("24"):  # later versions of Python read it as the next day's midnight
                raise ValueError
            return datetime.fromisoformat(f"{day} {clock}{(offset or '').replace('Z', '+00:00')}"), fraction or ""
        except ValueError:
            if formats:
                return None
            raise BadValue("impossible_date", f"{column.name} is no date and time that exists") from None

    def check(text: str) -> str:
        found = iso(text)
        if formats:
            candidates = _candidates(text, formats)
            if found is not None:
                candidates.add(found[0].replace(microsecond=int(found[1][1:].ljust(6, "0"))))
            if candidates:
                moment = _only(candidates, column)
                found = moment.replace(microsecond=0), _fraction(moment, column)
        if found is None:
            raise BadValue("bad_datetime", f"{column.name} must be a date and time {like}")
        moment, fraction = found
        if zone is not UTC or moment.tzinfo is not None:
            moment = _to_utc(moment, zone, column)
        if moment.year < FIRST_YEAR:
            raise _out_of_range(column)
        return moment.isoformat(" ", "seconds") + fraction

    return check


def _formats(column: Column) -> tuple[str, ...]:
    for format in column.formats:
        check_format(format, column.type)
    return column.formats


def _candidates(text: str, formats: tuple[str, ...]) -> set[datetime]:
    """All dates and times that the text may mean."""
    found: set[datetime] = set()
    if not formats or _OTHER_DIGIT.search(text):
        return found
    for format in formats:
        try:
            found.add(datetime.strptime(text, format))
        except ValueError:
            continue
    return found


def _only(found: set[datetime], column: Column) -> datetime:
    if len(found) > 1:
        raise BadValue("ambiguous_date", f"{column.name} has several meanings, one in each of several formats")
    return next(iter(found))


def _fraction(moment: datetime, column: Column) -> str:
    digits = f"{moment.microsecond:06d}".rstrip("0")
    if len(digits) > column.scale:
        raise _too_many_decimals(column, len(digits))
    return f".{digits}" if digits else ""


def _to_utc(moment: datetime, zone: tzinfo, column: Column) -> datetime:
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None)
        there = moment.replace(tzinfo=zone)
        utc = there.astimezone(UTC)
        if utc.astimezone(zone).replace(tzinfo=None) != moment:
            raise BadValue("nonexistent_time", f"the clocks in {column.zone} never show {column.name}")
        if there.replace(fold=1).utcoffset() != there.utcoffset():
            reason = f"the clocks in {column.zone} show {column.name} twice; add the offset from UTC, such as +02:00"
            raise BadValue("ambiguous_time", reason)
        return utc.replace(tzinfo=None)
    except OverflowError:
        raise _out_of_range(column) from None


def _too_many_decimals(column: Column, digits: int) -> BadValue:
    return BadValue(
        "too_many_decimals",
        f"{column.name} has {digits} digits of a second's fraction, at most {column.scale} are accepted; nothing is"
        " rounded",
    )


def _out_of_range(column: Column) -> BadValue:
    return BadValue("out_of_range", f"{column.name} must be in the years 1000 to 9999")


def _or_as(formats: tuple[str, ...]) -> str:
    return f", or as {' or '.join(formats)}" if formats else ""
