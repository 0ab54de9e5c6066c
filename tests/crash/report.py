"""The report of a run: tables for a terminal, and the same for the reliability page."""

import os
import platform
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles

from tests.crash.cells import Result
from tests.crash.instants import INSTANTS
from tests.crash.mutants import MUTANTS
from tests.crash.places import Place

BEGIN, END = "<!-- written by make crash: begin -->", "<!-- written by make crash: end -->"


@dataclass
class Findings:
    """All that a run has found out."""

    results: list[Result] = field(default_factory=list)
    mutants: dict[tuple[str, Place], Result | None] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    minutes: float = 0

    @property
    def violations(self) -> list[Result]:
        return [result for result in self.results if result.violation is not None]

    @property
    def survivors(self) -> list[str]:
        return [f"{name} at {place.name}" for (name, place), caught in self.mutants.items() if caught is None]


def show(findings: Findings) -> str:
    """What the terminal gets."""
    return "\n\n".join(["", *_parts(findings)])


def write(page: Path, findings: Findings, command: str) -> None:
    """Replace what an earlier run has written into this page, between the two marks."""
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    versions = ", ".join(f"{name} {number}" for name, number in sorted(findings.versions.items()))
    head = (
        f"`{command}`, {when}: {findings.minutes:.0f} minutes on {os.cpu_count()} cores, {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}, Celery {version('celery')},"
        f" PyMySQL {version('pymysql')}; {versions}."
    )
    text = "\n\n".join([BEGIN, head, *_parts(findings), END])
    before = page.read_text()
    page.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: text, before, flags=re.DOTALL))


def _parts(findings: Findings) -> Iterable[str]:
    results = findings.results
    if results:
        yield (
            f"**{len({result.cell for result in results})} cells, {len(results)} runs,"
            f" {len(findings.violations)} violations.** Seconds are from the fault to the import's end."
        )
        yield _table("place", results, lambda result: result.place.name, key=None)
        yield _table("fault", results, lambda result: result.cell.fault, key=None)
        yield _table("instant", results, lambda result: result.cell.instant, key=INSTANTS.index)
    for result in findings.violations:
        yield f"VIOLATED: {result.cell.name} at {result.place.name}: {result.violation}"
    if findings.mutants:
        yield _mutants(findings)
    for place in findings.broken:
        yield f"BROKEN: {place}"
    if findings.left_out:
        yield "Left out: " + "; ".join(findings.left_out) + "."


def _table(
    title: str, results: list[Result], group: Callable[[Result], str], *, key: Callable[[str], int] | None
) -> str:
    lines = [f"| {title} | cells | runs | violations | p50 | p99 | longest |", "|---|--:|--:|--:|--:|--:|--:|"]
    for name in sorted({group(result) for result in results}, key=key):
        mine = [result for result in results if group(result) == name]
        seconds = sorted(result.seconds for result in mine)
        p50, p99 = _percentile(seconds, 50), _percentile(seconds, 99)
        violated = sum(result.violation is not None for result in mine)
        lines.append(
            f"| {name} | {len({result.cell for result in mine})} | {len(mine)} | {violated}"
            f" | {p50:.1f} s | {p99:.1f} s | {seconds[-1]:.1f} s |"
        )
    return "\n".join(lines)


def _mutants(findings: Findings) -> str:
    places = sorted({place for _, place in findings.mutants}, key=lambda place: place.name)
    lines = [
        f"| mutant | the rule that it breaks | {' | '.join(f'caught at {place.name} by' for place in places)} |",
        "|---|---|" + "---|" * len(places),
    ]
    for name in dict.fromkeys(name for name, _ in findings.mutants):
        cells = []
        for place in places:
            caught = findings.mutants.get((name, place))
            survived = "**survived**" if (name, place) in findings.mutants else "–"
            cells.append(f"{caught.cell.name}: {_short(caught.violation or '')}" if caught else survived)
        lines.append(f"| {name} | {MUTANTS[name].rule} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _percentile(seconds: list[float], percent: int) -> float:
    return seconds[0] if len(seconds) == 1 else quantiles(seconds, n=100, method="inclusive")[percent - 1]


def _short(violation: str) -> str:
    """A violation's first words, without the ids of imports."""
    words = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "the import", violation.splitlines()[0].partition(": ")[2])
    return words if len(words) <= 60 else f"{words[:57]}…"
