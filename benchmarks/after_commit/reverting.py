"""What an update of rows and a revert cost beside the load of the same rows in one branch, and a revert's stop."""

from time import perf_counter, sleep, time

from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import load_generated, sample, send_file, wait_committed
from benchmarks.places import Place
from benchmarks.scaling import peak_megabytes
from tests.stack import Stack


def measure(place: Place, scale: Scale, report: Report) -> None:
    """In turn: a load, an update with the same file, and a revert of each; then a revert that is stopped half-way."""
    stack = place.stack("reverting", branches=1)
    load_generated(place, stack, scale.slow_rows)  # a process that has not loaded yet imports its libraries first
    loads, updates, reverts, restores = [], [], [], []
    decided, undone, begun = [], [], []
    for _ in range(scale.pairs):
        inserted, taken = _load(place, stack, scale.rows)
        loads.append(taken)
        updated, taken = _load(place, stack, scale.rows, "?on_conflict=update")
        updates.append(taken)
        restores.append(_revert(place, stack, updated))
        reverts.append(_revert(place, stack, inserted))
        _empty(place)
        for times, seconds in zip((begun, decided, undone), _stop(place, stack, scale, reverts[-1] / 2), strict=True):
            times.append(seconds)
    stack.kill()

    def add(what: str, peer: str, ours: list[float], theirs: list[float], goal: Goal, target: float) -> None:
        report.add(Figure(place.name, what, peer, tuple(ours), tuple(theirs), goal, target))

    add("on_conflict=update of each row", "their load", updates, loads, Goal.SPEED, 1 / 3)
    add("revert of a load", "the load", reverts, loads, Goal.PRICE, 1.0)
    add("revert of an update", "the update", restores, updates, Goal.PRICE, 2.0)
    add("stop of a revert decided", "one second", decided, [1.0 for _ in decided], Goal.PRICE, 1.0)
    add("undoing a stopped revert", "its time so far", undone, begun, Goal.PRICE, 1.3)
    _compare_memory(place, scale, report)


def _load(place: Place, stack: Stack, rows: int, query: str = "") -> tuple[str, float]:
    """Send a file; its import's id, and seconds until it committed."""
    begun = time()
    id = send_file(stack, sample(place, rows), query)
    return id, wait_committed(place, stack, id, begun, empty=False)


def _revert(place: Place, stack: Stack, id: str) -> float:
    """Seconds from the request until the revert committed."""
    begun = time()
    return wait_committed(place, stack, stack.post(f"/v1/imports/{id}/revert").json()["id"], begun, empty=False)


def _stop(place: Place, stack: Stack, scale: Scale, wait: float) -> tuple[float, float, float]:
    """Seconds that a revert went on before it was stopped, until that was answered, and from then until all was undone.
    One that ends before is begun again, and stopped sooner."""
    while True:
        id, _ = _load(place, stack, scale.rows)
        begun = perf_counter()
        revert = stack.post(f"/v1/imports/{id}/revert").json()["id"]
        sleep(wait)
        asked = perf_counter()
        is_stopped = stack.post(f"/v1/imports/{revert}/stop").ok
        answered = perf_counter()
        while (state := stack.find(revert)["state"]) not in ("stopped", "committed"):
            sleep(0.02)
        ended = perf_counter()
        _empty(place)
        if is_stopped and state == "stopped":
            return asked - begun, answered - asked, ended - answered
        wait /= 2


def _compare_memory(place: Place, scale: Scale, report: Report) -> None:
    """The peak memory of a worker that does nothing but a revert."""
    peaks = []
    for rows in (scale.rows, scale.rows * scale.large):
        loading = place.stack(f"before-revert-{rows}", branches=1)
        id, _ = _load(place, loading, rows)
        loading.kill()
        stack = place.stack(f"revert-{rows}", branches=1)
        _revert(place, stack, id)
        peaks.append(peak_megabytes(stack.pid("worker")))
        stack.kill()
        _empty(place)
    what = f"peak memory of worker, revert of {scale.rows * scale.large:,} rows"
    few, many = ((peak,) for peak in peaks)
    report.add(Figure(place.name, what, f"{scale.rows:,} rows", many, few, Goal.PRICE, 1.1, unit="MB"))


def _empty(place: Place) -> None:
    place.sql("TRUNCATE TABLE orders; TRUNCATE TABLE before_images")
