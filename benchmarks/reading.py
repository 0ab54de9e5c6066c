"""Reading and checking orders of every format, without a server: `python -m benchmarks.file_format [--rows N]`.

Prints rows per second of one core: the time that processors spent on it, of the process and of those that it starts.
The best of three, so that other work on the machine counts for less.
"""

import argparse
import gzip
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl
import xlsxwriter

from app.domain.dataset import ORDERS
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.generate import frames
from app.formats.reader import read_rows

BATCH_BYTES = 4 * 1024**2
SHEET_ROWS = 20_000


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", help="one format")
    asked = parser.parse_args()
    frame = pl.concat(frames.frames(asked.rows, "bench")).drop("row")
    print(f"{asked.rows:,} orders (xlsx: {min(asked.rows, SHEET_ROWS):,}), one core")
    with tempfile.TemporaryDirectory() as folder:
        for name, (file_format, write) in FORMATS.items():
            if asked.only in (None, name):
                path = Path(folder) / "orders"
                write(frame, path)
                size = path.stat().st_size
                rate = max(measure(path, file_format) for _ in range(3))
                print(f"  {name:10} {size / 1e6:7.1f} MB  {rate:11,.0f} rows/s")


def measure(path: Path, file_format: FileFormat) -> float:
    """Rows per second of processor time."""
    begun = spent()
    batches = list(map(len_of, read_rows(path, ORDERS, file_format, BATCH_BYTES)))
    return sum(batches) / (spent() - begun)


def len_of(batch: Batch) -> int:
    """How many rows a batch has; none may be refused."""
    assert not batch.rejects
    return batch.rows


def spent() -> float:
    """Processor seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def write_gzip(frame: pl.DataFrame, path: Path) -> None:
    """CSV inside gzip."""
    with gzip.open(path, "wb", compresslevel=6) as file:
        frame.write_csv(file)


def write_objects(frame: pl.DataFrame, path: Path, before: str, between: str, after: str) -> None:
    """JSON, with numbers as numbers."""
    line = pl.format(
        "{{" + ", ".join(f'"{name}": {{}}' for name in frame.columns) + "}}",
        *(
            pl.col(name) if name in ("quantity", "unit_price") else pl.format('"{}"', pl.col(name))
            for name in frame.columns
        ),
    )
    path.write_text(before + between.join(frame.select(line).to_series()) + after, encoding="utf-8")


def write_sheet(frame: pl.DataFrame, path: Path) -> None:
    """XLSX, with numbers as numbers."""
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_numbers": False}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, frame.columns)
        for at, row in enumerate(frame.head(SHEET_ROWS).with_columns(pl.col("quantity").cast(pl.Int64)).iter_rows(), 1):
            sheet.write_row(at, 0, row)


Write = Callable[[pl.DataFrame, Path], None]
FORMATS: dict[str, tuple[FileFormat, Write]] = {
    "csv": (FileFormat("csv"), lambda frame, path: frame.write_csv(path)),
    "csv.gz": (FileFormat("csv", compression="gzip"), write_gzip),
    "ndjson": (FileFormat("ndjson"), lambda frame, path: write_objects(frame, path, "", "\n", "\n")),
    "json": (FileFormat("json"), lambda frame, path: write_objects(frame, path, "[", ",\n", "]\n")),
    "parquet": (FileFormat("parquet"), lambda frame, path: frame.write_parquet(path)),
    "xlsx": (FileFormat("xlsx"), write_sheet),
}

if __name__ == "__main__":
    main()
