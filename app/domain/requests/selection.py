"""Selections: filters and order for the rows of a dataset, and cursors for their pages."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import BadRequest, InvalidContent
from app.domain.row_size import text_length

SORTABLE_LENGTH = 255  # characters; a server sorts by the first 1,024 bytes
MAX_FILTERS = 20

_INTEGER = re.compile("-?[0-9]{1,30}")
_DECIMAL = re.compile(r"-?[0-9]{1,70}(?:\.[0-9]{1,40})?")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z?")
_IMPORT_COLUMNS = {name: Column(name, ColumnType.INTEGER, maximum=2**32 - 1) for name in ("import_no", "row_no")}


@dataclass(frozen=True)
class Selection:
    """A query for rows of a dataset.

    Attributes:
        number: only rows of the import with this number.
        equal: only rows with these values of columns (None: NULL).
        sort, descending: the order; rows are always sorted by the primary key as well, so the order is total.
    """

    dataset: Dataset
    number: int | None = None
    equal: tuple[tuple[str, Any], ...] = ()
    sort: str | None = None
    descending: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """The columns by which the rows are sorted."""
        return (*((self.sort,) if self.sort else ()), *self.dataset.primary)

    def write_cursor(self, row: Sequence[Any]) -> str:
        """The cursor of a page that ends with this row; `row` has the values of `order`."""
        # str() of a Decimal may have an exponent
        values = [
            None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value) for value in row
        ]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    def read_cursor(self, cursor: str) -> tuple[Any, ...]:
        """The values of `order` in the last row of the page before. Raises `BadRequest` for an invalid cursor."""
        try:
            values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if not all(isinstance(value, str) for value in values[-len(self.dataset.primary) :]):
                raise ValueError(cursor)  # a key has no NULL
            pairs = list(zip(self.order, values, strict=True))
            return tuple(None if text is None else read_value(self._column(name), text) for name, text in pairs)
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise BadRequest(
                "the cursor does not belong to this list: follow `next`, or begin without a cursor",
                errors=[{"field": "cursor"}],
            ) from None

    def _column(self, name: str) -> Column:
        return find_column(self.dataset, name) or _IMPORT_COLUMNS[name]


def find_column(dataset: Dataset, name: str) -> Column | None:
    """The column of this name, or None."""
    return next((column for column in dataset.columns if column.name == name), None)


def parse_selection(
    dataset: Dataset, *, number: int | None, filters: Sequence[tuple[str, str | None]], sort: str | None
) -> Selection:
    """Parse the selection of a query.

    `filters` are names of columns with values, written as in a file or an export (None: NULL). `sort` is a column's
    name, with `-` before it for descending. Raises `InvalidContent`, which names the field.
    """
    if len(filters) > MAX_FILTERS:
        raise _refused("filter", f"the limit is {MAX_FILTERS} filters")
    equal = []
    for name, text in filters:
        column = find_column(dataset, name)
        if column is None:
            raise _refused(f"filter[{name[:64]}]", f"there is no column {name[:64]!r}")
        try:
            equal.append((name, None if text is None else read_value(column, text)))
        except ValueError:
            raise _refused(f"filter[{name}]", f"{text[:40] if text else text!r} is not a valid {column.type}") from None
    if sort is None:
        return Selection(dataset, number, tuple(equal))
    # a column may have the name -a
    descending = sort.startswith("-") and find_column(dataset, sort) is None
    column = find_column(dataset, sort[1:] if descending else sort)
    if column is None:
        raise _refused("sort", f"there is no column {sort[:64]!r}")
    if text_length(column) > SORTABLE_LENGTH:
        raise _refused(
            "sort", f"{column.name} may have over {SORTABLE_LENGTH} characters, so rows can't be sorted by it"
        )
    return Selection(dataset, number, tuple(equal), column.name, descending)


def read_value(column: Column, text: str) -> Any:
    """Parse a text as a value of the column, for a comparison. Raises ValueError."""
    match column.type:
        case ColumnType.BOOLEAN if text in ("true", "false"):
            return int(text == "true")
        case ColumnType.INTEGER | ColumnType.BOOLEAN if _INTEGER.fullmatch(text):
            return int(text)  # of a boolean too: an adopted table may contain other numbers
        case ColumnType.DECIMAL if _DECIMAL.fullmatch(text):
            return Decimal(text)
        case ColumnType.DATE if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        case ColumnType.DATETIME if _DATETIME.fullmatch(text):
            return datetime.fromisoformat(text.removesuffix("Z"))
        case ColumnType.TEXT | ColumnType.EMAIL | ColumnType.CURRENCY | ColumnType.ENUM:
            text.encode()  # raises ValueError for a lone surrogate
            return text
    raise ValueError(text)


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
