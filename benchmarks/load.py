"""Loading beside the server's own bulk loader: `python -m benchmarks.load [mariadb|mysql]`.

In pairs, in one run: the server's client does LOAD DATA LOCAL of a file into a copy of the orders table; the same file
is POSTed and waited for until `committed`; as many orders are generated and waited for. Then the peak memory of web
server and worker for a tenth of the rows and for all of them.
"""

import argparse
import statistics
from pathlib import Path
from time import perf_counter, sleep

from app.domain.dataset import ORDERS
from app.formats.generated import write_csv_sample
from benchmarks.places import Place, open_place
from tests.stack import Stack


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", default="mariadb", choices=["mariadb", "mysql"])
    parser.add_argument("--mysqld", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    asked = parser.parse_args()
    with open_place(asked.database, asked.mysqld) as place:
        print(f"{place.sql('SELECT VERSION()')}, {asked.rows:,} rows, {asked.pairs} pairs")
        compare(place, asked.rows, asked.pairs)
        compare_memory(place, asked.rows)


def compare(place: Place, rows: int, pairs: int) -> None:
    """Print the medians, and the median of the pairs' ratios."""
    path = place.folder / "orders.csv"
    write_csv_sample(path, rows, "bench")
    path.chmod(0o644)
    place.sql("CREATE TABLE peer LIKE orders")
    stack = place.stack("speed")
    times: dict[str, list[float]] = {"client's LOAD DATA LOCAL": [], "POST of the file": [], "/insert": []}
    for _ in range(pairs):
        times["client's LOAD DATA LOCAL"].append(load_with_client(place, path))
        times["POST of the file"].append(load_file(place, stack, path))
        times["/insert"].append(load_generated(place, stack, rows))
    stack.kill()
    base = times["client's LOAD DATA LOCAL"]
    for name, taken in times.items():
        ratio = statistics.median(mine / peer for mine, peer in zip(taken, base, strict=True))
        print(f"  {name:26} {statistics.median(taken):7.1f} s   {ratio:5.2f} x the client's time")


def load_with_client(place: Place, path: Path) -> float:
    """Seconds for LOAD DATA LOCAL of the file into the peer table."""
    columns = ", ".join(ORDERS.column_names)
    place.sql("TRUNCATE TABLE peer")
    begun = perf_counter()
    place.sql(
        f"SET @row = 0; LOAD DATA LOCAL INFILE '{path}' INTO TABLE peer CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','"
        " OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\n' IGNORE 1 LINES"
        f" ({columns}) SET import_no = 1, row_no = (@row := @row + 1);"
    )
    taken = perf_counter() - begun
    place.sql("TRUNCATE TABLE peer")
    return taken


def load_file(place: Place, stack: Stack, path: Path) -> float:
    """Seconds from the first byte sent until `committed`."""
    begun = perf_counter()
    with path.open("rb") as file:
        answer = stack.post("/v1/imports", data=file, headers={"Content-Type": "text/csv"})
    return wait_committed(place, stack, answer.json()["id"], begun)


def load_generated(place: Place, stack: Stack, rows: int) -> float:
    """Seconds from the request until `committed`."""
    begun = perf_counter()
    return wait_committed(place, stack, stack.get(f"/insert/{rows}").json()["task_id"], begun)


def wait_committed(place: Place, stack: Stack, id: str, begun: float) -> float:
    """Seconds since `begun` when the import has committed; its rows are removed then."""
    while (found := stack.find(id))["state"] != "committed":
        if found["state"] in ("failed", "stopped"):
            raise SystemExit(f"the import {found['state']}: {found['error']}")
        sleep(0.05)
    taken = perf_counter() - begun
    place.sql("TRUNCATE TABLE orders")
    return taken


def compare_memory(place: Place, rows: int) -> None:
    """Print the peak resident memory of fresh processes for a tenth of the rows and for all of them."""
    peaks = {}
    for count in (rows // 10, rows):
        path = place.folder / f"{count}.csv"
        write_csv_sample(path, count, f"memory{count}")
        stack = place.stack(f"memory-{count}")
        load_file(place, stack, path)
        peaks[count] = {name: peak_megabytes(stack.pid(name)) for name in ("web", "worker")}
        stack.kill()
    for name in ("web", "worker"):
        small, large = peaks[rows // 10][name], peaks[rows][name]
        print(f"  peak memory of {name:6} {rows // 10:>9,} rows {small:6.0f} MB, {rows:>10,} rows {large:6.0f} MB")


def peak_megabytes(pid: int) -> float:
    """The largest peak (VmHWM) of a process and its children, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    status = [Path(f"/proc/{each}/status").read_text(encoding="ascii") for each in (pid, *children)]
    return max(int(text.partition("VmHWM:")[2].split()[0]) for text in status) / 1000


if __name__ == "__main__":
    main()
