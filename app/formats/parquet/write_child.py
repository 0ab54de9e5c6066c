"""The child process that writes one Parquet file: lines of JSON come in, the file goes out. `write` starts it with the
arguments ROOT LIMITS COLUMNS; an empty line says that all were sent.

Polars is imported inside the functions: the web server imports this module, and has no use for it.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

GROUP_BYTES = 16 * 1024**2  # of lines: a row group, as far as its rows are as long as the first ones


def main(described: list[list[Any]], lines: IO[bytes], file: IO[bytes]) -> int:
    """Read lines until the empty one, write the file; returns the exit code, which is 1 where the empty one is
    missing."""
    import polars as pl  # noqa: PLC0415
    from polars.io.plugins import register_io_source  # noqa: PLC0415

    sent = {
        name: pl.UInt64 if kind == "unsigned" else pl.Int64 if kind in ("integer", "boolean") else pl.String
        for name, kind, *_ in described
    }
    columns = [_cast(pl.col(name), kind, *digits) for name, kind, *digits in described]
    whole = False

    def read() -> Iterator[pl.DataFrame]:
        nonlocal whole
        while not whole and (some := lines.readlines(GROUP_BYTES)):
            whole = some[-1] == b"\n"
            text = b"".join(some[: len(some) - whole])
            yield (pl.read_ndjson(text, schema=sent) if text else pl.DataFrame(schema=sent)).select(columns)

    frames = read()
    first = next(frames, None)
    if first is None:
        return 1

    def source(*_: Any) -> Iterator[pl.DataFrame]:
        yield first
        yield from frames

    register_io_source(source, schema=first.schema).sink_parquet(file, row_group_size=max(len(first), 1))
    file.flush()
    return 0 if whole else 1


def _cast(column: "pl.Expr", kind: str, precision: int, scale: int) -> "pl.Expr":
    import polars as pl  # noqa: PLC0415

    match kind:
        case "boolean":
            return column.cast(pl.Boolean)
        case "decimal":
            return column.cast(pl.Decimal(precision, scale))
        case "date":
            return column.str.to_date("%Y-%m-%d")
        case "datetime":
            return column.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")
        case _:
            return column


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    from app.formats.child.process import limit

    limit(*json.loads(sys.argv[2]))
    os._exit(main(json.loads(sys.argv[3]), sys.stdin.buffer, sys.stdout.buffer))
