"""The option `columns` that would let a file in, as far as the names of its columns show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.column_options import OTHERS
from app.domain.dataset import Dataset
from app.domain.file_format import FileFormat
from app.formats.suggest.suggestions import Suggestion, suggest

_MAX_NAMED = 8  # columns that are left out by their names; of more, all are left out together


@dataclass(frozen=True)
class SuggestedOption:
    """What may help to map a file's columns.

    Attributes:
        suggestions: the columns of the file that may be columns of the dataset.
        columns: the option `columns` with these suggestions, and with the client's own; it leaves out the columns that
            are still unknown. None if it would change nothing.
        missing: required columns of the dataset that the file still lacks then.
    """

    suggestions: list[Suggestion]
    columns: dict[str, Any] | None
    missing: list[str]


def suggest_option(
    names: Sequence[str], targets: Sequence[str | None], file_format: FileFormat, dataset: Dataset
) -> SuggestedOption:
    """Suggest an option for a file whose columns have these `names`; `targets` are as of `NamedColumns`, and `dataset`
    is as `apply_options` returns it."""
    known = set(dataset.column_names)
    unknown = [name for name, to in zip(names, targets, strict=True) if to is not None and to not in known]
    if names[-1:] == [""] and names.count("") == 1:
        unknown = unknown[:-1]  # only a delimiter at the line's end
    lacking = [column for column in dataset.columns if column.name not in targets and not column.constant]
    found = suggest(names, unknown, [column.name for column in lacking])
    suggested = {each.name: each.column for each in found}
    others = [name for name in unknown if name not in suggested]
    given = file_format.columns_option()
    columns = dict(given) if isinstance(given, dict) else {}
    for name, column in suggested.items():
        options = columns.pop(column, None)  # what the client said of a column that the file did not have yet
        columns[name] = {"name": column, **options} if isinstance(options, dict) else column
    columns |= dict.fromkeys(others) if len(others) <= _MAX_NAMED else {OTHERS: None}
    missing = [column.name for column in lacking if column.required and column.name not in suggested.values()]
    return SuggestedOption(found, columns if unknown else None, missing)
