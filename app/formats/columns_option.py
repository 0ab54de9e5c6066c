"""Parses the option `columns`, and those options for the values of all columns that have the same members."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.column_options import MEMBERS, NO_OPTIONS, OTHERS, WIDE, ColumnOptions, Columns, JsonNumber
from app.domain.errors import InvalidContent
from app.formats.errors import excerpt

_EXAMPLE = (
    '{"Order No": "order_number", "Notes": null, "marketplace": {"value": "Shop"}}, or a list of the names in their'
    " order, null to leave a column out"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LIKE_GROUPS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{2}0")
_GROUPING_MARKS = (".", ",", "'", "\u2019", " ", "\u00a0", "\u2009", "\u202f", "_", "space", "none")
_NEGATIVE = ("trailing_minus", "parentheses")
_MAX_FORMATS = 20


@dataclass(frozen=True)
class ColumnsOption:
    """The option `columns`, parsed: see the parts of `FileFormat` with these names. Names are as the client gave
    them."""

    columns: Columns | None
    column_options: Mapping[str, ColumnOptions] = field(default_factory=dict)
    leave_out_others: bool = False


def parse_columns(text: str) -> ColumnsOption:
    """Parse the option: JSON, or names with commas between them. Raises `InvalidContent`, which names the field."""
    if not text.lstrip().startswith(("[", "{")):
        return ColumnsOption([name.strip() or None for name in text.split(",")])
    said = _read_json("columns", text, f"columns must be JSON such as {_EXAMPLE}")
    if not said:
        raise refused("columns", f"columns must be {_EXAMPLE}")
    found = _parse_list(said) if isinstance(said, list) else _parse_object(said)
    if (name := find_lone_surrogate(_list_texts(said))) is not None:
        reason = f"columns has {excerpt(name)!r}, which is not valid UTF-8: set the file's encoding with `encoding`"
        raise refused("columns", reason)
    return found


def parse_all_columns(given: Mapping[str, str]) -> ColumnOptions | None:
    """Parse those options of a query or form that are for the values of all columns. None if none of them was given.
    Raises `InvalidContent`, which names the field."""
    said: dict[str, Any] = {}
    for name in WIDE:
        if name not in given:
            continue
        text = given[name]
        if name in ("formats", "negative"):
            said[name] = _read_json(name, text, f"{name} must be a list") if text.startswith("[") else [text]
        elif name == "zones":
            said[name] = _read_json(name, text, 'zones must be JSON such as {"CET": "+01:00"}')
        else:
            said[name] = {"true": True, "false": False}.get(text, text)
    parts = {name: _read_member(name, value, name, name) for name, value in said.items()}
    options = ColumnOptions(**parts)
    _check_marks(options, "decimal_mark", "all columns")
    return options if parts else None


def _list_texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for each in said:
            yield from _list_texts(each)
    elif isinstance(said, dict):
        for key, value in said.items():
            yield key
            yield from _list_texts(value)


def find_lone_surrogate(names: Iterable[str | None]) -> str | None:
    """The first name with a lone surrogate: a byte that is invalid in the file's encoding, or half of an escaped
    pair."""
    return next((name for name in names if name and _LONE_SURROGATE.search(name)), None)


def refused(field: str, reason: str) -> InvalidContent:
    """The error for an invalid option."""
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])


def _read_json(field: str, text: str, wrong: str) -> Any:
    doubled: list[str] = []

    def read_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled.extend(name for at, (name, _) in enumerate(pairs) if name in dict(pairs[:at]))
        return found

    decoder = json.JSONDecoder(object_pairs_hook=read_pairs, parse_float=JsonNumber, parse_int=JsonNumber)
    try:
        said = decoder.decode(text.strip())
    except (ValueError, RecursionError):
        raise refused(field, wrong) from None
    if doubled:
        raise refused(field, f"{field} has the key {excerpt(doubled[0])!r} twice: remove one")
    return said


def _parse_list(said: list[Any]) -> ColumnsOption:
    columns: list[str | None] = []
    options: dict[str, ColumnOptions] = {}
    for at, element in enumerate(said, 1):
        if element is None or _is_name(element):
            columns.append(element)
            continue
        if not isinstance(element, dict):
            raise refused(
                "columns", f"element {at} of columns must be a name, null or an object; columns is {_EXAMPLE}"
            )
        if not _is_name(element.get("name")):
            raise refused("columns", f"element {at} of columns needs the member name: a column of the dataset")
        found = _read_members(element["name"], element)
        _add(options, element["name"], found)
        if found.value is None:
            columns.append(element["name"])
    for name, each in options.items():
        if each.value is not None and name in columns:
            reason = f"columns has {excerpt(name)} twice, as a constant and as a column of the file: leave out one"
            raise refused("columns", reason)
    if not columns:
        raise refused("columns", "columns has constants only: list the file's columns too, null to leave one out")
    return ColumnsOption(columns, options)


def _parse_object(said: dict[str, Any]) -> ColumnsOption:
    columns: dict[str, str | None] = {}
    options: dict[str, ColumnOptions] = {}
    others = False
    for key, wanted in said.items():
        if key == OTHERS:
            if wanted is not None:
                raise refused("columns", f'"{OTHERS}" stands for all unknown columns: it can only be null')
            others = True
        elif wanted is None or _is_name(wanted):
            columns[key] = wanted
        elif isinstance(wanted, dict):
            name = wanted.get("name", key)
            if not _is_name(name):
                raise refused("columns", f"the name of {excerpt(key)!r} in columns must be a column of the dataset")
            found = _read_members(key, wanted)
            if found.value is not None and name != key:
                reason = (
                    f"a constant needs no column of the file, so its key is the dataset's column: {_constant(name)}"
                )
                raise refused("columns", reason)
            if found != NO_OPTIONS:
                _add(options, name, found)
            if name != key or found == NO_OPTIONS:
                columns[key] = name
        else:
            raise refused("columns", f"{excerpt(key)!r} in columns must be a name, null or an object: {_EXAMPLE}")
    for key, to in columns.items():
        if to in options and options[to].value is not None:
            reason = f"columns gives {excerpt(to)} a constant and renames {excerpt(key)!r} to it: leave out one of them"
            raise refused("columns", reason)
    return ColumnsOption(columns or None, options, others)


def _constant(name: str) -> str:
    return excerpt(json.dumps({name: {"value": "…"}}, ensure_ascii=False))


def _is_name(value: Any) -> bool:
    return type(value) is str and value != ""


def _add(options: dict[str, ColumnOptions], name: str, found: ColumnOptions) -> None:
    if name in options:
        raise refused("columns", f"columns has options for {excerpt(name)} twice: put them into one object")
    options[name] = found


def _read_members(name: str, said: Mapping[str, Any]) -> ColumnOptions:
    where = f"in columns for {excerpt(name)!r}"
    unknown = next((member for member in said if member not in (*MEMBERS, "name")), None)
    if unknown is not None:
        reason = f"unknown member {excerpt(unknown)!r} {where}: there are name, {', '.join(MEMBERS)}"
        raise refused("columns", reason)
    parts = {
        member: _read_member("columns", value, member, f"{member} {where}")
        for member, value in said.items()
        if member != "name"
    }
    options = ColumnOptions(**parts)
    if options.value is not None and len(parts) > 1:
        other = next(member for member in parts if member != "value")
        raise refused("columns", f"a constant can't have {other}: {where} remove one of them")
    _check_marks(options, "columns", excerpt(name))
    return options


def _check_marks(options: ColumnOptions, field: str, what: str) -> None:
    if options.grouping_mark is not None and options.grouping_mark == (options.decimal_mark or "."):
        reason = f"decimal_mark and grouping_mark of {what} must differ: set both (decimal_mark is a point by default)"
        raise refused(field, reason)


def _read_member(field: str, value: Any, member: str, where: str) -> Any:
    """The member's value as `ColumnOptions` has it."""
    wrong, read = _READERS[member]
    found = read(value)
    if found is None:
        raise refused(field, f"{where} must be {wrong}")
    return found


