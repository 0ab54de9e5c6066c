"""What more rows cost: time in proportion, memory not at all."""

from pathlib import Path

from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import load_file, load_generated, sample
from benchmarks.places import Place


def measure(place: Place, scale: Scale, report: Report) -> None:
    """Times for so many rows and several times as many, in pairs; peak memory of fresh processes for both."""
    many, few = scale.rows * scale.large, scale.rows
    stack = place.stack("scaling")
    ours, theirs = [], []
    for _ in range(max(1, scale.pairs // 2)):
        theirs.append(load_generated(place, stack, few))
        ours.append(load_generated(place, stack, many))
    stack.kill()
    what, peer = f"/insert/{many}", f"/insert/{few}"
    report.add(Figure(place.name, what, peer, tuple(ours), tuple(theirs), Goal.PRICE, scale.large * 1.1))
    if place.name == "mariadb":
        _compare_memory(place, scale, report)


def _compare_memory(place: Place, scale: Scale, report: Report) -> None:
    peaks = []
    for rows in (scale.rows, scale.rows * scale.memory):
        stack = place.stack(f"memory-{rows}")
        path = sample(place, rows)
        load_file(place, stack, path)
        peaks.append({name: peak_megabytes(stack.pid(name)) for name in ("web", "worker")})
        stack.kill()
        path.unlink()
    few, many = peaks
    for name in ("web", "worker"):
        what = f"peak memory of {name}, POST of {scale.rows * scale.memory:,} rows"
        report.add(
            Figure(place.name, what, f"{scale.rows:,} rows", (many[name],), (few[name],), Goal.PRICE, 1.1, unit="MB")
        )


def peak_megabytes(pid: int) -> float:
    """The largest peak (VmHWM) of a process and its children, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    status = [Path(f"/proc/{each}/status").read_text(encoding="ascii") for each in (pid, *children)]
    return max(int(text.partition("VmHWM:")[2].split()[0]) for text in status) / 1000
