"""A dataset: a named table that imports load into, with the columns a file must bring."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.spelling import NUMBER_PARTS, PLAIN_NUMBERS, NumberFormat


class ColumnType(StrEnum):
    """What a value must be to be accepted. Nothing is ever adjusted to fit."""

    TEXT = "text"  # up to `length` characters
    INTEGER = "integer"  # digits only, within `minimum` and `maximum`
    DECIMAL = "decimal"  # `precision` digits, at most `scale` of them after the point
    BOOLEAN = "boolean"  # true or false, yes or no, 1 or 0
    DATE = "date"  # ISO 8601, 2026-11-22, or one of `formats`
    DATETIME = "datetime"  # ISO 8601, 2026-11-22 08:30:00, or one of `formats`; kept in UTC
    EMAIL = "email"  # text with one @ and a domain
    CURRENCY = "currency"  # an ISO 4217 code in capitals
    ENUM = "enum"  # one of `choices`, to the letter


class Controls(StrEnum):
    """Which control characters a text may hold."""

    NONE = "none"
    LINES = "lines"  # line feeds, carriage returns and tabs
    ANY = "any"  # all that Unicode has


@dataclass(frozen=True)
class Column:
    """One column of a dataset.

    Attributes:
        name, type: what it is called in the table and in files, and what its values are.
        length: of TEXT and EMAIL, the most characters.
        minimum, maximum: of INTEGER, both included.
        precision, scale: of DECIMAL, all digits and those after the point; of DATETIME, `scale` is the most digits of
            a second's fraction (0 to 6).
        signed: whether a DECIMAL may be below 0.
        choices: of ENUM.
        formats: of DATE and DATETIME, how values may be written besides ISO 8601, as `strptime` has it.
        zone: of DATETIME, the time zone (IANA) of values that do not say theirs.
        offsets: of DATETIME, whether a value may say its offset from UTC, as +02:00, and not only Z.
        zones: of DATETIME, abbreviations of zones that a value may say, with their offsets.
        serial: of DATE and DATETIME, "1900" or "1904" where a number is a spreadsheet's serial date; "" for none.
        numbers: of INTEGER and DECIMAL, how values may be written besides the plain way.
        controls: of TEXT.
        empty: whether a TEXT of no characters is a value.
        nullable: whether a row may lack a value.
        default: what a row gets that lacks one, written as in a file; a number in the plain way.

    A row lacks a value where the file does not have the column, the field is empty and not quoted, it is the client's
    null text, or it is JSON's null. It gets the default, or else NULL.
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

    @property
    def required(self) -> bool:
        """Whether every row must bring a value."""
        return not self.nullable and self.default is None

    def as_json(self) -> dict[str, Any]:
        """The parts that are not as they are without a word; `column_from_json` takes them back."""
        parts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "numbers"}
        kept = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in parts.items()
            if name in ("name", "type") or value != getattr(_PLAIN, name)
        }
        if self.zones:
            kept["zones"] = dict(self.zones)
        return kept | self.numbers.as_json()


_PLAIN = Column("", ColumnType.TEXT)


def column_from_json(kept: Mapping[str, Any]) -> Column:
    """The column that `as_json` made this of; parts of a later version are left out."""
    known = {field.name for field in fields(Column)}
    parts: dict[str, Any] = {
        name: tuple(part) if isinstance(part, list) else part for name, part in kept.items() if name in known
    }
    parts["type"] = ColumnType(parts["type"])
    parts["controls"] = Controls(parts.get("controls", Controls.NONE))
    parts["zones"] = tuple(dict(parts.get("zones", {})).items())
    numbers = {name: tuple(kept[name]) if name == "negative" else kept[name] for name in NUMBER_PARTS if name in kept}
    return Column(**parts | {"numbers": NumberFormat(**numbers)})


@dataclass(frozen=True)
class Dataset:
    """The name is the table's name; `key` names the columns that are unique together (none: rows may repeat). They are
    never nullable: to the server no NULL is the same as another.

    An `adopted` table was there before: it has no import and row numbers, and `primary` names its primary key.
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
        """What the registry keeps beside the name; `dataset_from_json` takes it back."""
        return {
            "columns": [column.as_json() for column in self.columns],
            "key": list(self.key),
            "adopted": self.adopted,
            "primary": list(self.primary),
        }


def dataset_from_json(name: str, kept: Mapping[str, Any]) -> Dataset:
    """The dataset that `as_json` made this of."""
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
    """A dataset as the registry knows it; `created_at` is None of one that is built in."""

    dataset: Dataset
    created_at: datetime | None

    @property
    def built_in(self) -> bool:
        """Whether it was there from the start, and stays."""
        return self.created_at is None
