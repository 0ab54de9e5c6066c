"""A Parquet file's columns: the types as the file itself has them, and what can't be read."""

import json
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import ImportFailed
from app.formats.parquet.footer import field_of, read_elements, structure_errors
from app.formats.parquet.thrift import Struct
from app.formats.validate.columns import excerpt

INT96, FIXED = 3, 7
MAX_PRECISION, _MAX_WIDE_PRECISION = 38, 76  # of polars, and of Arrow's widest type
_BYTES = 6
_DECIMAL, _DATE, _TIME_MS, _TIME_US, _INTERVAL = 5, 6, 7, 8, 21  # of a schema's "converted types"
_LOGICAL_DECIMAL, _LOGICAL_DATE, _LOGICAL_TIME = 5, 6, 7
_LOGICAL_TYPES = {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15}
_UNITS = {1: "ms", 2: "us", 3: "ns"}
_REPEATED = 2
_MAX_DEPTH = 100


@dataclass(frozen=True)
class Leaf:
    """How the file keeps the values of a column that is not nested; of times of the day, in which unit, and of decimals
    that polars has no type for, how many digits are after the point."""

    is_int96: bool
    is_date: bool
    clock: str | None
    scale: int | None = None


@dataclass(frozen=True)
class Schema:
    """The file's columns: their names, those that are not nested, and what keeps polars from reading some of them."""

    names: list[str]
    leaves: dict[str, Leaf]
    unsupported: dict[str, str]

    @property
    def has_wide_decimals(self) -> bool:
        """Whether a column has decimals of more digits than polars takes."""
        return any(leaf.scale is not None for leaf in self.leaves.values())

    def failure(self, name: str) -> ImportFailed:
        """Why an unsupported column can't be read."""
        what = self.unsupported[name]
        option = f"columns={json.dumps({excerpt(name): None}, ensure_ascii=False)}"
        reason = f"the column {excerpt(name)!r} contains {what}, which is not supported; set {option} to leave it out"
        return ImportFailed("unsupported_type", reason, column=excerpt(name))


def read_schema(path: Path) -> Schema:
    """The file's columns. Raises ImportFailed (damaged_parquet, too_many_columns)."""
    with path.open("rb") as file, structure_errors():
        return _schema(read_elements(file))


def _schema(elements: list[Struct]) -> Schema:
    names: list[str] = []
    leaves: dict[str, Leaf] = {}
    unsupported: dict[str, str] = {}
    open_groups: list[int] = []  # how many more elements each of the nested columns around has
    for element in elements:
        children = int(field_of(element, 5, 0))
        name = name_of(element)
        if not open_groups:
            names.append(name)
        if what := _find_unsupported(element):
            unsupported.setdefault(names[-1], what)
        if not open_groups and children <= 0 and field_of(element, 3) != _REPEATED:
            leaves[name] = _leaf(element)
        if open_groups:
            open_groups[-1] -= 1
        if children > 0:
            open_groups.append(children)
            if len(open_groups) > _MAX_DEPTH:  # polars would overflow its stack, which ends the process
                unsupported.setdefault(names[-1], f"values that are nested more than {_MAX_DEPTH} levels deep")
        while open_groups and open_groups[-1] <= 0:
            open_groups.pop()
    return Schema(names, leaves, unsupported)


def name_of(element: Struct) -> str:
    """The name of an element of the schema."""
    return bytes(field_of(element, 4, b"")).decode("utf-8", "surrogateescape")


def _leaf(element: Struct) -> Leaf:
    is_date = field_of(element, 6) == _DATE or _logical(element) == _LOGICAL_DATE
    digits, scale = decimal_of(element)
    wide = scale if digits > MAX_PRECISION else None
    return Leaf(field_of(element, 1) == INT96, is_date, clock_of(element), wide)


def _logical(element: Struct) -> int | None:
    return next(iter(field_of(element, 10, {})), None)


def clock_of(element: Struct) -> str | None:
    """The unit of a time of the day; None for what is none."""
    time = field_of(field_of(element, 10, {}), _LOGICAL_TIME)
    if time is not None:
        return _UNITS.get(next(iter(field_of(time, 2, {})), 0))
    return {_TIME_MS: "ms", _TIME_US: "us"}.get(field_of(element, 6, 0))


def decimal_of(element: Struct) -> tuple[int, int]:
    """How many digits a decimal has, and how many of them after the point; zeros for what is none."""
    if field_of(element, 6) != _DECIMAL and _logical(element) != _LOGICAL_DECIMAL:
        return 0, 0
    declared = element[10][1][_LOGICAL_DECIMAL][1] if _logical(element) == _LOGICAL_DECIMAL else {}
    digits = max(int(field_of(element, 8, 0)), int(field_of(declared, 2, 0)))
    return digits, max(int(field_of(element, 7, 0)), int(field_of(declared, 1, 0)))


def _find_unsupported(element: Struct) -> str:
    """What an element holds that can't be read; "" if it can."""
    converted, logical, physical = field_of(element, 6), _logical(element), field_of(element, 1)
    digits, scale = decimal_of(element)
    if converted == _INTERVAL:
        return "intervals"
    if digits > MAX_PRECISION and (
        digits > _MAX_WIDE_PRECISION or not 0 <= scale <= digits or physical not in (_BYTES, FIXED)
    ):
        return f"decimals of {digits} digits"
    if logical is not None and logical not in _LOGICAL_TYPES:
        return f"values of an unknown kind (logical type {logical})"
    if converted is not None and not 0 <= converted <= _INTERVAL:
        return f"values of an unknown kind (converted type {converted})"
    if physical is not None and not 0 <= physical <= FIXED:
        return f"values of an unknown kind (type {physical})"
    return ""
