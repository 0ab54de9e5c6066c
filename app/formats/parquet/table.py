"""Reads Parquet: the columns of a file as texts, some thousand rows at once.

Polars is imported inside the functions: it starts threads, and a worker forks after it imports this module.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_mapping import ColumnMapping, map_columns
from app.formats.parquet.copies import redeclared
from app.formats.parquet.footer import damaged
from app.formats.parquet.pages import check_pages
from app.formats.parquet.polars_errors import polars_errors
from app.formats.parquet.readable import prepared, scan
from app.formats.parquet.schema import Leaf, Schema, read_schema
from app.formats.parquet.texts import as_text, is_beyond_calendar, preview_text
from app.formats.streams.decompression import check_ratio
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import Records
from app.formats.validate.typed_numbers import TypedNumber, has_comma, typed_reader

if TYPE_CHECKING:
    import polars as pl

_ROW_BYTES = 16  # what polars keeps of a text in a row
_MAX_ROWS = 200_000  # at once
_LIKE_GROUPS = r"^-?[0-9]{1,3}\.[0-9]{3}$"
# Repeated values take no space in a file: a small file may declare more rows than fit in memory.
_ROWS_OF_ANY_FILE, _MAX_ROWS_PER_BYTE = 1_000_000, 8


def check_parquet(path: Path, dataset: Dataset, file_format: FileFormat) -> list[str]:
    """Check by the footer that the file's columns can be read as the dataset's. Returns the names of all its columns.

    Raises ImportFailed (damaged_parquet, no_rows, too_many_rows, too_many_columns, unsupported_type, and the codes of
    `map_columns`).
    """
    with polars_errors(), _opened(path, dataset, file_format) as found:
        return list(found.names)


def read_records(path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Records]:
    """Read the file's rows in chunks of about `batch_bytes` of text; `lines` are row numbers from 1.

    Raises ImportFailed with the codes of `check_parquet`, out_of_range for a date or time, and unpacked_too_large.
    Needs a few times `batch_bytes` of memory, and one row group of the file.
    """
    with _opened(path, dataset, file_format) as found:
        yield from _read_records(found, dataset, path.stat().st_size, batch_bytes)


def _read_records(found: "_Opened", dataset: Dataset, file_bytes: int, batch_bytes: int) -> Iterator[Records]:
    check_pages(found.path, found.types)
    with found.readable() as file:
        with polars_errors():
            max_rows = max(1, min(_MAX_ROWS, batch_bytes // (_ROW_BYTES * len(dataset.columns))))
            frames = scan(file).select(text.alias(name) for name, text in found.texts.items())
            batches = frames.collect_batches(chunk_size=max_rows, maintain_order=True, engine="streaming")
        done = text_bytes = 0
        while True:
            with polars_errors(lambda: found.check_datetimes(file)):
                batch = next(batches, None)
            if batch is None:
                break
            for piece, piece_bytes in _pieces(batch, batch_bytes, max_rows):
                text_bytes += piece_bytes
                check_ratio(text_bytes, file_bytes)
                lines: Sequence[int] = range(done + 1, done + 1 + piece.height)
                with polars_errors():
                    blanks, height = found.find_blanks(file, piece, done), piece.height
                    if blanks is not None:
                        lines = [lines[at] for at in (~blanks).arg_true()]
                        piece = piece.filter(~blanks)  # noqa: PLW2901
                    columns = {name: found.values(name, piece) for name in dataset.column_names}
                done += height
                yield Records(columns, lines, file_bytes * done // found.rows, blank=height - len(lines))
        if done != found.rows:
            with polars_errors(lambda: found.check_datetimes(file)):
                raise damaged(f"it has {done} rows instead of {found.rows}")


def read_texts(
    path: Path, max_rows: int, max_characters: int, max_bytes: int
) -> tuple[list[str], list[str], list[tuple[str | None, ...]], bool]:
    """Read the first rows as texts, for a preview.

    Returns the columns' names, the names of those that an import can't read, at most `max_rows` rows (None: no value),
    and whether there are more rows. Unreadable binary values are shown in hexadecimal, others as the name of their
    type. Texts have at most `max_characters`; the rows end after about `max_bytes` of text.

    Raises ImportFailed (damaged_parquet, too_many_columns, out_of_range, unpacked_too_large, unsupported_type).
    """
    schema = read_schema(path)
    readable = [name for name in schema.names if name not in schema.unsupported]
    with prepared(path, schema, readable) as file:
        return _read_texts(file, schema, readable, max_rows, max_characters, max_bytes)


def _read_texts(
    path: Path, columns: Schema, readable: Collection[str], max_rows: int, max_characters: int, max_bytes: int
) -> tuple[list[str], list[str], list[tuple[str | None, ...]], bool]:
    import polars as pl  # noqa: PLC0415

    leaves = columns.leaves
    check_pages(path, [name for name in leaves if name in readable])
    with polars_errors():
        schema = scan(path).collect_schema()
    texts: dict[str, pl.Expr] = {}
    unreadable: list[str] = []
    for name, type in schema.items():
        try:
            text = as_text(name, type, Column(name, ColumnType.TEXT), leaves.get(name))
            texts[name] = text.str.slice(0, max_characters)  # before it is copied for each row
        except ImportFailed:
            unreadable.append(name)
            texts[name] = preview_text(name, type)
    read = {name: type for name, type in schema.items() if name not in unreadable}
    for name in columns.unsupported:
        unreadable.append(name)
        texts[name] = pl.lit(f"({columns.unsupported[name]})")
    texts = {name: texts[name] for name in columns.names}
    found = _Opened(path, texts, read, leaves, max_rows + 1)
    with found.readable() as file, polars_errors(lambda: found.check_datetimes(file)):
        frame = scan(file).head(max_rows + 1).select(text.alias(name) for name, text in texts.items())
        sample = frame.collect()
        sizes = pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0).cast(pl.Int64) + _ROW_BYTES)
        fitting = sample.select((sizes.cum_sum() <= max_bytes).sum()).item() if sample.width else 0
        rows = sample.head(min(max(1, fitting), max_rows)).rows()
        numeric = [_is_number(schema.get(name), columns.leaves.get(name)) for name in columns.names]
        typed = [
            tuple(
                TypedNumber(value) if is_number and value is not None else value
                for value, is_number in zip(row, numeric, strict=True)
            )
            for row in rows
        ]
        return columns.names, unreadable, typed, len(rows) < sample.height


def _is_number(type: "pl.DataType | None", leaf: Leaf | None) -> bool:
    return type is not None and (type.is_numeric() or (leaf is not None and leaf.scale is not None))


@dataclass(frozen=True)
class _Opened:
    """What is read of an open file.

    Attributes:
        texts: the dataset's columns as texts.
        types, leaves: the types of the file's columns that are read, by polars and by the footer.
        rows: how many rows the file has.
        has_blanks: whether rows without a value are skipped as blank.
        others: columns that are left out.
        typed: what makes texts of the numbers in columns of numbers.
        with_comma: which of these have texts with another decimal mark.
    """

    path: Path
    texts: "dict[str, pl.Expr]"
    types: "dict[str, pl.DataType]"
    leaves: dict[str, Leaf]
    rows: int
    has_blanks: bool = False
    others: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    typed: "dict[str, Callable[[str], str]]" = field(default_factory=dict)
    with_comma: frozenset[str] = frozenset()

    def values(self, name: str, texts: "pl.DataFrame") -> list[str | None]:
        """The values of one of the dataset's columns."""
        values: list[str | None] = texts.get_column(name).to_list()
        read = self.typed.get(name)
        if read is not None and name in self.with_comma:
            return [value and read(value) for value in values]
        if read is not None:
            for at in texts.get_column(name).str.contains(_LIKE_GROUPS).fill_null(False).arg_true():
                values[at] = read(values[at] or "")
        return values

    def find_blanks(self, file: Path, piece: "pl.DataFrame", done: int) -> "pl.Series | None":
        """Which rows of a piece have no value in the file; None if there are none. `done` rows are before the piece."""
        import polars as pl  # noqa: PLC0415

        from app.formats.validate import vectorized  # noqa: PLC0415 — it imports polars

        blanks = vectorized.find_blanks(piece) if self.has_blanks else None
        if blanks is not None and self.others:
            others = scan(file).select(pl.all_horizontal(pl.col(name).is_null() for name in self.others))
            blanks &= others.slice(done, piece.height).collect().to_series()
        return blanks

    @contextmanager
    def readable(self) -> Iterator[Path]:
        """The file, or a copy of it, in which polars reads all that is wanted. Raises ImportFailed."""
        import polars as pl  # noqa: PLC0415

        read = [self.leaves[name] for name in self.types if name in self.leaves]
        clocks = any(leaf.clock for leaf in read)
        # polars would expand these for all rows at once
        categories = any(isinstance(type, pl.Categorical | pl.Enum) for type in self.types.values())
        is_needed = clocks or categories or any(leaf.is_int96 for leaf in read)
        with redeclared(self.path) if is_needed else nullcontext(self.path) as file:
            if clocks:
                with polars_errors():
                    self.check_datetimes(file)
            yield file

    def check_datetimes(self, file: Path) -> None:
        """Raises ImportFailed (out_of_range) for a column with a date or time that can't be written as a text."""
        checks = {name: is_beyond_calendar(name, type, self.leaves.get(name)) for name, type in self.types.items()}
        beyond = [check.alias(name) for name, check in checks.items() if check is not None]
        if not beyond:
            return
        found = scan(file).head(self.rows).select(beyond).collect(engine="streaming").row(0, named=True)
        for name, is_beyond in found.items():
            if is_beyond:
                is_clock = name in self.leaves and self.leaves[name].clock
                what = "time beyond midnight" if is_clock else "date that is hundreds of thousands of years away"
                reason = f"the column {excerpt(name)!r} holds a {what}, which can't be read"
                raise ImportFailed("out_of_range", reason, column=excerpt(name))


