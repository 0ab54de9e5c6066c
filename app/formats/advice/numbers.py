"""Which options would let a refused number in."""

import json
from collections.abc import Mapping
from typing import Any

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.domain.spelling import NumberFormat
from app.formats.advice.spelled import columns_with, option, own_options
from app.formats.validate.number_options import suggest_formats
from app.formats.validate.typed_numbers import TypedNumber

_NUMBER_TYPES = (ColumnType.INTEGER, ColumnType.DECIMAL)
_MARKS = ("decimal_mark", "grouping_mark")


def number_advice(text: str, column: Column, dataset: Dataset, file_format: FileFormat) -> str:
    """The end of the reason; empty if no option helps. A number that the file holds as a number has one meaning."""
    if isinstance(text, TypedNumber):
        return ""
    found = suggest_formats(text, column)
    said = [
        f"{_spelled(_members(numbers, column.numbers), column, dataset, file_format)} if it means {plain}"
        for numbers, plain in found.items()
    ]
    return f"; set {', or '.join(said)}" if said else ""


def _members(numbers: NumberFormat, own: NumberFormat) -> dict[str, Any]:
    """The options that make one format of the other."""
    members: dict[str, Any] = {}
    if numbers.decimal_mark != own.decimal_mark or numbers == own:  # the same, but said
        members["decimal_mark"] = numbers.decimal_mark
    if numbers.grouping_mark != own.grouping_mark:
        members["grouping_mark"] = {"": "none", " ": "space"}.get(numbers.grouping_mark, numbers.grouping_mark)
    for part in ("currency", "percent", "negative"):
        if getattr(numbers, part) != getattr(own, part):
            members[part] = getattr(numbers, part)
    return members


def _spelled(members: Mapping[str, Any], column: Column, dataset: Dataset, file_format: FileFormat) -> str:
    """For the column alone, if it has numbers beside it that other marks would change."""
    others = [each for each in dataset.columns if each.type in _NUMBER_TYPES and each.name != column.name]
    wide = file_format.all_columns
    is_said = wide.decimal_mark is not None or wide.grouping_mark is not None
    own = own_options(column.name, file_format)
    if own is not None or (any(part in members for part in _MARKS) and (others or is_said)):
        return columns_with(column.name, _as_json(members), file_format)
    return " and ".join(option(name, _as_text(value)) for name, value in members.items())


def _as_json(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in members.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else json.dumps(value)
    return str(value)
