"""Parquet: columns of a file as texts, some thousand rows at once.

Polars is imported inside the functions: that starts threads, and a worker forks after importing this module.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.reading import Reading
from app.formats.columns import shown
from app.formats.layout import lay_out
from app.formats.records import Records

if TYPE_CHECKING:
    import polars as pl

_ROW_BYTES = 16  # what polars keeps of a text in a row
_MOST_ROWS = 200_000  # at once
_MOST_SHOWN_BYTES = 200  # of a value that is no text
# Repeated values take no space in a file: a small one may declare more rows than any memory holds.
_ROWS_OF_ANY_FILE, _MOST_ROWS_PER_BYTE = 1_000_000, 8


@dataclass(frozen=True)
class _Table:
    """The dataset's columns as texts, and how many rows there are. A row without a value is none where it `has_blanks`;
    `others` says of each row whether the columns that are left out, if there are any, have none."""

    texts: "pl.LazyFrame"
    rows: int
    has_blanks: bool
    others: "pl.LazyFrame | None"

    def find_blanks(self, piece: "pl.DataFrame", done: int) -> "pl.Series | None":
        """Which rows of a piece, which begins after so many, have no value; None where each has one."""
        from app.formats import screening  # noqa: PLC0415 — it imports polars

        blanks = screening.find_blanks(piece) if self.has_blanks else None
        if blanks is not None and self.others is not None:
            blanks &= self.others.slice(done, piece.height).collect().to_series()
        return blanks


def check_parquet(path: Path, dataset: Dataset, reading: Reading) -> None:
    """Raises ImportFailed unless the file's footer names columns that can be read as the dataset's.

    (damaged_parquet, no_rows, too_many_rows, unsupported_type, and those of `lay_out`.)
    """
    with _polars_errors():
        _open(path, dataset, reading)


def read_records(path: Path, dataset: Dataset, reading: Reading, batch_bytes: int) -> Iterator[Records]:
    """The file's rows in chunks of about `batch_bytes` of text; `lines` are row numbers from 1.

    Raises ImportFailed as `check_parquet` does; damaged_parquet also where the damage is met later. Memory: a few
    times `batch_bytes` and one row group of the file.
    """
    with _polars_errors():
        table = _open(path, dataset, reading)
        most_rows = max(1, min(_MOST_ROWS, batch_bytes // (_ROW_BYTES * len(dataset.columns))))
        batches = table.texts.collect_batches(chunk_size=most_rows, maintain_order=True, engine="streaming")
    file_bytes = path.stat().st_size
    done = 0
    while True:
        with _polars_errors():
            batch = next(batches, None)
        if batch is None:
            break
        for piece in _pieces(batch, batch_bytes, most_rows):
            lines: Sequence[int] = range(done + 1, done + 1 + piece.height)
            with _polars_errors():
                blanks, height = table.find_blanks(piece, done), piece.height
                if blanks is not None:
                    lines = [lines[at] for at in (~blanks).arg_true()]
                    piece = piece.filter(~blanks)  # noqa: PLW2901
                columns = {name: piece.get_column(name).to_list() for name in dataset.column_names}
            done += height
            yield Records(columns, lines, file_bytes * done // table.rows, blank=height - len(lines))
    if done != table.rows:
        raise _damaged(f"it has {done} rows instead of {table.rows}")


def read_texts(path: Path, most_rows: int) -> tuple[list[str], list[str], list[tuple[str | None, ...]]]:
    """The columns' names, those of them that can't be read, and the first rows as texts (None where they have none);
    of what can't be read, bytes in hexadecimal digits, else what it is.

    Raises ImportFailed (damaged_parquet).
    """
    import polars as pl  # noqa: PLC0415

    with _polars_errors():
        frame = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        schema = frame.collect_schema()
        texts: list[pl.Expr] = []
        unreadable: list[str] = []
        for name, type in schema.items():
            try:
                texts.append(_as_text(name, type, Column(name, ColumnType.TEXT)).alias(name))
            except ImportFailed:
                unreadable.append(name)
                texts.append(_as_shown(name, type).alias(name))
        return schema.names(), unreadable, frame.head(most_rows).select(texts).collect().rows()


def _open(path: Path, dataset: Dataset, reading: Reading) -> _Table:
    import polars as pl  # noqa: PLC0415

    size = path.stat().st_size
    if not size:
        raise ImportFailed("no_rows", "the file is empty")
    # hive_partitioning and glob would read columns and other files out of the path
    frame = pl.scan_parquet(path, hive_partitioning=False, glob=False)
    schema = frame.collect_schema()
    names = schema.names()
    layout = lay_out(names, reading.columns, dataset)
    texts = {
        column.name: pl.lit(None, pl.String)
        if position is None
        else _as_text(names[position], schema[names[position]], column)
        for column, position in zip(dataset.columns, layout.positions, strict=True)
    }
    rows = int(frame.select(pl.len()).collect().item())
    if not rows:
        raise ImportFailed("no_rows", "the file has no rows")
    if rows > _ROWS_OF_ANY_FILE and rows > _MOST_ROWS_PER_BYTE * size:
        reason = f"the file declares {rows:,} rows in {size:,} bytes; write it anew without so many repeated values"
        raise ImportFailed("too_many_rows", reason)
    others = [pl.col(name) for at, name in enumerate(names) if at not in layout.positions]
    return _Table(
        texts=frame.select(text.alias(name) for name, text in texts.items()),
        rows=rows,
        has_blanks=layout.has_blanks,
        others=frame.select(pl.all_horizontal(other.is_null() for other in others)) if others else None,
    )


def _as_shown(name: str, type: "pl.DataType") -> "pl.Expr":
    """What a preview shows of values that are no text."""
    import polars as pl  # noqa: PLC0415

    column = pl.col(name)
    if isinstance(type, pl.Binary):
        return pl.concat_str(pl.lit("0x"), column.bin.slice(0, _MOST_SHOWN_BYTES).bin.encode("hex"))
    return pl.when(column.is_not_null()).then(pl.lit(str(type)))


def _as_text(name: str, type: "pl.DataType", meant: Column) -> "pl.Expr":
    """The column's values as texts that `meant` can judge. Raises ImportFailed (unsupported_type)."""
    import polars as pl  # noqa: PLC0415

    column = pl.col(name)
    if isinstance(type, pl.Datetime):
        if type.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        text = column.cast(pl.String).str.replace(r"\.0+$", "")
        if meant.type is ColumnType.DATETIME and meant.scale:
            text = _without_zeros(text)
        if type.time_zone is not None:
            in_zone = meant.type is ColumnType.DATE or (meant.type is ColumnType.DATETIME and meant.zone != "UTC")
            return text + "Z" if in_zone else text  # or it would be taken for the column's zone's
        # a file may have no type for days alone
        return text.str.strip_suffix(" 00:00:00") if meant.type is ColumnType.DATE else text
    if isinstance(type, pl.Time):
        return column.cast(pl.String).str.replace(r"\.0+$", "")
    if type.is_float():
        text = column.cast(pl.String)
        with_exponent = text.str.contains("e", literal=True)
        plain = text.map_elements(_without_exponent, return_dtype=pl.String, skip_nulls=True)
        return pl.when(with_exponent).then(plain).otherwise(text.str.replace(r"\.0$", ""))
    known = (pl.String, pl.Boolean, pl.Date, pl.Categorical, pl.Enum, pl.Null)
    if type.is_integer() or type.is_decimal() or isinstance(type, known):
        return column.cast(pl.String)
    reason = f"the column {shown(name)!r} holds {shown(str(type))}, which is no text, number or time"
    raise ImportFailed("unsupported_type", reason, column=shown(name))


