"""Column mapping: which column of a file goes to which column of the dataset."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_names import find_columns
from app.formats.csv import header
from app.formats.csv.delimiter_hint import check_delimiter, delimiter_note
from app.formats.errors import excerpt
from app.formats.suggest.option import suggest_option

MAX_COLUMNS = 16_384  # as many as a sheet has
_MAX_EXAMPLE = 600  # characters


@dataclass(frozen=True)
class ColumnMapping:
    """Where a row of the file has the dataset's columns.

    Attributes:
        positions: for each of the dataset's columns, its position in a row (from 0); None for an optional column that
            the file lacks. The client left all other positions out.
        width: how many fields a row has.
        empty: positions that must be empty in each row.
        names: what the file calls its columns; None if it has no header.
    """

    positions: tuple[int | None, ...]
    width: int
    empty: tuple[int, ...] = ()
    names: tuple[str, ...] | None = None

    @property
    def has_blanks(self) -> bool:
        """Whether a row without any value is skipped as blank. In a file of one column it is a row: a NULL."""
        return self.width > 1

    @property
    def file_order(self) -> list[int]:
        """Positions in the dataset, in the order of the file's columns; those that the file lacks come last."""
        places = [self.width if position is None else position for position in self.positions]
        return sorted(range(len(places)), key=places.__getitem__)


def map_columns(names: Sequence[str] | None, file_format: FileFormat, dataset: Dataset, line: int = 1) -> ColumnMapping:
    """Map a file's columns to the dataset's.

    `names` are the names in the file's header, on this `line`; None without a header. `dataset` is as `apply_options`
    returns it. Raises ImportFailed (missing_column, unknown_column, doubled_column, other_delimiter, columns_differ,
    columns_needed, too_many_columns).
    """
    columns = file_format.columns
    if names is not None and len(names) > MAX_COLUMNS:
        raise ImportFailed("too_many_columns", f"the file has more than {MAX_COLUMNS:,} columns", line=line)
    if isinstance(columns, list):
        if names is not None and len(names) != len(columns):
            raise ImportFailed(
                "columns_differ",
                f"the file has {len(names)} columns, `columns` names {len(columns)}",
                line=line,
            )
        if names is not None:
            header.check_order(names, columns, dataset, line)
        targets: list[str | None] = columns
    elif names is None:
        raise ImportFailed(
            "columns_needed", "a file without a header needs `columns`, the names of its columns in their order"
        )
    else:
        names = [name.strip() for name in names]
        found = find_columns(names, columns, dataset, leave_out_others=file_format.leave_out_others)
        if found.problem is not None:
            if file_format.format == "csv":
                check_delimiter(names, file_format, dataset, line)
            found.problem.line = line
            raise found.problem
        targets = found.targets
    _check(targets, names, file_format, dataset, line)
    # a delimiter at the line's end makes an unnamed last column
    empty = (len(targets) - 1,) if targets[-1] == "" else ()
    positions = {name: position for position, name in enumerate(targets) if name}
    found_at = tuple(positions.get(name) for name in dataset.column_names)
    return ColumnMapping(found_at, len(targets), empty, None if names is None else tuple(names))


def _check(
    targets: Sequence[str | None], names: Sequence[str] | None, file_format: FileFormat, dataset: Dataset, line: int
) -> None:
    known = set(dataset.column_names)
    seen: dict[str, int] = {}
    for at, name in enumerate(targets):
        if name is None or (name == "" and at == len(targets) - 1):
            continue
        if name in seen:
            raise _doubled(name, seen[name], at, targets, names, file_format, line)
        seen[name] = at
    missing = [column.name for column in dataset.columns if column.required and column.name not in seen]
    unknown = [name for name in seen if name not in known]
    note = ""
    if unknown and names and file_format.format == "csv" and not isinstance(file_format.columns, list):
        check_delimiter(names, file_format, dataset, line)
        note = delimiter_note(names, file_format)
    if known.isdisjoint(seen):
        lacking = (missing or dataset.column_names)[0]
        reason = f"the first line is not a header with the columns' names; {_expected(dataset)}"
        if names and len(names) == len([column for column in dataset.columns if not column.constant]):
            listed: list[str | None] = [column.name for column in dataset.columns if not column.constant]
            reason += f". If it is a row, list the columns in the file's order, such as {_written(listed)}"
        if names:
            reason += f". If it is one, map its names with {example_of(names, targets, missing, file_format, dataset)}"
        reason += note
        raise ImportFailed("missing_column", reason, line=line, column=lacking, value=excerpt(",".join(names or ())))
    if not unknown and not missing:
        return
    how = example_of(names, targets, missing, file_format, dataset)
    if unknown:
        reason = (
            f"the header names the column {excerpt(unknown[0])!r}, which {dataset.name} does not have;"
            f" {_expected(dataset)}. Rename it or leave it out with {how}{note}"
        )
        raise ImportFailed("unknown_column", reason, line=line, column=excerpt(unknown[0]))
    reason = f"the header lacks the column {missing[0]}; {_expected(dataset)}. Map it or give it a constant with {how}"
    raise ImportFailed("missing_column", reason, line=line, column=missing[0], value=excerpt(",".join(names or ())))


def _expected(dataset: Dataset) -> str:
    return f"expected are {', '.join(column.name for column in dataset.columns if not column.constant)}"


def _doubled(
    name: str,
    first: int,
    second: int,
    targets: Sequence[str | None],
    names: Sequence[str] | None,
    file_format: FileFormat,
    line: int,
) -> ImportFailed:
    if isinstance(file_format.columns, list):
        reason = f"`columns` names {excerpt(name)!r} twice"
    elif names is None or names[first] == names[second]:
        how = _written([None if at == second else to for at, to in enumerate(targets)])
        reason = (
            f"the header names {excerpt(name)!r} twice; list all columns in their order, null to leave one out: {how}"
        )
    else:
        one, other = names[first], names[second]
        how = _written({one: name, other: None})
        reason = (
            f"the header's {excerpt(one)!r} and {excerpt(other)!r} are both {excerpt(name)!r}; choose one with {how}"
        )
    return ImportFailed("doubled_column", reason, line=line, column=excerpt(name))


def example_of(
    names: Sequence[str] | None,
    targets: Sequence[str | None],
    missing: Sequence[str],
    file_format: FileFormat,
    dataset: Dataset,
) -> str:
    """The option `columns` that would let a file with these columns in, as an example for a message. It is ready to be
    sent, except for names and constants that no name of the file suggests: these are `…`."""
    if names is None or isinstance(file_format.columns, list):
        return _written({name: {"value": "…"} for name in missing}) if missing else "`columns`"
    found = suggest_option(names, targets, file_format, dataset)
    option = found.columns or {}
    if found.missing:  # columns that are unknown may be among them, so nothing is left out
        option = {name: "…" if to is None else to for name, to in option.items()}
    return _written(option | {name: {"value": "…"} for name in found.missing})


def _written(option: dict[str, Any] | list[str | None]) -> str:
    text = json.dumps(option, ensure_ascii=False)
    return f"columns={text if len(text) <= _MAX_EXAMPLE else text[:_MAX_EXAMPLE] + '…'}"
