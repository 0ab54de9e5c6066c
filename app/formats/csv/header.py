"""Headers: whether a line names the columns or is the first row."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.formats.infer.names import make_names
from app.formats.validate.columns import BadValue, excerpt, validator_for

_DATA = re.compile(r"-?[0-9][0-9.,:/ TZ-]*|[^@\s]+@[^@\s]+\.[^@\s]+")
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_NUMBER = re.compile("[-+]?[0-9][0-9., ]*")
_TIME = re.compile("[0-9][0-9.,:/ TZ+-]*")
_LIKE = {
    ColumnType.INTEGER: _NUMBER,
    ColumnType.DECIMAL: _NUMBER,
    ColumnType.DATE: _TIME,
    ColumnType.DATETIME: _TIME,
}

Columns = Sequence[str | None]


def looks_like_data(text: str) -> bool:
    """Whether a text is a number, a date or an e-mail address, which no header contains."""
    return _DATA.fullmatch(text.strip()) is not None


def has_header(fields: Sequence[str], columns: Columns, dataset: Dataset, line: int) -> bool:
    """Whether the first line of a file is a header, if the client gave `columns` as a list.

    It is a header if each of its fields is a name of the list or of the dataset, regardless of capitals and of the
    characters between words. It is a row if no field is the name of its column, and some are values that no header
    contains. Raises ImportFailed (header_unclear) for anything else.
    """
    names = [field.strip() for field in fields]
    if are_column_names(names, columns, dataset):
        return True
    known = _known(columns, dataset)
    types = {column.name: column for column in dataset.columns}
    named = 0
    in_place = refuted = False
    values = []
    for at, name in enumerate(names):
        target = (columns[at] if at < len(columns) else None) or ""
        column = types.get(target)
        if not name or normalized(name) in known:
            named += bool(name)
            in_place = in_place or (name != "" and normalized(name) == normalized(target))
        elif _is_value(name, column):
            values.append(name)
        else:
            refuted = refuted or (column is not None and column.type is not ColumnType.TEXT)
    if named and refuted and not values:
        return True
    if len(values) > named and not in_place and not _are_years(values):  # a text may equal a name by chance
        return False
    raise ImportFailed(
        "header_unclear",
        f"line {line} may be the header or the first row: not all of its fields are names of `columns` or"
        f" {dataset.name or 'the dataset'}; set header=true or header=false",
        line=line,
        value=excerpt(",".join(fields)),
    )


def guess_header(fields: Sequence[str], columns: Columns, dataset: Dataset, line: int) -> bool | None:
    """`has_header`, but None if it is unclear."""
    try:
        return has_header(fields, columns, dataset, line)
    except ImportFailed:
        return None


def are_column_names(names: Sequence[str], columns: Columns, dataset: Dataset) -> bool:
    """Whether each name is one of the list or of the dataset. Names of columns that the client leaves out don't
    count."""
    if _agree(names, columns):
        return True
    known = _known(columns, dataset)
    named = 0
    for at, name in enumerate(names):
        if name and normalized(name) in known:
            named += 1
        elif name and ((columns[at] if at < len(columns) else "") is not None or looks_like_data(name)):
            return False
    return named > 0


def check_order(names: Sequence[str], columns: Columns, dataset: Dataset, line: int) -> None:
    """Raises ImportFailed (columns_differ) if header and list use different names of the dataset for the same column:
    one of the two is wrong, and swapped columns must not be loaded."""
    names = [name.strip() for name in names]
    if _agree(names, columns):
        return
    called = [normalized(name) for name in names]
    listed = {target: at for at, target in enumerate(columns)}
    ours: dict[str, list[str]] = {}
    for column in dataset.column_names:
        ours.setdefault(normalized(column), []).append(column)
    for at, (name, target) in enumerate(zip(called, columns, strict=True)):
        same = ours.get(name, []) if name else []
        elsewhere = [listed[column] for column in same if column in listed]
        if target in same or (target is None and not elsewhere):
            continue
        if same and not any(called[place] == name for place in elsewhere):
            raise ImportFailed(
                "columns_differ",
                f"the header calls column {at + 1} {excerpt(names[at])!r}, `columns` {excerpt(target or 'null')!r};"
                f" {_example(called, columns, ours) or 'put the list into the order of the file'}, or map the columns"
                f" by name: columns={excerpt(json.dumps({names[at]: target}, ensure_ascii=False))}",
                line=line,
                column=excerpt(same[0]),
            )


def _example(called: Sequence[str], columns: Columns, ours: Mapping[str, list[str]]) -> str | None:
    """The list in the order of the header, if that names each column of the list."""
    listed = [ours[name][0] if len(ours.get(name, ())) == 1 else None for name in called]
    if set(filter(None, listed)) != set(filter(None, columns)) or len(set(listed)) < len(listed):
        return None
    return f"set columns={','.join(name or '' for name in listed)} if the header is right"


def looks_like_value(text: str, column: Column) -> bool:
    """Whether a text has the form of a number or a date, if its column is one. The value may still be invalid."""
    pattern = _LIKE.get(column.type)
    return pattern is not None and pattern.fullmatch(text.strip()) is not None


def accepts(check: Callable[[str | None], str | None], text: str | None) -> bool:
    """Whether the check accepts the value."""
    try:
        check(text)
    except BadValue:
        return False
    return True


def normalized(name: str) -> str:
    """The name in lower case, with letters and digits only."""
    return "".join(character for character in name.casefold() if character.isalnum()) or name.strip()


def _is_value(text: str, column: Column | None) -> bool:
    """Whether a text is a value for the type of its column."""
    if column is None or column.type is ColumnType.TEXT:
        return looks_like_data(text)
    return accepts(validator_for(column), text) or looks_like_value(text, column)


def _are_years(values: Sequence[str]) -> bool:
    """Whether they may be the titles of one column for each year."""
    return (
        len(values) > 1
        and all(_YEAR.fullmatch(value) for value in values)
        and all(int(after) - int(before) == 1 for before, after in pairwise(values))
    )


def _agree(names: Sequence[str], columns: Columns) -> bool:
    """Whether the list is what a preview proposes for a file with these names."""
    if len(names) != len(columns) or not any(columns):
        return False
    return all(target in (None, made) for made, target in zip(make_names(names), columns, strict=True))


def _known(columns: Columns, dataset: Dataset) -> set[str]:
    return {normalized(name) for name in (*columns, *dataset.column_names) if name}
