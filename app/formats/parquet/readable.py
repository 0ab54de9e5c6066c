"""What polars can read of a Parquet file: the file, or a copy of it with some of its columns."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import ImportFailed
from app.formats.parquet.copies import pruned
from app.formats.parquet.polars_errors import polars_errors
from app.formats.parquet.schema import Schema

if TYPE_CHECKING:
    import polars as pl

# A moment is kept in UTC, whatever its zone is called: `Z`, `-02:15` and `UTC+1` are in no database of zones.
os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")


def scan(path: Path) -> "pl.LazyFrame":
    """The file as polars reads it, step by step."""
    import polars as pl  # noqa: PLC0415

    # hive_partitioning and glob would interpret the path as columns and other files
    return pl.scan_parquet(path, hive_partitioning=False, glob=False)


def _is_readable(path: Path) -> bool:
    """Whether polars can read the schema of the whole file."""
    try:
        with polars_errors():
            scan(path).collect_schema()
    except ImportFailed:
        return False
    return True


@contextmanager
def prepared(path: Path, schema: Schema, wanted: Collection[str]) -> Iterator[Path]:
    """The file, or a copy with only the `wanted` columns if polars can't read the others, or decimals of many
    digits."""
    is_readable = not schema.unsupported and not schema.has_wide_decimals
    if is_readable and len(wanted) < len(schema.names):
        is_readable = _is_readable(path)
    with nullcontext(path) if is_readable or not wanted else pruned(path, wanted) as file:
        yield file
