"""Definitions: parses a dataset's definition in JSON, or refuses it with every reason."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

from app.domain.changes import CHANGED_AT
from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.errors import InvalidContent
from app.domain.row_size import LONGEST_TEXT, MAX_COLUMNS, MAX_KEY_BYTES, MAX_ROW_BYTES, key_bytes, row_bytes
from app.domain.spelling import NUMBER_PARTS, check_date_format, read_number_format, read_serial, read_zones

NAME_LENGTH = 64  # of every identifier, on both servers
MAX_CHOICES, CHOICE_LENGTH = 1000, 255
MAX_FORMATS, FORMAT_LENGTH = 10, 64
MAX_PRECISION, MAX_SCALE = 65, 30
MIN_INTEGER, MAX_SIGNED, MAX_INTEGER = -(2**63), 2**63 - 1, 2**64 - 1
OWN_COLUMNS = ("import_no", "row_no", CHANGED_AT)
OWN_TABLES = (
    "alembic_version",
    "datasets",
    "events",
    "handled_orders",
    "handling_steps",
    "handlings",
    "idempotency_keys",
    "imports",
    "installation",
    "receipts",
    "before_images",
)
OWN_PREFIX = "backout_"  # our later tables

_DATASET_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_$-]{0,63}")
_EVERY = ("name", "type", "nullable", "default")
_PARTS: dict[ColumnType, tuple[str, ...]] = {
    ColumnType.TEXT: ("length", "controls", "empty"),
    ColumnType.EMAIL: ("length",),
    ColumnType.INTEGER: ("minimum", "maximum", *NUMBER_PARTS),
    ColumnType.DECIMAL: ("precision", "scale", "signed", *NUMBER_PARTS),
    ColumnType.BOOLEAN: (),
    ColumnType.DATE: ("formats", "serial"),
    ColumnType.DATETIME: ("scale", "formats", "zone", "offsets", "zones", "serial"),
    ColumnType.CURRENCY: (),
    ColumnType.ENUM: ("choices",),
}


def read_definition(body: Mapping[str, Any]) -> Dataset:
    """Parse the definition `{name, columns: [{name, type, …}], key: [column, …]}`; `key` is optional.

    A column has the parts of `Column` that its type knows. By default `length` is 255 (254 of an e-mail), an integer
    has 63 bits and a sign, and the rest is as in `Column`. Raises `InvalidContent`; its `errors` names every invalid
    field, such as `columns[2].length`.
    """
    refusals = _Refusals()
    for name in body.keys() - {"name", "columns", "key"}:
        refusals.add(name[:NAME_LENGTH], "unknown: a dataset has name, columns and key")
    name = read_name(body.get("name"), refusals.add)
    columns = _read_columns(body.get("columns"), refusals)
    key = _read_key(body.get("key", []), columns, refusals)
    refusals.raise_any()
    dataset = Dataset(name, tuple(columns), key)
    if (needed := row_bytes(dataset)) > MAX_ROW_BYTES:
        refusals.add(
            "columns",
            f"a row could have {needed:,} bytes, the limit is {MAX_ROW_BYTES:,} (a character counts 4): make"
            " texts shorter, or longer than 16,000 characters, which are stored outside of the row",
        )
    if (needed := key_bytes(dataset)) > MAX_KEY_BYTES:
        refusals.add(
            "key",
            f"a key could have {needed:,} bytes, the limit is {MAX_KEY_BYTES:,} (a character counts 4): make"
            " its texts shorter",
        )
    refusals.raise_any()
    return dataset


def read_name(name: Any, refuse: Callable[[str, str], None]) -> str:
    """Check a dataset's name, which is also its table's; call `refuse` with field and reason if it is invalid."""
    if not isinstance(name, str) or not _DATASET_NAME.fullmatch(name):
        refuse(
            "name", f"name must be 1 to {NAME_LENGTH} letters (a to z), digits, _, - or $, and not begin with - or $"
        )
        return ""
    if name.lower() in OWN_TABLES or name.lower().startswith(OWN_PREFIX):
        refuse("name", f"{name} is reserved for Backout's own tables, like all names that begin with {OWN_PREFIX}")
    return name


class _Refusals:
    """Collects every reason, so that one request shows all of them."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []

    def add(self, field: str, reason: str) -> None:
        self._found.append({"field": field, "reason": reason})

    def raise_any(self) -> None:
        if self._found:
            first = self._found[0]
            raise InvalidContent(f"{first['field']}: {first['reason']}", errors=self._found)


