"""A dataset: a named table that imports load into, with the columns a file must bring."""

from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """What a value must be to be accepted. Nothing is ever adjusted to fit."""

    TEXT = "text"  # up to `length` characters, no control characters
    INTEGER = "integer"  # digits only, within `minimum` and `maximum`
    DECIMAL = "decimal"  # `precision` digits, at most `scale` of them after the point
    DATETIME = "datetime"  # ISO 8601 to the second, UTC: 2026-11-22 08:30:00, also with T and Z
    EMAIL = "email"  # text with one @ and a domain
    CURRENCY = "currency"  # an ISO 4217 code in capitals
    ENUM = "enum"  # one of `choices`, to the letter


@dataclass(frozen=True)
class Column:
    """One column that a file must bring. Every column is required and never null."""

    name: str
    type: ColumnType
    length: int = 0
    minimum: int = 0
    maximum: int = 0
    precision: int = 0
    scale: int = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """The name is the table's name; `key` names the columns that are unique together."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


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

DATASETS = {ORDERS.name: ORDERS}
