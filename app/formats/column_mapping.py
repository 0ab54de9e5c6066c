"""Column mapping: which column of a file goes to which column of the dataset."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import Columns
from app.formats.csv import header
from app.formats.validate.columns import excerpt

# what a reject file has beside the dataset's columns; an import ignores them
REJECT_COLUMNS = ("reject_line", "reject_code", "reject_column", "reject_reason", "reject_text")

MAX_COLUMNS = 16_384  # as many as a sheet has


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


def map_columns(names: Sequence[str] | None, columns: Columns | None, dataset: Dataset, line: int = 1) -> ColumnMapping:
    """Map a file's columns to the dataset's.

    `names` are the names in the file's header, on this `line`; None without a header. `columns` is the client's option.
    Raises ImportFailed (missing_column, unknown_column, doubled_column, columns_differ, columns_needed,
    too_many_columns).
    """
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
        meant: list[str | None] = columns
    elif names is None:
        raise ImportFailed(
            "columns_needed", "a file without a header needs `columns`, the names of its columns in their order"
        )
    else:
        present = [name.strip() for name in names]
        left_out: dict[str, str | None] = {name: None for name in REJECT_COLUMNS if name in present}
        meant = _renamed(present, left_out | (columns or {}), line)
    _check(meant, names, dataset, line)
    # a delimiter at the line's end makes an unnamed last column
    empty = (len(meant) - 1,) if meant[-1] == "" else ()
    positions = {name: position for position, name in enumerate(meant) if name}
    return ColumnMapping(
        tuple(positions.get(name) for name in dataset.column_names),
        len(meant),
        empty,
        None if names is None else tuple(names),
    )


def _renamed(names: list[str], columns: dict[str, str | None], line: int) -> list[str | None]:
    unknown = next((name for name in columns if name not in names), None)
    if unknown is not None:
        raise ImportFailed(
            "unknown_column",
            f"`columns` names {excerpt(unknown)!r}, which the file does not have: it has {excerpt(', '.join(names))}",
            line=line,
            column=excerpt(unknown),
        )
    return [columns.get(name, name) for name in names]


def _check(meant: Sequence[str | None], names: Sequence[str] | None, dataset: Dataset, line: int) -> None:
    expected = f"expected are {', '.join(dataset.column_names)}"
    seen: set[str] = set()
    for position, name in enumerate(meant):
        if name is None or (name == "" and position == len(meant) - 1):
            continue
        if name in seen:
            raise ImportFailed(
                "doubled_column", f"the header names {excerpt(name)!r} twice", line=line, column=excerpt(name)
            )
        seen.add(name)
    missing = [column.name for column in dataset.columns if column.required and column.name not in seen]
    none_named = seen.isdisjoint(dataset.column_names)
    unknown = [name for name in meant if name is not None and name in seen and name not in dataset.column_names]
    if unknown and not none_named:
        raise ImportFailed(
            "unknown_column",
            f"the header names the column {excerpt(unknown[0])!r}, which {dataset.name} does not have; {expected}."
            " `columns` can rename a column, or leave it out with null",
            line=line,
            column=excerpt(unknown[0]),
        )
    if missing or none_named:
        lacking = (missing or dataset.column_names)[0]
        reason = f"the header lacks the column {lacking}; {expected}"
        if none_named:
            reason = f"the first line is not a header with the columns' names; {expected}"
        raise ImportFailed("missing_column", reason, line=line, column=lacking, value=excerpt(",".join(names or ())))
