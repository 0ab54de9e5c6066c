"""Which options would let a refused date or time in."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.advice.spelled import columns_with, option, own_options
from app.formats.validate.date_formats import suggest_formats
from app.formats.validate.datetimes import DATETIME, SERIAL

_DATE_TYPES = (ColumnType.DATE, ColumnType.DATETIME)
_SERIAL_DIGITS = 5  # of dates from 1927 to 2173
_EPOCH = re.compile("1[0-9]{9}(?:[0-9]{3})?")  # seconds or milliseconds, from 2001 on
_SECONDS_DIGITS = 10


def date_advice(
    text: str, column: Column, dataset: Dataset, file_format: FileFormat, date_system: Callable[[], str]
) -> str:
    """The end of the reason; empty if nothing helps. `date_system` returns the workbook's, `1900` or `1904`; empty for
    a file of another format."""
    times = column.type is ColumnType.DATETIME
    found = suggest_formats(text, times=times)
    if found:
        which = " or ".join(_formats(format, column, dataset, file_format) for format in found)
        return f"; set {which}, whichever it means" if len(found) > 1 else f"; set {which}"
    match = DATETIME.fullmatch(text)
    if match and not times:
        return "; this one has a time of the day: remove it, or make the column a datetime"
    if match and match[6]:
        return f"; say which offset {match[6]} has with {_zones(match[6], column, file_format)}"
    if not column.serial and (serial := SERIAL.fullmatch(text)) and len(serial[1]) == _SERIAL_DIGITS:
        return _serial(column, file_format, date_system())
    return _epoch(text) if _EPOCH.fullmatch(text) else ""


def _zones(name: str, column: Column, file_format: FileFormat) -> str:
    """The option with the abbreviations that the column has and this one."""
    zones = dict(column.zones) | {name: "+HH:MM"}
    own = own_options(column.name, file_format)
    if own is not None or (column.zones and not file_format.all_columns.zones):
        return columns_with(column.name, {"zones": zones}, file_format)
    return f"zones={json.dumps(zones)}"


def _formats(format: str, column: Column, dataset: Dataset, file_format: FileFormat) -> str:
    """The option with the formats that the column has and this one. It is for the column alone, if others would lose
    formats of their own."""
    formats = [*column.formats, format]
    own = own_options(column.name, file_format)
    is_wide = bool(file_format.all_columns.formats) and (own is None or own.formats is None)
    others = any(each.type in _DATE_TYPES and each.formats and each.name != column.name for each in dataset.columns)
    if own is not None or ((column.formats or others) and not is_wide):
        return columns_with(column.name, {"formats": formats}, file_format)
    return option("formats", json.dumps(formats) if len(formats) > 1 else format)


def _serial(column: Column, file_format: FileFormat, system: str) -> str:
    def named(system: str) -> str:
        return columns_with(column.name, {"serial": system}, file_format)

    if system:
        return f"; set {named(system)} if it is a serial date of this workbook"
    return (
        f"; set {named('1900')} if it is a spreadsheet's serial date, or {named('1904')} if the spreadsheet is an old"
        " one of a Mac"
    )


def _epoch(text: str) -> str:
    """Seconds or milliseconds since 1970 are not read: nothing in the file says which they are."""
    is_seconds = len(text) == _SECONDS_DIGITS
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text[:_SECONDS_DIGITS]))
    what = "seconds" if is_seconds else "milliseconds"
    fraction = "" if is_seconds else f".{text[_SECONDS_DIGITS:]}"
    meant = f"{moment.isoformat('T')[:19]}{fraction}Z"
    return f"; {what} since 1970 are not read: export the time as a date and time, such as {meant} for this one"