def _read_scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, JsonNumber) and _LIKE_GROUPS.fullmatch(value):
        return None  # kept as JSON it would lose its zeros
    return value if isinstance(value, str) else None


def _read_text(value: Any) -> str | None:
    return value if _is_name(value) else None


def _read_texts(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_FORMATS or not all(map(_is_name, value)):
        return None
    return tuple(dict.fromkeys(value))


def _read_negative(value: Any) -> tuple[str, ...] | None:
    found = _read_texts(value)
    return found if found and set(found) <= set(_NEGATIVE) else None


def _read_map(value: Any) -> dict[str, str] | None:
    if not isinstance(value, dict) or not value or not all(type(to) is str for to in value.values()):
        return None
    return value


def _read_values(value: Any) -> dict[str, str | None] | None:
    if not isinstance(value, dict) or not value:
        return None
    found = {of: None if to is None else _read_scalar(to) for of, to in value.items()}
    return found if all((found[of] is None) == (to is None) for of, to in value.items()) else None


def _one_of(*choices: bool | str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        known = type(value) in (bool, str, JsonNumber) and value in choices
        return (str(value) if isinstance(value, str) else value) if known else None

    return read


def _read_currency(value: Any) -> bool | str | None:
    return value if isinstance(value, bool) else _read_text(value)


_TEXT = "a text, a number without zeros at its end, true or false"
_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "value": (_TEXT, _read_scalar),
    "default": (_TEXT, _read_scalar),
    "formats": (f'a list of 1 to {_MAX_FORMATS} formats such as ["%d.%m.%Y"]', _read_texts),
    "zone": ("a time zone such as Europe/Berlin", _read_text),
    "zones": ('an object of abbreviations and offsets such as {"CET": "+01:00"}', _read_map),
    "serial": ('"1900" or "1904"', _one_of("1900", "1904")),
    "decimal_mark": ("a point or a comma", _one_of(".", ",")),
    "grouping_mark": ("one of . , ' _ or a space (normal, non-breaking or narrow)", _one_of(*_GROUPING_MARKS)),
    "currency": ("true, false, or the text beside the numbers", _read_currency),
    "percent": ('true, false or "fraction"', _one_of(True, False, "fraction")),
    "negative": (f"a list of {' and '.join(_NEGATIVE)}", _read_negative),
    "values": ('an object such as {"Versandt": "shipped"}, whose numbers have no zeros at their end', _read_values),
}
