"""Datasets: the tables that imports load into, and their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.spelling import NUMBER_PARTS, PLAIN_NUMBERS, NumberFormat


class ColumnType(StrEnum):
    """The type of a column. Values that do not fit are refused, never adjusted."""

    TEXT = "text"  # up to `length` characters
    INTEGER = "integer"  # digits only, within `minimum` and `maximum`
    DECIMAL = "decimal"  # `precision` digits, at most `scale` of them after the point
    BOOLEAN = "boolean"  # true or false, yes or no, 1 or 0
    DATE = "date"  # ISO 8601, 2026-11-22, or one of `formats`
    DATETIME = "datetime"  # ISO 8601, 2026-11-22 08:30:00, or one of `formats`; stored in UTC
    EMAIL = "email"  # text with one @ and a domain
    CURRENCY = "currency"  # an ISO 4217 code in capitals
    ENUM = "enum"  # exactly one of `choices`


class Controls(StrEnum):
    """Which control characters a text may contain."""

    NONE = "none"
    LINES = "lines"  # line feeds, carriage returns and tabs
    ANY = "any"  # all


@dataclass(frozen=True)
class Column:
    """One column of a dataset.

    Attributes:
        name, type: its name in the table and in files, and the type of its values.
        length: of TEXT and EMAIL, the maximum of characters.
        minimum, maximum: of INTEGER, both inclusive.
        precision, scale: of DECIMAL, all digits and those after the point. Of DATETIME, `scale` is the maximum of
            digits in a second's fraction (0 to 6).
        signed: whether a DECIMAL may be negative.
        choices: of ENUM.
        formats: of DATE and DATETIME, more formats of values than ISO 8601, for `strptime`.
        zone: of DATETIME, the time zone (IANA) of values without an offset.
        offsets: of DATETIME, whether a value may have an offset from UTC such as +02:00, not only Z.
        zones: of DATETIME, abbreviations of time zones that a value may have, with their offsets from UTC.
        serial: of DATE and DATETIME, "1900" or "1904" if a number is a spreadsheet's serial date; "" for none.
        numbers: of INTEGER and DECIMAL, how values may be written, besides plainly.
        controls: of TEXT.
        empty: whether an empty TEXT is a value.
        nullable: whether a row may lack a value.
        default: the value of a row that lacks one, written as in a file, but a number plainly.
        values: pairs of a value in the file and the value to load for it, None for no value. Of an import only.
        constant: whether the column is not read from the file, so that every row gets the default. Of an import only.
        marks_given: whether someone said that the marks in its numbers are the default ones.
        stored_default: the default as it is stored, if the way to write values is another one for an import.

    A row lacks a value if the file does not have the column, or if the field is empty and unquoted, the client's null
    text, or JSON's null. It gets the default, or else NULL.
    """

    name: str
    type: ColumnType
    length: int = 0
    minimum: int = 0
    maximum: int = 0
    precision: int = 0
    scale: int = 0
    signed: bool = False
    choices: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    zone: str = "UTC"
    controls: Controls = Controls.NONE
    empty: bool = False
    nullable: bool = False
    default: str | None = None
    offsets: bool = True
    zones: tuple[tuple[str, str], ...] = ()
    serial: str = ""
    numbers: NumberFormat = PLAIN_NUMBERS
    values: tuple[tuple[str, str | None], ...] = ()
    constant: bool = False
    stored_default: str | None = None
    marks_given: bool = False

    @property
    def required(self) -> bool:
        """Whether every row must have a value."""
        return not self.nullable and self.default is None

    def as_json(self) -> dict[str, Any]:
        """The parts that differ from the defaults, for `column_from_json`."""
        apart = ("numbers", "marks_given")
        parts = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in apart}
        kept = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in parts.items()
            if name in ("name", "type") or value != getattr(_DEFAULTS, name)
        }
        if self.zones:
            kept["zones"] = dict(self.zones)
        if self.marks_given:  # a mark that is the default counts as given, too
            kept["decimal_mark"] = self.numbers.decimal_mark
        return kept | self.numbers.as_json()


_DEFAULTS = Column("", ColumnType.TEXT)


def column_from_json(kept: Mapping[str, Any]) -> Column:
    """The column that `as_json` returned this for. Ignores parts of later versions."""
    known = {field.name for field in fields(Column)}
    parts: dict[str, Any] = {
        name: tuple(part) if isinstance(part, list) else part for name, part in kept.items() if name in known
    }
    parts["type"] = ColumnType(parts["type"])
    parts["controls"] = Controls(parts.get("controls", Controls.NONE))
    parts["zones"] = tuple(dict(parts.get("zones", {})).items())
    numbers: dict[str, Any] = {name: kept[name] for name in NUMBER_PARTS if name in kept}
    numbers["negative"] = tuple(numbers.get("negative", ()))
    found = NumberFormat(**numbers)
    return Column(**parts | {"numbers": found, "marks_given": "decimal_mark" in kept and found.has_default_marks})


@dataclass(frozen=True)
class Dataset:
    """A table that imports load into.

    Attributes:
        name: the table's name.
        columns: the columns that a file brings.
        key: the columns that are unique together; none: rows may repeat. They are never nullable, because to the server
            no NULL equals another.
        adopted: the table existed before, and has no import and row numbers.
        primary: the table's primary key.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    adopted: bool = False
    primary: tuple[str, ...] = ("import_no", "row_no")

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def as_json(self) -> dict[str, Any]:
        """What the registry stores beside the name, for `dataset_from_json`."""
        return {
            "columns": [column.as_json() for column in self.columns],
            "key": list(self.key),
            "adopted": self.adopted,
            "primary": list(self.primary),
        }


def dataset_from_json(name: str, kept: Mapping[str, Any]) -> Dataset:
    """The dataset that `as_json` returned this for."""
    columns = tuple(column_from_json(column) for column in kept["columns"])
    return Dataset(name, columns, tuple(kept["key"]), bool(kept["adopted"]), tuple(kept["primary"]))


ORDERS = Dataset(
    name="orders",
    columns=(
        Column("marketplace", ColumnType.TEXT, length=32),
        Column("order_number", ColumnType.TEXT, length=64),
        Column("customer", ColumnType.TEXT, length=120),
        Column("email", ColumnType.EMAIL, length=254),
        Column("ship_to", ColumnType.TEXT, length=255),
        Column("sku", ColumnType.TEXT, length=64),
        Column("quantity", ColumnType.INTEGER, minimum=1, maximum=1_000_000),
        Column("unit_price", ColumnType.DECIMAL, precision=12, scale=2),
        Column("currency", ColumnType.CURRENCY),
        Column(
            "status",
            ColumnType.ENUM,
            choices=("pending", "paid", "shipped", "delivered", "cancelled", "returned"),
        ),
        Column("ordered_at", ColumnType.DATETIME),
    ),
    key=("marketplace", "order_number"),
)


@dataclass(frozen=True)
class Registered:
    """A dataset of the registry; `created_at` is None for a built-in one, and `created_by` where it is not known."""

    dataset: Dataset
    created_at: datetime | None
    created_by: str | None = None

    @property
    def built_in(self) -> bool:
        """Whether it exists from the start and can't be dropped."""
        return self.created_at is None
