"""Validates dates and times, and converts them to the text for the server.

The table has them in UTC. One without an offset is in its column's time zone; it is refused if the clocks there show it
twice or never.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo

from app.domain.dataset import Column, ColumnType
from app.domain.spelling import check_date_format
from app.formats.errors import BadValue, Check
from app.formats.validate.date_formats import offset_of, parser

FIRST_YEAR = 1000  # the servers' minimum

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
# of a date in UTC, or where the file does not say: no time is lost with it
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00:00(?:[.,]0+)?(?:Z|[+-]00(?::?00)?)?")
DATETIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)?"
    r"(?:(Z)| ?(UTC|[+-][0-9]{2}(?::?[0-5][0-9])?)| ?([A-Za-z]{1,8}))?"
)


def zone_of(column: Column) -> tzinfo:
    """The time zone of a column's values. Raises ValueError if it is unknown."""
    if column.zone == "UTC":
        return UTC
    try:
        return ZoneInfo(column.zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{column.name}: there is no time zone {column.zone[:64]!r}") from None


def date_check(column: Column) -> Check:
    """The validator for a date; it returns YYYY-MM-DD."""
    check_formats(column)
    formats = column.formats
    like = f"2026-11-22{_or_as(column)}"

    def check(text: str) -> str:
        found = _candidates(text, column)
        if (midnight := _MIDNIGHT.fullmatch(text)) is not None and not found:
            text = midnight[1]
        if _DATE.fullmatch(text):
            try:
                found.add(datetime.fromisoformat(text))
            except ValueError:
                if not formats:
                    raise BadValue("impossible_date", f"{column.name} is no date that exists") from None
        if not found:
            reason = f"{column.name} must be a date that exists, like {like}"
            raise BadValue("bad_date", reason)
        moment = _only(found, column)
        if moment != datetime.combine(moment.date(), datetime.min.time()):
            raise BadValue("bad_date", f"{column.name} is a date and has no time of the day")
        if moment.year < FIRST_YEAR:
            raise BadValue("out_of_range", f"{column.name} must be in the years 1000 to 9999")
        return moment.date().isoformat()

    return check


def datetime_check(column: Column) -> Check:
    """The validator for a date and time; it returns UTC as YYYY-MM-DD HH:MM:SS, with the fraction if it has one."""
    check_formats(column)
    formats, zone = column.formats, zone_of(column)
    others = bool(formats or column.serial)
    offsets = {name: offset_of(offset) for name, offset in column.zones}
    in_utc = zone is UTC and not others and not column.offsets and not column.scale
    like = (
        "in UTC like 2026-11-22 08:30:00 or 2026-11-22T08:30:00Z"
        if in_utc
        else f"like 2026-11-22 08:30:00 or 2026-11-22T08:30:00Z{_or_as(column)}"
    )

    def iso(text: str) -> tuple[datetime, str] | None:
        match = DATETIME.fullmatch(text)
        if not match:
            return None
        day, clock, fraction, in_z, offset, name = match.groups()
        if (name and name not in offsets) or (offset not in (None, "UTC") and not column.offsets):
            return None
        where = UTC if in_z or offset == "UTC" else offsets[name] if name else None
        try:
            if clock.startswith("24"):  # later versions of Python read it as the next day's midnight
                raise ValueError
            if where is None and offset:
                where = offset_of(offset)
            moment = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=where)
        except ValueError:
            if others:
                return None
            raise BadValue("impossible_date", f"{column.name} is no date and time that exists") from None
        return moment, _exact_fraction((fraction or "").replace(",", "."), column)

    def check(text: str) -> str:
        found = iso(text)
        if others:
            candidates = _candidates(text, column)
            if found is not None:
                candidates.add(found[0].replace(microsecond=int(found[1][1:].ljust(6, "0"))))
            if candidates:
                moment = _only(candidates, column)
                found = moment.replace(microsecond=0), _fraction(moment, column)
        if found is None:
            reason = f"{column.name} must be a date and time {like}"
            raise BadValue("bad_datetime", reason)
        moment, fraction = found
        if zone is not UTC or moment.tzinfo is not None:
            moment = _to_utc(moment, zone, column)
        if moment.year < FIRST_YEAR:
            raise _out_of_range(column)
        return moment.isoformat(" ", "seconds") + fraction

    return check


