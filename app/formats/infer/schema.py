"""Infers a dataset from a sample: names, types and lengths that accept every row of it."""

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.domain.column_options import NO_OPTIONS, Columns
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.domain.row_size import LONGEST_VARCHAR, MAX_COLUMNS, MAX_KEY_BYTES, MAX_ROW_BYTES, key_bytes, row_bytes
from app.formats.column_names import REJECT_COLUMNS, fold
from app.formats.columns_option import find_lone_surrogate
from app.formats.infer.columns import LONG_TEXT, infer_column
from app.formats.infer.names import make_names
from app.formats.infer.records import Nested, Record, Sample
from app.formats.infer.spellings import option_value, without_percent
from app.formats.validate.columns import excerpt

_KEY_LENGTH = 255
_KEY_ROWS = 100  # so many different values are no coincidence
_KEY_WORDS = re.compile(r"(?:^|[^a-z])(?:id|ids|no|nr|number|key|code|sku|uuid|guid|ean|isbn|asin)$")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Proposal:
    """One of the file's columns and the column that is proposed for it (None: its values can't be stored). `notes` are
    sentences for the user."""

    name: str | None
    column: Column | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """Facts about a file beyond its sample: columns whose values are not unique, and whether the sample shows
    everything else."""

    not_unique: frozenset[str] = frozenset()
    whole: bool = False


NOTHING_KNOWN = Known()


@dataclass(frozen=True)
class Inferred:
    """A dataset that accepts the sample, and the option `columns` to import the file there (None: the names are equal).

    `too_many`: the file has more columns than a table can have. `problem`: no import is possible with these names.
    `notes` are sentences for the user on the whole.
    """

    dataset: Dataset
    proposals: list[Proposal]
    columns: Columns | None
    too_many: bool = False
    problem: ImportFailed | None = None
    notes: tuple[str, ...] = ()


def infer(name: str, sample: Sample, file_format: FileFormat, known: Known = NOTHING_KNOWN) -> Inferred:
    """Infer a dataset of this name from the sample, with what the client said of the file's columns. Invalid rows are
    ignored. `known` is what the rest of the file has shown."""
    listed = file_format.columns if isinstance(file_format.columns, list) else None
    records = [record for record in sample.records if _is_whole(record, sample.width)]
    names_in_file = sample.names or tuple(f"column_{position}" for position in range(1, sample.width + 1))
    if listed is not None and len(listed) == len(names_in_file):
        names_in_file = tuple(target or "" for target in listed)
    else:
        listed = None
    names = make_names(names_in_file[:MAX_COLUMNS])
    proposals = []
    for at, name_in_file in enumerate(names_in_file[:MAX_COLUMNS]):
        values = [record.values[at] for record in records]
        unnamed = not name_in_file and (listed is not None or (at == len(names_in_file) - 1 and not any(values)))
        if fold(name_in_file) in REJECT_COLUMNS or unnamed:
            proposals.append(Proposal(name_in_file, None))
        else:
            values = [Nested("")] if at in sample.unreadable else values
            own = file_format.column_options.get(names[at], NO_OPTIONS)
            if not (file_format.all_columns.percent if own.percent is None else own.percent):
                values = list(map(without_percent, values))
            if own.values:
                results = {of: to and option_value(to) for of, to in own.values.items()}
                values = [None if value is None else results.get(value, value) for value in values]
            column, notes = infer_column(names[at], values, name_in_file, own, file_format.all_columns)
            proposals.append(Proposal(name_in_file if sample.names else None, column, tuple(notes)))
    dataset = _fitted(Dataset(name, tuple(each.column for each in proposals if each.column), ()))
    fitted = {column.name: column for column in dataset.columns}
    proposals = [replace(each, column=each.column and fitted[each.column.name]) for each in proposals]
    dataset = replace(dataset, key=_key(proposals, records, known.not_unique))
    if sample.cut and not known.whole:
        dataset, proposals = _of_a_beginning(dataset, proposals)
    too_many = len(names_in_file) > MAX_COLUMNS
    if (invalid := find_lone_surrogate(names_in_file)) is not None:
        return Inferred(dataset, proposals, None, too_many, _wrong_encoding(invalid))
    return Inferred(dataset, proposals, _columns_option(sample, proposals), too_many)


