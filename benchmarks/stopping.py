"""How fast a stop is decided, a slot is free, and a load is undone."""

from time import perf_counter, sleep
from uuid import uuid4

from benchmarks.crowd import ask_all, percentile
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import fill_slots, stop_all
from benchmarks.places import Place
from tests.stack import Stack

SLOTS = 2


def measure(place: Place, scale: Scale, report: Report) -> None:
    """Stops of imports that run and that wait, beside a bare UPDATE; then what became of the slot and of the rows."""
    stack, bare = place.stack("stopping", small_slots=0), place.bare("bare-stopping")
    ours, theirs, freed = [], [], []
    for _ in range(scale.pairs):
        ids = fill_slots(stack, scale.background, SLOTS)
        answers = ask_all(stack.url, [f"/insert/{scale.background}"] * scale.waiting, 4)[1]
        waiting = [answer["task_id"] for answer in answers]
        rows = [str(uuid4()) for _ in ids + waiting]
        values = ", ".join(f"('{row}', 'queued', NOW(6))" for row in rows)
        place.sql(f"INSERT INTO bare VALUES {values}")
        freed.append(_free_slot(stack, ids[0]))
        while stack.find(ids[0])["state"] != "stopped":  # the server has as much to do for both: two loads, no undo
            sleep(0.05)
        theirs.append(percentile(ask_all(bare.url, [f"/stop/{row}" for row in rows], 1)[0], 0.99))
        order = [*waiting[len(waiting) // 2 :], ids[1], *waiting[: len(waiting) // 2]]
        ours.append(percentile(ask_all(stack.url, [f"/stop/{id}" for id in order], 1)[0], 0.99))
        stop_all(place, stack)
    what = f"/stop decided, p99, slots busy, {scale.waiting} waiting"
    report.add(Figure(place.name, what, "a bare UPDATE", tuple(ours), tuple(theirs), Goal.PRICE, 2.0))
    second = tuple(1.0 for _ in freed)
    report.add(
        Figure(place.name, "a stopped import's slot loads another", "one second", tuple(freed), second, Goal.PRICE, 1.0)
    )
    _measure_undo(place, stack, scale, report)
    for each in (stack, bare):
        each.kill()


def _free_slot(stack: Stack, id: str) -> float:
    """Seconds from a stop's answer until another import runs in its place."""
    before = _running(stack)
    stack.post(f"/stop/{id}")
    begun = perf_counter()
    while not _running(stack) - before:
        sleep(0.01)
    return perf_counter() - begun


def _running(stack: Stack) -> set[str]:
    return {row["id"] for row in stack.get("/v1/imports?state=running").json()["imports"]}


def _measure_undo(place: Place, stack: Stack, scale: Scale, report: Report) -> None:
    """Seconds from the stop until `stopped`, beside the seconds that it had loaded."""
    ours, theirs = [], []
    for _ in range(scale.pairs):
        id = fill_slots(stack, scale.background, 1)[0]
        begun = perf_counter()
        while stack.find(id)["rows_done"] < min(scale.rows // 2, scale.background // 4):
            sleep(0.05)
        row = stack.find(id)
        stack.post(f"/stop/{id}")
        stopped_at = perf_counter()
        theirs.append(max(stopped_at - begun, row["rows_done"] / (row["rows_per_second"] or 1)))
        while stack.find(id)["state"] != "stopped":
            sleep(0.02)
        ours.append(perf_counter() - stopped_at)
        stop_all(place, stack)
    report.add(
        Figure(place.name, "undoing a stopped load", "its time so far", tuple(ours), tuple(theirs), Goal.PRICE, 1.3)
    )