def check_formats(column: Column) -> None:
    """Raises ValueError for a format of the column that can't be used."""
    for format in column.formats:
        check_date_format(format, times=column.type is ColumnType.DATETIME, zones=bool(column.zones))


def _exact_fraction(fraction: str, column: Column) -> str:
    """A second's fraction within the column's digits. Raises BadValue where a digit beyond them is not zero."""
    if len(fraction) <= column.scale + 1 and column.scale:
        return fraction
    digits = len(fraction.rstrip("0")) - 1
    if digits > column.scale:
        raise _too_many_decimals(column, digits)
    return fraction[: column.scale + 1] if column.scale else ""


def _candidates(text: str, column: Column) -> set[datetime]:
    """All dates and times that the text may mean in the column's formats."""
    read = (parser(format, column.zones)(text) for format in column.formats)
    found = {moment for moment in read if moment is not None}
    if column.serial and (serial := SERIAL.fullmatch(text)) is not None:
        found.add(_of_serial(serial[1], serial[2] or "", column))
    return found


SERIAL = re.compile(r"(0|[1-9][0-9]{0,6})(?:\.([0-9]{1,20}))?")
_DAY_SECONDS = 86_400
_LAST_SERIAL = {"1900": 2_958_465, "1904": 2_957_003}  # 9999-12-31
_LEAP_DAY = 60  # a day that spreadsheets have and 1900 had not
_FLOAT_BITS = 54  # a float is off by at most this power of two less than its whole part
_MIN_DIGITS = 9  # of a day's fraction, from which on it shows a time to the millisecond


def _of_serial(whole: str, fraction: str, column: Column) -> datetime:
    """The moment of a spreadsheet's serial date. Raises BadValue for a day that does not exist, and for a time that the
    fraction does not show exactly."""
    days = int(whole)
    if column.serial == "1904":
        first = datetime(1904, 1, 1)
    else:
        if days in (0, _LEAP_DAY):
            raise BadValue("impossible_date", f"{column.name} is the serial date {whole}, which is no day that existed")
        first = datetime(1899, 12, 31 if days < _LEAP_DAY else 30)
    if days > _LAST_SERIAL[column.serial]:
        raise _out_of_range(column)
    return first + timedelta(days=days, milliseconds=_milliseconds(days, fraction, column))


def _milliseconds(days: int, fraction: str, column: Column) -> int:
    """Of a day's fraction. A spreadsheet writes the fraction of a time rounded: it is exact where it is what that
    rounding makes of just one time, in whole seconds or, with a scale of 3, milliseconds."""
    if not fraction.strip("0"):
        return 0
    written = len(fraction)
    share = Fraction(int(fraction), 10**written)
    step = 1 if column.scale >= 3 and column.type is ColumnType.DATETIME else 1000
    exact = share * _DAY_SECONDS * 1000 / step
    nearest = round(exact)
    if exact != nearest:
        difference = abs(Fraction(nearest * step, _DAY_SECONDS * 1000) - share)
        rounding = Fraction(1, 2 * 10**written) + Fraction(2 ** days.bit_length(), 2**_FLOAT_BITS)
        if written < _MIN_DIGITS or difference > rounding:
            raise BadValue(
                "too_many_decimals",
                f"{column.name} is a serial date whose time is no whole {'millisecond' if step == 1 else 'second'};"
                " nothing is rounded: write the time as a text",
            )
    return nearest * step


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
        f"{column.name} has {digits} digit{'s' * (digits > 1)} of a second's fraction, at most {column.scale} are"
        " accepted; nothing is rounded",
    )


def _out_of_range(column: Column) -> BadValue:
    return BadValue("out_of_range", f"{column.name} must be in the years 1000 to 9999")


def _or_as(column: Column) -> str:
    formats = f", or as {' or '.join(column.formats)}" if column.formats else ""
    return formats + (f", or a serial date of {column.serial}" if column.serial else "")
