"""How fast a stop is decided, a slot is free, and a load is undone."""

from time import perf_counter, sleep
from uuid import uuid4

from benchmarks.crowd import ask_all, percentile
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import fill_slots, stop_all
from benchmarks.places import Place
from tests.stack import Stack

SLOTS = 2
TURNS = 4  # of a hundred stops each: the 99th percentile of a hundred is the second worst of them


def measure(place: Place, scale: Scale, report: Report) -> None:
    """Stops of imports that run and that wait, beside a bare UPDATE; then what became of the slot and of the rows."""
    stack, bare = place.stack("stopping", small_import_slots=0), place.bare("bare-stopping")
    ours, theirs, freed = [], [], []
    for _ in range(scale.pairs):
        ids = fill_slots(stack, scale.background, SLOTS)
        _queue(stack, scale, 1)
        freed.append(_free_slot(stack, ids[0]))
        while stack.find(ids[0])["state"] != "stopped":  # the server has as much to do for both: two loads, no undo
            sleep(0.05)
        mine: list[float] = []
        bare_ones: list[float] = []
        for turn in range(TURNS):
            waiting = _queue(stack, scale, scale.waiting)
            if turn == TURNS - 1:  # one that loads among those that wait
                waiting.insert(len(waiting) // 2, ids[1])
            rows = [str(uuid4()) for _ in waiting]
            values = ", ".join(f"('{row}', 'queued', NOW(6))" for row in rows)
            place.sql(f"INSERT INTO bare VALUES {values}")
            bare_ones += ask_all(bare.url, [f"/stop/{row}" for row in rows], 1)[0]
            mine += ask_all(stack.url, [f"/stop/{id}" for id in waiting], 1)[0]
        theirs.append(percentile(bare_ones, 0.99))
        ours.append(percentile(mine, 0.99))
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


def _queue(stack: Stack, scale: Scale, count: int) -> list[str]:
    """Large imports that wait, since all slots are busy."""
    answers = ask_all(stack.url, [f"/insert/{scale.background}"] * count, 4)[1]
    return [str(answer["task_id"]) for answer in answers]


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
