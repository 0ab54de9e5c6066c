"""Small imports: how many a second, and how long one takes while large ones fill the slots."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep

from celery import Celery
from kombu.entity import Queue

from benchmarks.crowd import ask_all
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import fill_slots, stop_all, wait_committed
from benchmarks.places import Place
from tests.stack import Stack

QUEUE = Queue("bare", queue_arguments={"x-queue-type": "quorum"})
ROWS, SLOTS, LARGE, WAITING = 100, 2, 4, 10


def measure(place: Place, scale: Scale, report: Report) -> None:
    """End to end: from the first request until the last commit."""
    stack, bare = place.stack("small"), place.bare("bare-small", worker_slots=SLOTS + 1)
    ours, theirs = [], []
    for _ in range(scale.pairs):
        theirs.append(_run_bare(place, bare, scale.small))
        ours.append(_run_small(place, stack, scale.small))
    bare.kill()
    stack.kill()
    what = f"imports of {ROWS} rows a second, end to end"
    peer = "bare tasks with one INSERT"
    report.add(Figure(place.name, what, peer, tuple(ours), tuple(theirs), Goal.SPEED, 0.25, unit="/s", per_second=True))
    busy = place.stack("busy", worker_slots=LARGE)
    waited, idle = [], []
    for _ in range(scale.pairs):
        idle.append(_one(place, busy))
        fill_slots(busy, scale.background, LARGE)
        ask_all(busy.url, [f"/insert/{scale.background}"] * WAITING, 4)
        waited.append(_one(place, busy))
        stop_all(place, busy)
    busy.kill()
    what = f"{ROWS} rows while {LARGE} large imports load and {WAITING} wait"
    report.add(Figure(place.name, what, "an idle stack", tuple(waited), tuple(idle), Goal.PRICE, 3.0))


def _one(place: Place, stack: Stack) -> float:
    """The fastest of three: one alone may meet the first connection of a process."""
    taken = []
    for _ in range(3):
        begun = perf_counter()
        id = stack.get(f"/insert/{ROWS}").json()["task_id"]
        taken.append(wait_committed(place, stack, id, begun, empty=False))
    return min(taken)


def _run_small(place: Place, stack: Stack, count: int) -> float:
    begun = perf_counter()
    ask_all(stack.url, [f"/insert/{ROWS}"] * count, 4)
    while int(place.sql("SELECT COUNT(*) FROM imports WHERE state NOT IN ('committed', 'stopped', 'failed')")):
        sleep(0.05)
    rate = count / (perf_counter() - begun)
    place.sql("TRUNCATE TABLE orders")
    return rate


def _run_bare(place: Place, bare: Stack, count: int) -> float:
    place.sql("TRUNCATE TABLE bare")
    celery = Celery("bare", broker=place.broker.url())
    celery.conf.broker_transport_options = {"confirm_publish": True}
    begun = perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: celery.send_task("bare.insert", queue=QUEUE), range(count)))
    while int(place.sql("SELECT COUNT(*) FROM bare")) < count:
        sleep(0.05)
    rate = count / (perf_counter() - begun)
    celery.close()
    return rate