def _read_columns(columns: Any, refusals: _Refusals) -> list[Column]:
    if not isinstance(columns, list) or not columns:
        refusals.add("columns", 'must be a list of columns such as {"name": "sku", "type": "text", "length": 64}')
        return []
    if len(columns) > MAX_COLUMNS:
        refusals.add("columns", f"{len(columns):,} columns are too many, the limit is {MAX_COLUMNS}")
        return []
    read: list[Column] = []
    seen: set[str] = set()
    for at, given in enumerate(columns):
        column = _ColumnReader(f"columns[{at}]", given, refusals).read()
        if column is None:
            continue
        if column.name.casefold() in seen:
            refusals.add(f"columns[{at}].name", f"{column.name} is repeated; names differ by more than capitals")
        seen.add(column.name.casefold())
        read.append(column)
    return read


def _read_key(key: Any, columns: list[Column], refusals: _Refusals) -> tuple[str, ...]:
    if not isinstance(key, list) or len(set(map(str, key))) != len(key) or len(key) > 16:
        refusals.add("key", "must be a list of at most 16 column names, each once: those that are unique together")
        return ()
    known = {column.name: column for column in columns}
    for at, name in enumerate(key):
        column = known.get(name) if isinstance(name, str) else None
        if column is None:
            refusals.add(f"key[{at}]", f"there is no column {str(name)[:NAME_LENGTH]!r}")
        elif column.nullable:
            refusals.add(
                f"key[{at}]", f"{name} is nullable: to the server, rows without a value never have the same key"
            )
    return tuple(str(name) for name in key)


