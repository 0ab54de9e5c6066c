"""Column options: what the option `columns` says of one column for one import, besides its name in the file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

# The option `columns`: the names of the file's columns in their order, or the dataset's name for some of the file's
# names. None leaves a column out.
Columns = list[str | None] | dict[str, str | None]

_LONGEST_NUMBER = 40

OTHERS = "*"  # in `columns`, stands for all columns of the file that the dataset does not have


class JsonNumber(str):
    """A JSON number as the client wrote it. It always has a point, whatever marks the file has."""

    def as_json(self) -> int | float | str:
        """The number, or its text if JSON would spell the number otherwise."""
        if len(self) > _LONGEST_NUMBER:
            return str(self)
        number = json.loads(self)
        return number if json.dumps(number) == self else str(self)


@dataclass(frozen=True)
class ColumnOptions:
    """How an import reads one column of the dataset. None for each part that the client did not give.

    Attributes:
        value: a constant, which every row gets. The file's column of that name is then left out. Like the default and
            the results in `values` it may be a `JsonNumber`.
        default: what a row gets that lacks a value.
        formats, zone: as of `Column`; they replace the dataset's own.
        zones: offsets from UTC by abbreviation, {"CET": "+01:00"}.
        serial: "1900" or "1904": numbers are a spreadsheet's serial dates, counted from that year.
        decimal_mark, grouping_mark: one character each.
        currency: True if a currency sign or code may stand beside a number; or the text that must stand there.
        percent: True loads 12.5 for "12.5%"; "fraction" loads 0.125.
        negative: further ways to write negative numbers, "trailing_minus" and "parentheses".
        values: the value to load for a value of the file; None for no value. Other values stay as they are.
    """

    value: str | None = None
    default: str | None = None
    formats: tuple[str, ...] | None = None
    zone: str | None = None
    zones: Mapping[str, str] | None = None
    serial: str | None = None
    decimal_mark: str | None = None
    grouping_mark: str | None = None
    currency: bool | str | None = None
    percent: bool | str | None = None
    negative: tuple[str, ...] | None = None
    values: Mapping[str, str | None] | None = None

    def as_json(self) -> dict[str, Any]:
        """The parts that were given; `column_options_from_json` reads them."""
        return {name: _as_json(part) for name, part in self._parts() if part is not None}

    def _parts(self) -> Iterator[tuple[str, Any]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self))


NO_OPTIONS = ColumnOptions()
MEMBERS = tuple(field.name for field in fields(ColumnOptions))
# those that are also options for the whole import; a column's own win
WIDE = ("formats", "zones", "decimal_mark", "grouping_mark", "currency", "percent", "negative")


def column_options_from_json(kept: Mapping[str, Any]) -> ColumnOptions:
    """The options that `as_json` returned this for. Ignores parts of later versions."""
    parts: dict[str, Any] = {name: _from_json(kept[name]) for name in MEMBERS if name in kept}
    return ColumnOptions(**parts)


def combine_columns(
    columns: Columns | None, options: Mapping[str, ColumnOptions], *, leave_out_others: bool
) -> list[Any] | dict[str, Any] | None:
    """The option `columns` that says all of this, as JSON; None if there is nothing to say."""
    said = {name: each.as_json() for name, each in options.items()}
    if isinstance(columns, list):
        listed = [{"name": name, **said.pop(name)} if name in said else name for name in columns]
        return [*listed, *({"name": name, **parts} for name, parts in said.items())]
    combined: dict[str, Any] = {}
    for name, to in (columns or {}).items():
        combined[name] = {"name": to, **said.pop(to)} if to in said else to
    combined |= said
    if leave_out_others:
        combined[OTHERS] = None
    return combined or None


def _as_json(part: Any) -> Any:
    if isinstance(part, tuple):
        return list(part)
    if isinstance(part, Mapping):
        return {of: _as_json(to) for of, to in part.items()}
    return part.as_json() if isinstance(part, JsonNumber) else part


def _from_json(part: Any) -> Any:
    if isinstance(part, list):
        return tuple(part)
    if isinstance(part, Mapping):
        return {of: _from_json(to) for of, to in part.items()}
    return JsonNumber(json.dumps(part)) if type(part) in (int, float) else part
