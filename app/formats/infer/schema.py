"""A dataset for a file: names, types and lengths that its first rows suggest, and that accept every one of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.domain.column_options import Columns
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.row_size import LONGEST_VARCHAR, MAX_COLUMNS, MAX_KEY_BYTES, MAX_ROW_BYTES, key_bytes, row_bytes
from app.formats.column_mapping import REJECT_COLUMNS
from app.formats.columns_option import find_lone_surrogate
from app.formats.infer.columns import LONG_TEXT, infer_column
from app.formats.infer.names import make_names
from app.formats.infer.records import Nested, Record, Sample
from app.formats.validate.columns import excerpt

_KEY_LENGTH = 255
_KEY_ROWS = 100  # so many different values are no chance
_KEY_WORDS = re.compile(r"(?:^|[^a-z])(?:id|ids|no|nr|number|key|code|sku|uuid|guid|ean|isbn|asin)$")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Proposal:
    """One of the file's columns as the dataset could have it; no column where its values can't be kept. `notes` are
    sentences for whoever decides."""

    name: str | None
    column: Column | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inferred:
    """A dataset that accepts the sample, and the option `columns` with which its file is imported there (None where
    the names are the same). `too_many` says that the file has more columns than a table; `problem` that nothing can be
    imported by the names that were read."""

    dataset: Dataset
    proposals: list[Proposal]
    columns: Columns | None
    too_many: bool = False
    problem: ImportFailed | None = None


def infer(name: str, sample: Sample, listed: Sequence[str | None] | None = None) -> Inferred:
    """The dataset of this name that the sample suggests, its columns called as the client `listed` them. Rows that
    could not be read have no say."""
    records = [record for record in sample.records if _is_whole(record, sample.width)]
    told = sample.names or tuple(f"column_{position}" for position in range(1, sample.width + 1))
    if listed is not None and len(listed) == len(told):
        told = tuple(meant or "" for meant in listed)
    else:
        listed = None
    names = make_names(told[:MAX_COLUMNS])
    proposals = []
    for at, name_in_file in enumerate(told[:MAX_COLUMNS]):
        values = [record.values[at] for record in records]
        unnamed = not name_in_file and (listed is not None or (at == len(told) - 1 and not any(values)))
        if name_in_file in REJECT_COLUMNS or unnamed:
            proposals.append(Proposal(name_in_file, None))
        else:
            column, notes = infer_column(names[at], [Nested("")] if at in sample.unreadable else values)
            proposals.append(Proposal(name_in_file if sample.names else None, column, tuple(notes)))
    dataset = _fitted(Dataset(name, tuple(each.column for each in proposals if each.column), ()))
    fitted = {column.name: column for column in dataset.columns}
    proposals = [replace(each, column=each.column and fitted[each.column.name]) for each in proposals]
    dataset = replace(dataset, key=_key(proposals, records))
    too_many = len(told) > MAX_COLUMNS
    if (half := find_lone_surrogate(told)) is not None:
        return Inferred(dataset, proposals, None, too_many, _wrong_encoding(half))
    return Inferred(dataset, proposals, _columns_option(sample, proposals), too_many)


def _wrong_encoding(name: str) -> ImportFailed:
    reason = f"the column's name {excerpt(name)!r} is not valid UTF-8; name the file's encoding with `encoding`"
    return ImportFailed("not_utf8", reason, column=excerpt(name))


def as_definition(dataset: Dataset) -> dict[str, Any]:
    """The dataset as `read_definition` takes it."""
    return {
        "name": dataset.name,
        "columns": [
            column.as_json()
            # left out, these would be as wide as can be
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
    """The dataset with its longest texts kept apart from the row until a row has room for the others."""
    while row_bytes(dataset) > MAX_ROW_BYTES:
        longest = max(
            (column for column in dataset.columns if column.length <= LONGEST_VARCHAR), key=lambda column: column.length
        )
        apart = replace(longest, type=ColumnType.TEXT, length=LONG_TEXT)
        columns = tuple(apart if column is longest else column for column in dataset.columns)
        dataset = replace(dataset, columns=columns)
    return dataset


def _key(proposals: list[Proposal], records: list[Record]) -> tuple[str, ...]:
    """The column that tells the rows apart: the first whose name says so, else the first that does among many."""
    unique = partial(_is_unique, records=records)
    candidates = [(at, each.column) for at, each in enumerate(proposals) if each.column and unique(at, each.column)]
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
    # to the server blanks at the end make no difference
    return len({(record.values[at] or "").rstrip(" ") for record in records}) == len(records)


def _columns_option(sample: Sample, proposals: list[Proposal]) -> Columns | None:
    meant = [each.column.name if each.column else None for each in proposals]
    meant += [None] * (sample.width - len(meant))
    if sample.names is None or len(set(sample.names)) < len(sample.names):
        return list(meant)
    differ = {
        name: to
        for name, to in zip(sample.names, meant, strict=True)
        if name != to and not (to is None and (name in REJECT_COLUMNS or not name))
    }
    return dict(differ) or None
