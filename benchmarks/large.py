"""A large file from end to end: `python -m benchmarks.large [mariadb|mysql] [--rows 10000000]`, as `make large`.

A CSV of orders is written, sent over HTTP to a stack of its own, and loaded. Printed are the time from the first byte
sent until `committed`, rows a second, the peak memory of web server and worker, and for comparison that of fresh ones
for a tenth of the rows. Needs on the disk about 700 bytes a row.
"""

import argparse
import shutil
from pathlib import Path
from time import perf_counter

from app.formats.generate.orders import write_csv_sample
from benchmarks.loads import load_file
from benchmarks.places import Place, open_place
from benchmarks.scaling import peak_megabytes

BYTES_A_ROW = 700  # the file, its copy in the spool, the table and its indexes, and the logs


def main() -> None:
    """Import both files and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", default="mariadb", choices=["mariadb", "mysql"])
    parser.add_argument("--mysqld", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    asked = parser.parse_args()
    with open_place(asked.database, asked.mysqld) as place:
        needed, free = asked.rows * BYTES_A_ROW, shutil.disk_usage(place.folder).free
        if free < needed:
            raise SystemExit(f"{asked.rows:,} rows need about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")
        print(f"{place.sql('SELECT VERSION()')}, orders as CSV", flush=True)
        small = run(place, max(1, asked.rows // 10))
        large = run(place, asked.rows)
        for name in small:
            print(f"  peak memory of {name:6} x {large[name] / small[name]:.2f} for ten times the rows")


def run(place: Place, rows: int) -> dict[str, float]:
    """Import so many rows through a fresh stack and print what it took; returns the peak memory in MB."""
    path = place.folder / f"{rows}.csv"
    begun = perf_counter()
    write_csv_sample(path, rows, f"large{rows}")
    written = perf_counter() - begun
    size = path.stat().st_size
    stack = place.stack(f"large-{rows}")
    try:
        taken = load_file(place, stack, path)
        peaks = {name: peak_megabytes(stack.pid(name)) for name in ("web", "worker")}
    finally:
        stack.kill()
        path.unlink()
        shutil.rmtree(stack.folder, ignore_errors=True)
    print(
        f"  {rows:>11,} rows, {size / 1e6:,.0f} MB (written in {written:.0f} s): committed after {taken:,.1f} s,"
        f" {rows / taken:,.0f} rows/s; peak memory web {peaks['web']:.0f} MB, worker {peaks['worker']:.0f} MB",
        flush=True,
    )
    return peaks


if __name__ == "__main__":
    main()
