"""Loading a file, beside the server's own client and beside what programs do instead."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks import peers
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import load_file, load_generated, load_with_client, make_peer, sample
from benchmarks.places import Place

BRANCHES = {"mariadb": 1.1, "mysql": 1.3}  # two of them: what is to be reached
CLIENT = "the client's LOAD DATA LOCAL"


def measure(place: Place, scale: Scale, report: Report) -> None:
    """In pairs: each of our ways, and each peer, beside one LOAD DATA LOCAL of the same run."""
    path, slow = sample(place, scale.rows), sample(place, scale.slow_rows)
    make_peer(place)
    stack = place.stack("loading")
    ways: dict[str, tuple[float, Callable[[], float]]] = {
        "POST of a CSV": (0.9, lambda: load_file(place, stack, path)),
        "POST of a CSV with stream=1": (1.0, lambda: load_file(place, stack, path, "?stream=1")),
        f"/insert/{scale.rows}": (1.0, lambda: load_generated(place, stack, scale.rows)),
    }
    theirs: list[float] = []
    ours: dict[str, list[float]] = {name: [] for name in ways}
    others: dict[str, list[float]] = {name: [] for name in ("mysqlimport", *peers.PEERS)}
    load_generated(place, stack, scale.slow_rows)  # a process that has not loaded yet imports its libraries first
    for _ in range(scale.pairs):
        theirs.append(load_with_client(place, path))
        for name, (_, load) in ways.items():
            ours[name].append(load())
        others["mysqlimport"].append(load_with_mysqlimport(place, path) / scale.rows)
        for name, peer in peers.PEERS.items():
            others[name].append(peer(place, slow) / scale.slow_rows)
    stack.kill()
    for name, (target, _) in ways.items():
        report.add(_beside_client(place, name, ours[name], theirs, target))
    _measure_branches(place, scale, report)
    each_row = tuple(taken / scale.rows * 1_000_000 for taken in ours["POST of a CSV"])
    for name, taken in others.items():
        micros = tuple(seconds * 1_000_000 for seconds in taken)
        report.add(Figure(place.name, "POST of a CSV, per row", name, each_row, micros, Goal.SPEED, unit="µs"))


def _measure_branches(place: Place, scale: Scale, report: Report) -> None:
    path = sample(place, scale.rows)
    stack = place.stack("parallel", branches=2)
    load_generated(place, stack, scale.slow_rows)
    queries = {"two branches": "", "two branches, stream=1": "?stream=1"}
    ours: dict[str, list[float]] = {name: [] for name in queries}
    theirs: list[float] = []
    for _ in range(scale.pairs):
        theirs.append(load_with_client(place, path))
        for name, query in queries.items():
            ours[name].append(load_file(place, stack, path, query))
    stack.kill()
    for name, taken in ours.items():
        report.add(_beside_client(place, f"POST of a CSV, {name}", taken, theirs, BRANCHES[place.name]))


def _beside_client(place: Place, name: str, ours: list[float], theirs: list[float], target: float) -> Figure:
    return Figure(place.name, f"{name}, until committed", CLIENT, tuple(ours), tuple(theirs), Goal.SPEED, target)


def load_with_mysqlimport(place: Place, path: Path) -> float:
    """Seconds; the table is named after the file, and its columns but the import's number are listed."""
    named = place.folder / "peer.csv"
    named.unlink(missing_ok=True)
    numbered = _numbered(place, path)
    named.symlink_to(numbered)
    program = shutil.which("mariadb-import") if place.name == "mariadb" else _beside(place.client)
    if program is None:
        return float("nan")
    return place.time_program(
        [
            program,
            "--local",
            "--fields-terminated-by=,",
            '--fields-optionally-enclosed-by="',
            "--lines-terminated-by=\\n",
            "--default-character-set=utf8mb4",
            "backout",
            str(named),
        ]
    )


def _beside(client: str) -> str | None:
    found = Path(client).with_name("mysqlimport")
    return str(found) if found.exists() else shutil.which("mysqlimport")


def _numbered(place: Place, path: Path) -> Path:
    """The same rows with our two numbers, without a header: mysqlimport sets no columns."""
    target = path.with_suffix(".numbered.csv")
    if not target.exists():
        script = 'NR > 1 { print 1 "," NR - 1 "," $0 }'
        with target.open("wb") as file:
            subprocess.run(["awk", script, str(path)], stdout=file, check=True)
        target.chmod(0o644)
    return target
