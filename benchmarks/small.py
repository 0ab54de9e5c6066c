"""Small imports: how many a second, and how long one takes while large ones fill the slots."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep, time

from celery import Celery
from kombu.entity import Queue

from benchmarks.crowd import ask_all
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import fill_slots, make_peer, stop_all, wait_committed
from benchmarks.places import Place
from tests.stack import Stack

QUEUE = Queue("bare", queue_arguments={"x-queue-type": "quorum"})
TASKS = {  # of the peer: what they fill, and what they are
    "bare.insert_rows": ("peer", "bare tasks that INSERT 100 rows at once"),
    "bare.insert": ("bare", "bare tasks that INSERT one row"),
}
ROWS, SLOTS, LARGE, WAITING = 100, 2, 4, 10


def measure(place: Place, scale: Scale, report: Report) -> None:
    """End to end: from the first request until the last commit."""
    stack, bare = place.stack("small"), place.bare("bare-small", worker_slots=SLOTS + 1)
    make_peer(place)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {task: [] for task in TASKS}
    for _ in range(scale.pairs):
        for task, (table, _) in TASKS.items():
            theirs[task].append(_run_bare(place, task, table, scale.small))
        ours.append(_run_small(place, stack, scale.small))
    bare.kill()
    stack.kill()
    what = f"imports of {ROWS} rows a second, end to end"
    for task, (_, peer) in TASKS.items():
        pairs = tuple(ours), tuple(theirs[task])
        report.add(Figure(place.name, what, peer, *pairs, Goal.SPEED, 0.25, unit="/s", per_second=True))
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
        begun = time()
        id = stack.get(f"/insert/{ROWS}").json()["task_id"]
        taken.append(wait_committed(place, stack, id, begun, empty=False))
    return min(taken)


def _run_small(place: Place, stack: Stack, count: int) -> float:
    begun = perf_counter()
    ask_all(stack.url, [f"/insert/{ROWS}"] * count, 4)
    while place.count("SELECT COUNT(*) FROM imports WHERE state NOT IN ('committed', 'stopped', 'failed')"):
        sleep(0.05)
    rate = count / (perf_counter() - begun)
    place.sql("TRUNCATE TABLE orders")
    return rate


def _run_bare(place: Place, task: str, table: str, count: int) -> float:
    place.sql(f"TRUNCATE TABLE {table}")
    celery = Celery("bare", broker=place.broker.url())
    celery.conf.broker_transport_options = {"confirm_publish": True}
    begun = perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: celery.send_task(task, queue=QUEUE), range(count)))
    rows = 1 if table == "bare" else ROWS
    while place.count(f"SELECT COUNT(*) FROM {table}") < count * rows:
        sleep(0.05)
    rate = count / (perf_counter() - begun)
    celery.close()
    return rate
