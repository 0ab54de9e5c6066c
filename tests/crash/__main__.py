"""The whole matrix, failpoints × faults at every place, and the mutants that it must catch: `python -m tests.crash`."""

import argparse
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from time import monotonic

import pytest

from app.logs import configure_logs
from tests.crash import report
from tests.crash.harness import Harness, open_harness
from tests.crash.matrix import Result, list_cells, run_cell
from tests.crash.mutants import MUTANTS
from tests.crash.places import MATRIX, MUTATED, Cell, Place
from tests.waiting import stretched

MUTANT_SECONDS = stretched(12)  # a mutant that has not converged by then never will


@dataclass
class Run:
    """What is asked for, and what has come of it so far."""

    options: argparse.Namespace
    folder: Path
    begun: float = field(default_factory=monotonic)
    findings: report.Findings = field(default_factory=report.Findings)
    lock: Lock = field(default_factory=Lock)
    told_to_end: Event = field(default_factory=Event)

    def say(self, line: str) -> None:
        """One line, whoever else speaks."""
        with self.lock:
            print(f"{monotonic() - self.begun:7.1f} s  {line}", flush=True)  # noqa: T201 — a command line prints


def main() -> int:
    """Run it; 1 if anything was violated or a mutant survived."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the servers too
    configure_logs("ERROR")  # what the test itself does with our code
    run = Run(_options(), Path(tempfile.mkdtemp(prefix="backout-crash-")))
    run.folder.chmod(0o755)
    jobs = list(_jobs(run.options))
    weights = [_weigh(kind, place) for _, (kind, place) in jobs]
    with ThreadPoolExecutor(run.options.parallel) as pool:
        jobs_done = [
            pool.submit(_run_job, run, kind, place, number, weights[number:]) for number, (kind, place) in jobs
        ]
        try:
            for done in jobs_done:
                done.result()
        except KeyboardInterrupt:  # the cells in hand are finished, and their servers ended
            run.told_to_end.set()
            pool.shutdown(cancel_futures=True)
    findings = run.findings
    findings.minutes = (monotonic() - run.begun) / 60
    print(report.show(findings))  # noqa: T201
    if run.options.report:
        report.write(Path(run.options.report), findings, " ".join(["python -m tests.crash", *sys.argv[1:]]))
    return 1 if findings.violations or findings.survivors or findings.broken else 0


def _jobs(options: argparse.Namespace) -> Iterator[tuple[int, tuple[str, Place]]]:
    jobs = [("matrix", place) for place in MATRIX] if options.part != "mutants" else []
    if options.part != "matrix":
        jobs += [("mutants", place) for place in MUTATED]
    asked = [job for job in jobs if options.place in job[1].name]
    return enumerate(sorted(asked, key=lambda job: -_weigh(*job)))


def _weigh(kind: str, place: Place) -> int:
    """How long a job takes beside others: a cell with leases as shipped waits for several times as long."""
    return 3 * len(MUTANTS) if kind == "mutants" else len(list_cells(place)) * (6 if place.as_shipped else 1)


def _run_job(run: Run, kind: str, place: Place, number: int, weights: Sequence[int]) -> None:
    until = share_end(monotonic(), run.begun + run.options.minutes * 60, weights, run.options.parallel)
    try:
        with ExitStack() as stack:
            harness = stack.enter_context(open_harness(place, run.folder / str(number)))
            run.findings.versions |= _versions(harness)
            (_run_cells if kind == "matrix" else _run_mutants)(run, harness, until)
    except pytest.skip.Exception as error:
        run.say(f"SKIPPED: {place.name}: {error}")
        run.findings.left_out.append(f"all of {place.name}: {error}")
    except Exception as error:  # noqa: BLE001 — the other places go on, and the run has failed
        run.say(f"BROKEN: {place.name}: {''.join(traceback.format_exception(error))}")
        run.findings.broken.append(f"{place.name}: {type(error).__name__}: {error}")


def share_end(now: float, end: float, weights: Sequence[int], parallel: int) -> float:
    """Until when a job may run that begins now, so that all that are left, the first of these `weights` being its own,
    have their turn by `end`; what earlier ones did not need is shared out."""
    most = 1 if len(weights) <= parallel else 0.8  # another one is to begin in the same slot
    return now + max(end - now, 0) * min(weights[0] * parallel / sum(weights), most)


def _run_cells(run: Run, harness: Harness, until: float) -> None:
    _run_these(run, harness, [cell for cell in list_cells(harness.place) if run.options.cell in cell.name], until)


def _run_these(run: Run, harness: Harness, cells: list[Cell], until: float) -> None:
    for number, cell in enumerate(cells):
        if monotonic() > until or run.told_to_end.is_set():
            run.findings.left_out.append(
                f"{len(cells) - number} of {len(cells)} cells of {harness.place.name}: no time"
            )
            return
        result = run_cell(harness, cell)
        run.findings.results.append(result)
        verdict = "ok" if result.violation is None else f"VIOLATED: {result.violation}\n{result.evidence}"
        run.say(f"{harness.place.name:24} {cell.name:46} {result.seconds:5.1f} s  {verdict}")
        if result.violation is not None:
            harness.begin_anew()


def _run_mutants(run: Run, harness: Harness, until: float) -> None:
    """Each mutant, after the cells that are to notice it have passed, under the same bound, without one."""
    harness.converge_seconds = MUTANT_SECONDS
    _run_these(run, harness, sorted({cell for mutant in MUTANTS.values() for cell in mutant.cells}, key=str), until)
    for number, (name, mutant) in enumerate(MUTANTS.items()):
        if monotonic() > until or run.told_to_end.is_set():
            run.findings.left_out.append(f"{len(MUTANTS) - number} mutants at {harness.place.name}: no time")
            return
        caught = catch(harness, name, mutant.cells)
        run.findings.mutants[name, harness.place] = caught
        verdict = f"caught: {caught.cell.name}: {caught.violation}" if caught else "SURVIVED"
        run.say(f"{harness.place.name:24} {name:46} {verdict}")


def catch(harness: Harness, mutant: str, cells: Sequence[Cell]) -> Result | None:
    """The first of these cells that notices the mutant: a promise was broken after the fault, not before it."""
    for cell in cells:
        harness.begin_anew(mutant)
        result = run_cell(harness, cell)
        if result.violation is not None and result.struck:
            return result
    return None


def _versions(harness: Harness) -> dict[str, str]:
    with harness.database.root() as cursor:
        cursor.execute("SELECT VERSION()")
        (version,) = cursor.fetchone() or ("",)
    broker = harness.broker.control("version").strip().splitlines()[-1]
    return {harness.place.database: str(version), harness.place.broker: broker}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="at most about so long; says what it left out")
    parser.add_argument("--parallel", type=int, default=3, help="places at a time")
    parser.add_argument("--part", choices=("all", "matrix", "mutants"), default="all")
    parser.add_argument("--place", default="", help="only places with this in their name")
    parser.add_argument("--cell", default="", help="only cells with this in their name")
    parser.add_argument("--report", help="write the tables into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