class _ColumnReader:
    """Parses one column part by part."""

    def __init__(self, field: str, given: Any, refusals: _Refusals) -> None:
        self._field, self._given, self._refusals = field, given, refusals
        self._valid = True

    def read(self) -> Column | None:
        """The column; None if any part is invalid."""
        given = self._given
        if not isinstance(given, dict):
            self._refusals.add(self._field, 'must be an object such as {"name": "sku", "type": "text"}')
            return None
        name, kind = self._read_name(), self._read_type()
        if kind is None:
            return None
        for part in given.keys() - {*_EVERY, *_PARTS[kind]}:
            self._refuse(part[:NAME_LENGTH], f"{kind} has no such part; it has {', '.join((*_EVERY, *_PARTS[kind]))}")
        parts = _READERS[kind](self) if kind in _READERS else {}
        parts["nullable"] = self._flag("nullable")
        if (default := given.get("default")) is not None:
            if not isinstance(default, str):
                self._refuse("default", "must be a text, written as in a file")
            parts["default"] = default
        return Column(name, kind, **parts) if self._valid else None

    def _refuse(self, part: str, reason: str) -> None:
        self._valid = False
        self._refusals.add(f"{self._field}.{part}", reason)

    def _read_name(self) -> str:
        name = self._given.get("name")
        if not isinstance(name, str) or not _is_column_name(name):
            self._refuse(
                "name",
                f"must be a text of 1 to {NAME_LENGTH} printable characters without emoji, and without"
                " blanks around it",
            )
            return ""
        if name.lower() in OWN_COLUMNS:
            self._refuse("name", f"{name} is a column of every dataset already")
        return name

    def _read_type(self) -> ColumnType | None:
        kind = self._given.get("type")
        if not isinstance(kind, str) or kind not in tuple(ColumnType):
            self._refuse("type", f"must be one of {', '.join(ColumnType)}")
            return None
        return ColumnType(kind)

    def _flag(self, part: str, default: bool = False) -> bool:
        flag = self._given.get(part, default)
        if not isinstance(flag, bool):
            self._refuse(part, "must be true or false")
        return bool(flag)

    def _number(self, part: str, least: int, most: int, default: int | None) -> int:
        number = self._given.get(part, default)
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
            self._refuse(part, f"must be a whole number from {least:,} to {most:,}")
            return least
        return number

    def _texts(self, part: str, most: int, length: int, *, needed: bool) -> tuple[str, ...]:
        texts = self._given.get(part, [])
        if (
            not isinstance(texts, list)
            or not (needed <= len(texts) <= most)
            or not all(isinstance(text, str) and 1 <= len(text) <= length for text in texts)
            or len(set(texts)) < len(texts)
        ):
            self._refuse(part, f"must be a list of at most {most:,} texts of 1 to {length} characters, each once")
            return ()
        return tuple(texts)

    def text(self) -> dict[str, Any]:
        controls = self._given.get("controls", Controls.NONE)
        if controls not in tuple(Controls):
            self._refuse("controls", f"must be one of {', '.join(Controls)}")
            controls = Controls.NONE
        return {
            "length": self._number("length", 1, LONGEST_TEXT, 255),
            "controls": Controls(controls),
            "empty": self._flag("empty"),
        }

    def email(self) -> dict[str, Any]:
        return {"length": self._number("length", 3, 1000, 254)}

    def integer(self) -> dict[str, Any]:
        least = self._number("minimum", MIN_INTEGER, MAX_INTEGER, MIN_INTEGER)
        most = self._number("maximum", MIN_INTEGER, MAX_INTEGER, MAX_SIGNED)
        if self._valid and least > most:
            self._refuse("minimum", f"is {least:,}, above the maximum of {most:,}")
        if self._valid and least < 0 and most > MAX_SIGNED:
            self._refuse("maximum", f"can be above {MAX_SIGNED:,} only if the minimum is 0 or more")
        return {"minimum": least, "maximum": most, **self._numbers()}

    def decimal(self) -> dict[str, Any]:
        precision = self._number("precision", 1, MAX_PRECISION, None)
        scale = self._number("scale", 0, MAX_SCALE, 0)
        if self._valid and scale > precision:
            self._refuse("scale", f"is {scale}, above the precision of {precision}, which counts all digits")
        return {"precision": precision, "scale": scale, "signed": self._flag("signed"), **self._numbers()}

    def _numbers(self) -> dict[str, Any]:
        numbers = read_number_format(self._given, self._refuse)
        is_said = "decimal_mark" in self._given or "grouping_mark" in self._given
        return {"numbers": numbers, "marks_given": is_said and numbers.has_default_marks}

    def date(self, *, times: bool = False, zones: bool = False) -> dict[str, Any]:
        formats = self._texts("formats", MAX_FORMATS, FORMAT_LENGTH, needed=False)
        for at, format in enumerate(formats):
            try:
                check_date_format(format, times=times, zones=zones)
            except ValueError as error:
                self._refuse(f"formats[{at}]", str(error))
        return {"formats": formats, "serial": read_serial(self._given.get("serial"), self._refuse)}

    def datetime(self) -> dict[str, Any]:
        zone = self._given.get("zone", "UTC")
        if not _is_zone(zone):
            self._refuse("zone", "must be the name of a time zone (IANA) like Europe/Berlin")
        zones = read_zones(self._given.get("zones", {}), self._refuse)
        dates = self.date(times=True, zones=bool(zones))
        scale, offsets = self._number("scale", 0, 6, 0), self._flag("offsets", True)
        return {**dates, "scale": scale, "zone": zone, "zones": zones, "offsets": offsets}

    def enum(self) -> dict[str, Any]:
        return {"choices": self._texts("choices", MAX_CHOICES, CHOICE_LENGTH, needed=True)}


_READERS: dict[ColumnType, Callable[[_ColumnReader], dict[str, Any]]] = {
    ColumnType.TEXT: _ColumnReader.text,
    ColumnType.EMAIL: _ColumnReader.email,
    ColumnType.INTEGER: _ColumnReader.integer,
    ColumnType.DECIMAL: _ColumnReader.decimal,
    ColumnType.DATE: _ColumnReader.date,
    ColumnType.DATETIME: _ColumnReader.datetime,
    ColumnType.ENUM: _ColumnReader.enum,
}


def _is_column_name(name: str) -> bool:
    # the servers' identifiers: U+0001 to U+FFFF, no blank at the end
    return 1 <= len(name) <= NAME_LENGTH and name.isprintable() and name == name.strip() and max(name) <= "\uffff"


def _is_zone(zone: Any) -> TypeGuard[str]:
    try:
        return isinstance(zone, str) and ZoneInfo(zone) is not None
    except (OSError, ValueError, KeyError):  # no such file, no such name, or a path
        return False