def _without_zeros(text: "pl.Expr") -> "pl.Expr":
    """Times without the zeros at the end of a second's fraction."""
    import polars as pl  # noqa: PLC0415

    with_fraction = text.str.contains(".", literal=True)
    return pl.when(with_fraction).then(text.str.strip_chars_end("0").str.strip_suffix(".")).otherwise(text)


def _without_exponent(number: str) -> str:
    return format(Decimal(number), "f") if "e" in number else number


def _pieces(batch: "pl.DataFrame", batch_bytes: int, most_rows: int) -> "Iterator[pl.DataFrame]":
    """The batch in pieces of about `batch_bytes`: a long text may stand in every row and take its space in one."""
    import polars as pl  # noqa: PLC0415

    with _polars_errors():
        sizes = batch.select(pl.sum_horizontal(pl.all().str.len_bytes().cast(pl.Int64)).cum_sum()).to_series()
    start = 0
    while start < batch.height:
        before = int(sizes[start - 1]) if start else 0
        end = int(sizes.search_sorted(before + batch_bytes, side="right"))
        end = min(max(end, start + 1), start + most_rows)
        yield batch.slice(start, end - start)
        start = end


@contextmanager
def _polars_errors() -> Iterator[None]:
    """Makes what polars raises an ImportFailed; it panics where a file surprises it."""
    from polars.exceptions import PanicException, PolarsError  # noqa: PLC0415

    try:
        yield
    except (PolarsError, PanicException, OSError, UnicodeError) as error:
        raise _damaged(str(error)) from error


def _damaged(why: str) -> ImportFailed:
    return ImportFailed(
        "damaged_parquet", f"the Parquet file is damaged or cut off: {shown(why.partition(chr(10))[0])}"
    )
