"""Keys of JSON objects: which column each of them stands for."""

from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_mapping import example_of
from app.formats.column_names import find_columns, fold
from app.formats.errors import excerpt
from app.formats.json.values import Pairs

# as many combinations of keys are remembered, if they are short
_MAX_REMEMBERED = 1000
_MAX_KEYS = 1000
# errors that say which option would help: the names of a thousand columns take a quarter of a second
_MAX_EXAMPLES = 5

Keys = tuple[str, ...]


@dataclass(frozen=True)
class KeyProblem:
    """Why an object with some keys is not a row."""

    code: str
    reason: str
    column: str

    def failure(self, line: int) -> ImportFailed:
        """The error for an object on this line."""
        return ImportFailed(self.code, self.reason, line, column=self.column)


@dataclass(frozen=True)
class MappedKeys:
    """Where an object with some keys has the dataset's columns: `columns` has the column of each key, None for one that
    is left out."""

    columns: list[str | None]
    names: tuple[str, ...]
    problem: KeyProblem | None
    _take: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        places = {name: at for at, name in enumerate(self.columns) if name is not None}
        # behind the object's values comes a None, for columns without a key
        at = [places.get(name, len(self.columns)) for name in self.names]
        object.__setattr__(self, "_take", itemgetter(*at) if len(at) > 1 else lambda values: (values[at[0]],))

    def values_of(self, pairs: Pairs) -> tuple[Any, ...]:
        """The values of an object with these keys, in the dataset's order."""
        values = [value for _, value in pairs]
        values.append(None)
        found: tuple[Any, ...] = self._take(values)
        return found


class KeyMapper:
    """Maps the keys of objects to the columns of a dataset. Each object is matched by its own keys; most have those of
    an earlier one."""

    def __init__(self, dataset: Dataset, file_format: FileFormat) -> None:
        self._dataset, self._file_format = dataset, file_format
        self._columns = file_format.columns if isinstance(file_format.columns, dict) else {}
        self._known = frozenset(dataset.column_names)
        self._required = [column.name for column in dataset.columns if column.required]
        self._places = {key: at for at, key in enumerate(self._columns)}
        self._alike: dict[str, list[str]] = {}
        for key in self._columns:
            self._alike.setdefault(fold(key), []).append(key)
        self._remembered: dict[Keys, MappedKeys] = {}
        self._examples = 0

    def map(self, keys: Keys) -> MappedKeys:
        """What the keys of an object stand for."""
        found = self._remembered.get(keys)
        if found is None:
            found = self._map(keys)
            if len(keys) <= _MAX_KEYS and len(self._remembered) < _MAX_REMEMBERED:
                self._remembered[keys] = found
        return found

    def _map(self, keys: Keys) -> MappedKeys:
        names = [key.strip() for key in keys]
        found = find_columns(
            names,
            self._columns_for(names),
            self._dataset,
            leave_out_others=self._file_format.leave_out_others,
            all_needed=False,
        )
        problem = found.problem
        if problem is not None:
            return self._refused(found.targets, KeyProblem(problem.code, problem.reason, problem.column or ""))
        return MappedKeys(found.targets, self._dataset.column_names, self._find_problem(keys, found.targets))

    def _columns_for(self, names: list[str]) -> dict[str, str | None]:
        """The part of the option `columns` that these names can match: all of it may be a thousand times as much."""
        found = {key for name in names for key in self._alike.get(fold(name), ())}
        return {key: self._columns[key] for key in sorted(found, key=self._places.__getitem__)}

    def _refused(self, targets: list[str | None], problem: KeyProblem) -> MappedKeys:
        return MappedKeys(targets, self._dataset.column_names, problem)

    def _find_problem(self, keys: Keys, targets: list[str | None]) -> KeyProblem | None:
        expected = f"expected are {', '.join(column.name for column in self._dataset.columns if not column.constant)}"
        seen: dict[str, str] = {}
        missing = [name for name in self._required if name not in targets]
        for key, name in zip(keys, targets, strict=True):
            if name is None:
                continue
            if name in seen:
                both = "the key {0!r} twice" if key == seen[name] else "the keys {0!r} and {1!r}, which are both {2!r}"
                reason = f"the object has {both.format(*map(excerpt, (seen[name], key, name)))}"
                return KeyProblem("doubled_key", reason, excerpt(key))
            if name not in self._known:
                reason = (
                    f"the object has the key {excerpt(key)!r}, which is not a column; {expected}. Rename it or leave it"
                    f" out with {self._example(keys, targets, missing)}"
                )
                return KeyProblem("unknown_column", reason, excerpt(key))
            seen[name] = key
        if missing:
            reason = (
                f"the object lacks the key {missing[0]}; {expected}. Map it or give it a constant with"
                f" {self._example(keys, targets, missing)}"
            )
            return KeyProblem("missing_column", reason, missing[0])
        return None

    def _example(self, keys: Keys, targets: list[str | None], missing: list[str]) -> str:
        self._examples += 1
        if self._examples > _MAX_EXAMPLES:
            return "`columns`"
        return example_of([key.strip() for key in keys], targets, missing, self._file_format, self._dataset)
