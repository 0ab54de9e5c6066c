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

from tests.crash.matrix import Result
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
            f" {len(findings.violations)} violations.** Seconds count from the fault to the import's end."
        )
        yield _table("place", results, lambda result: result.place.name)
        yield _table("fault", results, lambda result: result.cell.fault)
    for result in findings.violations:
        yield f"VIOLATED: {result.cell.name} at {result.place.name}: {result.violation}"
    if findings.mutants:
        yield _mutants(findings)
    for place in findings.broken:
        yield f"BROKEN: {place}"
    if findings.left_out:
        yield "Left out: " + "; ".join(findings.left_out) + "."


def _table(title: str, results: list[Result], group: Callable[[Result], str]) -> str:
    lines = [f"| {title} | runs | p50, s | p99, s | longest, s |", "|---|--:|--:|--:|--:|"]
    for name in sorted({group(result) for result in results}):
        mine = [result for result in results if group(result) == name]
        seconds = sorted(result.seconds for result in mine)
        p50, p99 = _percentile(seconds, 50), _percentile(seconds, 99)
        lines.append(f"| {name} | {len(mine)} | {p50:.1f} | {p99:.1f} | {seconds[-1]:.1f} |")
    return "\n".join(lines)


def _mutants(findings: Findings) -> str:
    places = sorted({place.name for _, place in findings.mutants})
    survivors = findings.survivors
    lines = [
        f"Mutants were run at {' and '.join(places)}; {'all' if not survivors else 'all others'} were caught.",
        "",
        *(f"**Survived**: {survivor}\n" for survivor in survivors),
        "| mutant | the rule that it breaks |",
        "|---|---|",
    ]
    lines += (f"| {name} | {MUTANTS[name].rule} |" for name in dict.fromkeys(name for name, _ in findings.mutants))
    return "\n".join(lines)


def _percentile(seconds: list[float], percent: int) -> float:
    return seconds[0] if len(seconds) == 1 else quantiles(seconds, n=100, method="inclusive")[percent - 1]
