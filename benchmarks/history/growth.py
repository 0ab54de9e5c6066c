"""What a long history costs: each read and chore beside the same with a short one, and cleaning beside answers."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import quantiles
from time import perf_counter, sleep

from app.handling.extension import HandlingExtension
from app.lifecycle.recovery import cleanup
from app.lifecycle.services import Services, open_services
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.places import Place
from tests.growth.history import fill, rows_read
from tests.growth.reads import reads
from tests.servers import DatabaseServer, make_settings
from tests.stack import Stack

SHORT = 1000
RUNS = 9
ASIDE = 60  # rows that a look may cost more
NOISE_SECONDS = 0.0002
CLEANED_SECONDS = 900.0
QUEUED = 5000
PATHS = ("/v1/imports", "/v1/imports?state=failed", "/metrics")
LOOK_SECONDS = 2.0
PAUSE_SECONDS = 0.05


def measure(place: Place, scale: Scale, report: Report) -> None:
    """Rows that the database read, and seconds; then how long it takes until old imports are gone."""
    server = DatabaseServer(place.name, place.server)
    url = f"mysql+pymysql://app:app-secret@127.0.0.1:{place.server.port}/backout"
    settings = make_settings(url, place.folder / "growth-spool", log_level="ERROR")
    services = open_services(settings, extensions=(HandlingExtension(),))
    costs = []
    queued = min(QUEUED, scale.history // 10)
    for ended in (SHORT, scale.history):
        with server.root() as cursor:
            fill(cursor, ended, queued if ended == SHORT else 0, handlings=max(600, ended // 100))
        while cleanup._fold_totals(services.database):  # the first fill of the totals
            pass
        costs.append(_cost(services, server, place.server.pid))
    short, long = costs
    for name, (rows, seconds) in short.items():
        pairs = {
            "rows": (long[name][0] + ASIDE, rows + ASIDE),
            "s": (long[name][1] + NOISE_SECONDS, seconds + NOISE_SECONDS),
        }
        for unit, (ours, theirs) in pairs.items():
            report.add(
                Figure(
                    place.name,
                    f"{name}: {scale.history:,} imports",
                    f"{SHORT:,} imports",
                    (float(ours),),
                    (float(theirs),),
                    Goal.PRICE,
                    1.5,
                    unit=unit,
                )
            )
    services.database.dispose()
    _clean(place, server, scale, report)


def _cost(services: Services, server: DatabaseServer, pid: int) -> dict[str, tuple[int, float]]:
    """Rows of each, and the fewest seconds of the database's processors; of the many lists those of the dearest one."""
    found: dict[str, tuple[int, float]] = {}
    with server.root() as cursor:
        aside = -rows_read(cursor) + rows_read(cursor)
        for name, act in reads(services).items():
            act()
            before = rows_read(cursor)
            act()
            rows = rows_read(cursor) - before - aside
            seconds = min(_processor_seconds(pid, act) for _ in range(RUNS))
            kind = name.partition(" {")[0] if " {" in name else name
            known = found.get(kind, (0, 0.0))
            found[kind] = max(known[0], rows), max(known[1], seconds)
    return found


def _processor_seconds(pid: int, act: Callable[[], object]) -> float:
    """What the server's threads worked meanwhile: others that use the machine make it no longer."""
    before = _worked(pid)
    act()
    return (_worked(pid) - before) / 1e9


def _worked(pid: int) -> int:
    found = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has ended meanwhile
            found += int((thread / "schedstat").read_text(encoding="ascii").partition(" ")[0])
    return found


def _time(act: Callable[[], object]) -> float:
    begun = perf_counter()
    act()
    return perf_counter() - begun


def _clean(place: Place, server: DatabaseServer, scale: Scale, report: Report) -> None:
    """Let the oldest imports outlive their use, and ask a web server meanwhile."""
    old = scale.history * 3 // 10
    stack = place.stack("growth", history_retention_days=90)
    before = _ask(stack, 30.0 if scale.pairs > 1 else 2.0, lambda: False)
    with server.root() as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 50")
        cursor.execute(
            "UPDATE imports SET finished_at = finished_at - INTERVAL 100 DAY, updated_at = updated_at"
            f" WHERE finished_at IS NOT NULL ORDER BY number LIMIT {old:d}"
        )
    left = "SELECT COUNT(*) FROM imports WHERE settled = 2 AND finished_at < NOW() - INTERVAL 90 DAY"
    begun = perf_counter()
    during = _ask(stack, CLEANED_SECONDS * 2, lambda: place.count(left) == 0)
    took = perf_counter() - begun
    stack.kill()
    report.add(
        Figure(place.name, f"{old:,} old imports gone", "15 minutes", (took,), (CLEANED_SECONDS,), Goal.PRICE, 1.0)
    )
    report.add(Figure(place.name, "p99 of answers while cleaning", "before", (during,), (before,), Goal.PRICE, 1.5))


def _ask(stack: Stack, seconds: float, is_over: Callable[[], bool]) -> float:
    """The p99 of answers, in seconds, asked one after the other until it is over, or so many seconds are."""
    until, look_at, took = perf_counter() + seconds, 0.0, []
    while perf_counter() < until:
        if perf_counter() >= look_at:
            if is_over():
                break
            look_at = perf_counter() + LOOK_SECONDS
        for path in PATHS:
            took.append(_time(partial(stack.get, path)))
        sleep(PAUSE_SECONDS)
    return quantiles(took, n=100)[98] if len(took) > 1 else 0.0
