"""The layout: which of a file's columns is which of the dataset's."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import Columns
from app.formats.csv import header
from app.formats.validate.columns import shown

# what a reject file has beside the dataset's columns: left out when it is sent again
REJECT_COLUMNS = ("reject_line", "reject_code", "reject_column", "reject_reason", "reject_text")

MAX_COLUMNS = 16_384  # as many as a sheet has


@dataclass(frozen=True)
class ColumnMapping:
    """`positions` holds for each of the dataset's columns its position in the file's rows, which have `width` fields;
    None for a column that the file lacks, which is none that every row needs.

    What stands at other positions is left out, as the client said; at `empty` ones nothing may stand.
    """

    positions: tuple[int | None, ...]
    width: int
    empty: tuple[int, ...] = ()

    @property
    def has_blanks(self) -> bool:
        """Whether a row without any value is none. Of one column it is a row: how else would it say so?"""
        return self.width > 1

    @property
    def file_order(self) -> list[int]:
        """Positions in the dataset, in the order in which the file has its columns; those it lacks come last."""
        places = [self.width if position is None else position for position in self.positions]
        return sorted(range(len(places)), key=places.__getitem__)


def map_columns(names: Sequence[str] | None, columns: Columns | None, dataset: Dataset, line: int = 1) -> ColumnMapping:
    """The layout of a file whose columns are called `names` (None where it names none), which stand on `line`.

    `columns` is what the client said of them. Raises ImportFailed (missing_column, unknown_column, doubled_column,
    columns_differ, columns_needed, too_many_columns).
    """
    if names is not None and len(names) > MAX_COLUMNS:
        raise ImportFailed("too_many_columns", f"the file has more than {MAX_COLUMNS:,} columns", line=line)
    if isinstance(columns, list):
        if names is not None and len(names) != len(columns):
            raise ImportFailed(
                "columns_differ",
                f"the file has {len(names)} columns, {len(columns)} were named in `columns`",
                line=line,
            )
        if names is not None:
            header.check_order(names, columns, dataset, line)
        meant: list[str | None] = columns
    elif names is None:
        raise ImportFailed(
            "columns_needed", "a file without a header needs `columns`: the names of its columns in their order"
        )
    else:
        present = [name.strip() for name in names]
        told: dict[str, str | None] = {name: None for name in REJECT_COLUMNS if name in present}
        meant = _renamed(present, told | (columns or {}), line)
    _check(meant, names, dataset, line)
    # an unnamed last column is what a delimiter at the line's end makes
    empty = (len(meant) - 1,) if meant[-1] == "" else ()
    positions = {name: position for position, name in enumerate(meant) if name}
    return ColumnMapping(tuple(positions.get(name) for name in dataset.column_names), len(meant), empty)


def _renamed(names: list[str], columns: dict[str, str | None], line: int) -> list[str | None]:
    unknown = next((name for name in columns if name not in names), None)
    if unknown is not None:
        raise ImportFailed(
            "unknown_column",
            f"`columns` names {shown(unknown)!r}, which the file does not have; it has {shown(', '.join(names))}",
            line=line,
            column=shown(unknown),
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
                "doubled_column", f"the header names {shown(name)!r} twice", line=line, column=shown(name)
            )
        seen.add(name)
    missing = [column.name for column in dataset.columns if column.required and column.name not in seen]
    none_named = seen.isdisjoint(dataset.column_names)
    unknown = [name for name in meant if name is not None and name in seen and name not in dataset.column_names]
    if unknown and not none_named:
        raise ImportFailed(
            "unknown_column",
            f"the header names the column {shown(unknown[0])!r}, which {dataset.name} does not have; {expected}."
            " `columns` can rename a column, or leave it out with null",
            line=line,
            column=shown(unknown[0]),
        )
    if missing or none_named:
        lacking = (missing or dataset.column_names)[0]
        reason = f"the header lacks the column {lacking}; {expected}"
        if none_named:
            reason = f"the first line is no header that names the columns; {expected}"
        raise ImportFailed("missing_column", reason, line=line, column=lacking, value=shown(",".join(names or ())))
