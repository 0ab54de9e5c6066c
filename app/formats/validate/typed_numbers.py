"""Numbers that a file holds as numbers, in JSON, Parquet and cells: they have a point, whatever its texts have."""

from collections.abc import Callable
from decimal import Decimal

from app.domain.dataset import Column, ColumnType

_NUMBER_TYPES = (ColumnType.INTEGER, ColumnType.DECIMAL)
_LONGEST_GROUPED = len("-999.999")


class TypedNumber(str):
    """A number that a file holds as a number, with the decimal mark of its column's texts; `in_file` has a point."""

    __slots__ = ("in_file",)

    in_file: str

    def __new__(cls, text: str, mark: str = ".", in_file: str = "") -> "TypedNumber":
        self = super().__new__(cls, text.replace(".", mark))
        self.in_file = in_file or text
        return self


def is_like_groups(text: str) -> bool:
    """Whether the point of a number, without an exponent, could separate thousands."""
    return text[-4:-3] == "." and len(text) <= _LONGEST_GROUPED


def percent_number(text: str, mark: str = ".") -> TypedNumber:
    """A number, 0.19, that its cell shows as a percentage: as the text 19%."""
    return TypedNumber(f"{Decimal(text).scaleb(2):f}%", mark, text)


def has_comma(column: Column) -> bool:
    """Whether the texts of a column of numbers have another decimal mark than numbers that a file holds as numbers."""
    return column.type in _NUMBER_TYPES and column.numbers.decimal_mark != "."


def typed_reader(column: Column, *, percent: bool = False) -> Callable[[str], str] | None:
    """A function for numbers that a file holds as numbers, with a point: it returns them as the column reads its texts,
    as `TypedNumber` where a text would have several meanings. None if the column has no numbers. `percent` is for
    numbers that are shown as percentages."""
    if column.type not in _NUMBER_TYPES:
        return None
    mark = column.numbers.decimal_mark
    mapped = {of for of, _ in column.values}  # by the number as the file has it

    def read(text: str) -> str:
        if text in mapped:
            return text
        if percent and column.numbers.percent:
            return percent_number(text, mark)
        return TypedNumber(text, mark) if mark != "." or is_like_groups(text) else text

    return read


def as_in_file(text: str | None) -> str | None:
    """The text as the file has it."""
    return text.in_file if isinstance(text, TypedNumber) else text
