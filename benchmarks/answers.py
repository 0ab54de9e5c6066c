"""How fast `POST /insert` is answered to a crowd while imports run."""

from benchmarks.crowd import ask_all, percentile
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import fill_slots, stop_all
from benchmarks.places import Place

SLOTS = 2


def measure(place: Place, scale: Scale, report: Report) -> None:
    """p99 in pairs, ours and a bare endpoint, on the same settings of the same web server."""
    stack, bare = place.stack("answers", small_import_slots=0, max_queued=100_000), place.bare("bare-answers")
    ours, theirs = [], []
    for _ in range(scale.pairs):
        fill_slots(stack, scale.background, SLOTS)
        paths = ["/insert/1"] * scale.requests
        theirs.append(percentile(ask_all(bare.url, paths, scale.clients)[0], 0.99))
        ours.append(percentile(ask_all(stack.url, paths, scale.clients)[0], 0.99))
        stack.kill("worker")
        place.sql("DELETE FROM imports WHERE state = 'queued'")
        stack.start("worker")
        stop_all(place, stack)
    for each in (stack, bare):
        each.kill()
    what = f"POST /insert answered, p99 of {scale.clients} clients"
    report.add(Figure(place.name, what, "a bare endpoint", tuple(ours), tuple(theirs), Goal.PRICE, 1.5))
