"""Matching of names: which of a file's names stands for which column of a dataset."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.formats.errors import excerpt

# what a reject file has beside the dataset's columns; an import ignores them
REJECT_COLUMNS = ("reject_line", "reject_code", "reject_column", "reject_reason", "reject_text")

_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2007": " "})


def fold(name: str) -> str:
    """The form in which names match: without outer blanks and capitals. Non-breaking spaces count as blanks, and
    letters with accents are the same in both of Unicode's spellings."""
    if name.isascii():
        return name.strip().lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).translate(_BLANKS).strip().casefold())


class NameIndex:
    """Finds names whatever their case, see `fold`. The exact name wins."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._folded: dict[str, set[str]] = {}
        for name in self._exact:
            self._folded.setdefault(fold(name), set()).add(name)

    def find(self, name: str) -> set[str]:
        """The names that match: one, none, or several that differ only in what `fold` ignores."""
        return {name} if name in self._exact else self._folded.get(fold(name), set())


@lru_cache(maxsize=64)
def _index(names: tuple[str, ...]) -> NameIndex:
    return NameIndex(names)


@dataclass(frozen=True)
class NamedColumns:
    """What a file's names stand for.

    Attributes:
        targets: for each name the dataset's column; None for one that is left out, the name itself for an unknown one.
            A column that two of the names match is there twice.
        problem: why the option `columns` does not fit the names; None if it does.
    """

    targets: list[str | None]
    problem: ImportFailed | None = None


def find_columns(
    names: Sequence[str],
    columns: dict[str, str | None] | None,
    dataset: Dataset,
    *,
    leave_out_others: bool = False,
    all_needed: bool = True,
) -> NamedColumns:
    """Match a file's names, without outer blanks, with the names of a dataset.

    `columns` is what the client calls them; its keys match as the dataset's names do. Without `all_needed` the names
    may lack some of its keys. Columns of the dataset that have a constant are not the file's.
    """
    places: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        places.setdefault(name, []).append(at)
    targets: dict[int, str | None] = {}
    known = set(dataset.column_names)
    problem = _apply_columns(targets, places, columns or {}, known, all_needed=all_needed)
    constants = {column.name for column in dataset.columns if column.constant}
    ours = _index(dataset.column_names)
    exact = {name for name in places if name in known and any(at not in targets for at in places[name])}
    for name, found in places.items():
        columns_of = {name} & known or ours.find(name)
        if fold(name) in REJECT_COLUMNS:
            to: str | None = None
        elif len(columns_of) == 1 and (name in exact or not columns_of <= exact):
            [column] = columns_of
            to = None if column in constants else column
        else:
            to = None if leave_out_others else name
        for at in found:
            targets.setdefault(at, to)
    return NamedColumns([targets[at] for at in range(len(names))], problem)


def _apply_columns(
    targets: dict[int, str | None],
    places: dict[str, list[int]],
    columns: dict[str, str | None],
    known: set[str],
    *,
    all_needed: bool,
) -> ImportFailed | None:
    """Enter what the keys of `columns` stand for: never a column that has the exact name of another key, or of one of
    the dataset's `known` columns. Returns the first problem."""
    if not columns:
        return None
    problem: ImportFailed | None = None
    others = NameIndex(name for name in places if name not in columns and name not in known)
    keys: dict[str, str] = {}
    for key, to in columns.items():
        found = {key} if key in places else others.find(key)
        if len(found) > 1:
            problem = problem or _alike(key, found)
        elif not found and all_needed:
            problem = problem or _unknown_key(key, places)
        for name in found:
            if keys.setdefault(name, key) != key:
                problem = problem or _alike_keys(name, keys[name], key)
            targets |= dict.fromkeys(places[name], to)
    return problem


def _alike(key: str, found: set[str]) -> ImportFailed:
    both = " or ".join(repr(excerpt(name)) for name in sorted(found)[:2])
    reason = f"`columns` names {excerpt(key)!r}, which may be {both} of the file: write it as the file does"
    return ImportFailed("doubled_column", reason, column=excerpt(key))


def _alike_keys(name: str, key: str, other: str) -> ImportFailed:
    reason = f"`columns` names {excerpt(key)!r} and {excerpt(other)!r}, which are both the column {excerpt(name)!r}"
    return ImportFailed("doubled_column", f"{reason}: remove one of them", column=excerpt(other))


def _unknown_key(key: str, places: Iterable[str]) -> ImportFailed:
    reason = f"`columns` names {excerpt(key)!r}, which the file does not have: it has {excerpt(', '.join(places))}"
    return ImportFailed("unknown_column", reason, column=excerpt(key))