def _of_a_beginning(dataset: Dataset, proposals: list[Proposal]) -> tuple[Dataset, list[Proposal]]:
    """The dataset for a file of which only the first rows are known: later rows may lack values."""
    columns = {
        column.name: column if column.name in dataset.key else replace(column, nullable=True)
        for column in dataset.columns
    }
    open_key = (
        "only the first rows were read: later ones may lack a value, or have the same one twice, which a key refuses"
    )
    proposals = [
        replace(
            each, column=columns[each.column.name], notes=each.notes + (open_key,) * (each.column.name in dataset.key)
        )
        if each.column
        else each
        for each in proposals
    ]
    return replace(dataset, columns=tuple(columns.values())), proposals


def _wrong_encoding(name: str) -> ImportFailed:
    reason = f"the column's name {excerpt(name)!r} is not valid UTF-8; set the file's encoding with `encoding`"
    return ImportFailed("not_utf8", reason, column=excerpt(name))


def as_definition(dataset: Dataset) -> dict[str, Any]:
    """The dataset in the form that `read_definition` parses."""
    return {
        "name": dataset.name,
        "columns": [
            column.as_json()
            # without these the column would have the widest range
            | ({"minimum": column.minimum, "maximum": column.maximum} if column.type is ColumnType.INTEGER else {})
            for column in dataset.columns
        ],
        "key": list(dataset.key),
    }


def _is_whole(record: Record, width: int) -> bool:
    return (
        record.failure is None
        and len(record.values) == width
        and not any(_SURROGATES.search(value) for value in record.values if value)
    )


def _fitted(dataset: Dataset) -> Dataset:
    """The dataset with as many of its longest texts stored outside of the row as the row limit requires."""
    while row_bytes(dataset) > MAX_ROW_BYTES:
        longest = max(
            (column for column in dataset.columns if column.length <= LONGEST_VARCHAR), key=lambda column: column.length
        )
        apart = replace(longest, type=ColumnType.TEXT, length=LONG_TEXT)
        columns = tuple(apart if column is longest else column for column in dataset.columns)
        dataset = replace(dataset, columns=columns)
    return dataset


def _key(proposals: list[Proposal], records: list[Record], not_unique: frozenset[str]) -> tuple[str, ...]:
    """The key: the first unique column whose name suggests a key, else the first unique one if there are many rows."""
    unique = partial(_is_unique, records=records)
    candidates = [
        (at, each.column)
        for at, each in enumerate(proposals)
        if each.column and each.column.name not in not_unique and unique(at, each.column)
    ]
    named = [column for _, column in candidates if _KEY_WORDS.search(_words(column.name))]
    if named:
        return (named[0].name,)
    return (candidates[0][1].name,) if candidates and len(records) >= _KEY_ROWS else ()


def _words(name: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _is_unique(at: int, column: Column, records: list[Record]) -> bool:
    if column.nullable or column.empty or column.type not in (ColumnType.TEXT, ColumnType.INTEGER) or len(records) < 2:
        return False
    if column.length > _KEY_LENGTH or key_bytes(Dataset("", (column,), (column.name,))) > MAX_KEY_BYTES:
        return False
    # the server ignores blanks at the end
    return len({(record.values[at] or "").rstrip(" ") for record in records}) == len(records)


def _columns_option(sample: Sample, proposals: list[Proposal]) -> Columns | None:
    targets = [each.column.name if each.column else None for each in proposals]
    targets += [None] * (sample.width - len(targets))
    if sample.names is None or len(set(sample.names)) < len(sample.names):
        return list(targets)
    differ = {
        name: to
        for name, to in zip(sample.names, targets, strict=True)
        if name != to and not (to is None and (fold(name) in REJECT_COLUMNS or not name))
    }
    return dict(differ) or None