@contextmanager
def _opened(path: Path, dataset: Dataset, file_format: FileFormat) -> Iterator[_Opened]:
    """The file, with the columns that are wanted of it. Raises ImportFailed as `check_parquet` does."""
    if not path.stat().st_size:
        raise ImportFailed("no_rows", "the file is empty")
    schema = read_schema(path)
    mapping = map_columns(schema.names, file_format, dataset)
    wanted = {schema.names[at] for at in mapping.positions if at is not None}
    for name in schema.names:
        if name in wanted and name in schema.unsupported:
            raise schema.failure(name)
    with prepared(path, schema, wanted) as file:
        yield _open(file, schema, mapping, dataset, has_all=file == path)


def _open(path: Path, columns: Schema, mapping: ColumnMapping, dataset: Dataset, *, has_all: bool) -> _Opened:
    import polars as pl  # noqa: PLC0415

    size = path.stat().st_size
    names = columns.names
    with polars_errors():
        frame = scan(path)
        schema = frame.collect_schema()
        texts = {
            column.name: pl.lit(None, pl.String)
            if position is None
            else as_text(names[position], schema[names[position]], column, columns.leaves.get(names[position]))
            for column, position in zip(dataset.columns, mapping.positions, strict=True)
        }
        rows = int(frame.select(pl.len()).collect().item())
    if not rows:
        raise ImportFailed("no_rows", "the file has no rows")
    if rows > _ROWS_OF_ANY_FILE and rows > _MAX_ROWS_PER_BYTE * size:
        reason = f"the file declares {rows:,} rows in {size:,} bytes; write it again without so many repeated values"
        raise ImportFailed("too_many_rows", reason)
    typed = {
        column.name: read
        for column, position in zip(dataset.columns, mapping.positions, strict=True)
        if position is not None
        and _is_number(schema[names[position]], columns.leaves.get(names[position]))
        and (read := typed_reader(column))
    }
    with_comma = frozenset(column.name for column in dataset.columns if has_comma(column))
    types = {names[at]: schema[names[at]] for at in mapping.positions if at is not None}
    others = tuple(name for at, name in enumerate(names) if at not in mapping.positions)
    # nothing says whether columns that can't be read have a value in a row
    has_blanks = mapping.has_blanks and has_all
    return _Opened(path, texts, types, columns.leaves, rows, has_blanks, others, tuple(names), typed, with_comma)


def _pieces(batch: "pl.DataFrame", batch_bytes: int, max_rows: int) -> "Iterator[tuple[pl.DataFrame, int]]":
    """The batch in pieces of about `batch_bytes`, each with its bytes of text. Polars may store a text once that is in
    every row."""
    import polars as pl  # noqa: PLC0415

    with polars_errors():
        sizes = batch.select(pl.sum_horizontal(pl.all().str.len_bytes().cast(pl.Int64)).cum_sum()).to_series()
    start = 0
    while start < batch.height:
        before = int(sizes[start - 1]) if start else 0
        end = int(sizes.search_sorted(before + batch_bytes, side="right"))
        end = min(max(end, start + 1), start + max_rows)
        yield batch.slice(start, end - start), int(sizes[end - 1]) - before
        start = end
