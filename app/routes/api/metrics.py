"""Metrics: the ledger's figures in Prometheus' format, read when they are asked for, so that every web server says the
same."""

from collections.abc import Iterator

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from app.db.imports.totals import DURATIONS, StateFigures
from app.domain.caller import Scope
from app.domain.errors import DatabaseUnavailable
from app.domain.states import FINAL, State
from app.lifecycle import metrics
from app.lifecycle.metrics import QueueFigures, SweeperFigures
from app.routes import services
from app.routes.openapi.operations import Answer, describe, text

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@describe(
    "get_metrics",
    "health",
    {200: Answer("Figures.", {"text/plain": text("Prometheus' text format.", "backout_queue_depth 0.0\n")})},
    refuses=(DatabaseUnavailable,),
    scope=Scope.IMPORTS_READ,
)
def show_metrics() -> Response:
    """Imports by state, their rows and durations, the queue, and the sweepers."""
    registry = CollectorRegistry(auto_describe=False)
    figures = (
        metrics.measure_imports(services().database),
        metrics.measure_queue(services().database, services().hints),
        metrics.measure_sweepers(services().spool, services().installation),
    )
    registry.register(_Figures(*figures))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """One reading of the ledger. What has ended never leaves the sums."""

    def __init__(self, states: dict[State, StateFigures], queue: QueueFigures, sweepers: SweeperFigures) -> None:
        self._states, self._queue, self._sweepers = states, queue, sweepers

    def collect(self) -> Iterator[Metric]:
        yield from self._collect_states()
        yield from self._collect_queue()
        yield from self._collect_sweepers()

    def _collect_states(self) -> Iterator[Metric]:
        number = GaugeMetricFamily(
            "backout_imports", "Imports, by state; of final ones all there ever were", labels=["state"]
        )
        took = HistogramMetricFamily(
            "backout_import_duration_seconds", "From acceptance to the end, by how it ended", labels=["state"]
        )
        for state, found in self._states.items():
            number.add_metric([state], found.imports)
            if state in FINAL:
                bounds = [f"{bound:.1f}" for bound in DURATIONS]
                counts = [*zip(bounds, found.within, strict=True), ("+Inf", found.imports)]
                took.add_metric([state], counts, found.seconds)
        yield number
        yield took
        committed = self._states[State.COMMITTED]
        yield _gauge("backout_rows_loaded", "Rows of all committed imports", committed.rows)
        yield _gauge("backout_rows_rejected", "Rows that committed imports did not accept", committed.rejected)

    def _collect_queue(self) -> Iterator[Metric]:
        queue = self._queue
        yield _gauge("backout_queue_depth", "Imports that wait for a worker", queue.depth)
        yield _gauge(
            "backout_queue_oldest_seconds", "How long the oldest of them has waited", queue.oldest_seconds or 0
        )
        yield _gauge("backout_broker_up", "1 while the broker answers", int(queue.workers is not None))
        if queue.workers is not None and queue.hints is not None:
            yield _gauge("backout_workers", "Worker processes that are connected to the broker", queue.workers)
            yield _gauge("backout_broker_hints", "Messages that wait in the broker", queue.hints)

    def _collect_sweepers(self) -> Iterator[Metric]:
        yield _gauge("backout_sweepers", "Sweepers that were at work within the last minute", self._sweepers.running)
        failures = CounterMetricFamily(
            "backout_chore_failures", "Failed runs of each of their chores since they were started", labels=["chore"]
        )
        for chore, count in sorted(self._sweepers.failures.items()):
            failures.add_metric([chore], count)
        yield failures


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value)
