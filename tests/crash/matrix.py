"""Cells: the meaningful pairs of failpoint and fault, and how one is run."""

import random
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.crash.failpoints import FAILPOINTS, OF_A_CASCADE
from tests.crash.faults import FAULTS
from tests.crash.harness import ROWS, Harness
from tests.crash.places import Cell, Place
from tests.crash.reader import Reader
from tests.crash.stops import DECIDED
from tests.crash.subjects.revert import CASCADE, RETURN, REVERT

EVERY = ("kill -9 process", "kill -9 worker", "kill -9 database", "SIGTERM worker", "SIGSTOP, SIGCONT worker", "stop")
EVERY_TALKING = ("network reset", "network frozen")  # the same, where the worker has something to say
BETWEEN = ("half loaded", "one prepared", "all prepared", "deciding", "decided", "one committed", "all committed")
UNDECIDED = ("claimed", "half loaded", "one prepared", "all prepared", "deciding")
SOME = {
    "kill -9 worker, sweeper": BETWEEN,
    "kill -9 sweeper": ("half loaded", "all prepared", "decided"),
    "kill -9 web": ("half loaded", "all prepared", "decided"),
    "power cut": BETWEEN,
    "kill -9 broker": ("claimed", "half loaded", "all prepared", "decided"),
    "second delivery": ("claimed", "half loaded", "all prepared", "decided", "one committed"),
    "slow worker": BETWEEN,
    "zombie beside the next": ("claimed", "lock held", "started", *UNDECIDED[1:]),
    "stop, its kill lost": UNDECIDED,
    "branch rolled back by hand": ("decided", "one committed"),
    "stop, kill -9 process": UNDECIDED,
    "stop, kill -9 database": UNDECIDED,
    "kill -9 worker, stop": (*UNDECIDED, "decided", "all committed"),
    "stop, long undo": ("all loaded",),
    "pause": (*UNDECIDED, "decided", "one committed"),
    "pause, kill -9 web": UNDECIDED[:4],
    "1062 duplicate key": ("claimed",),  # what is met in mid-load is put there before it begins
    "1205 lock wait timeout": ("claimed",),
    "1213 deadlock": ("claimed",),
}
ALONE = tuple(name for name in FAULTS if "lost" in name)  # their failpoint is a statement of their own
TWO_ALIKE = {"one prepared": "all prepared", "one committed": "all committed"}  # with one branch
IMPORTS_ONLY = {
    "pause",
    "pause, kill -9 web",
    "stop, long undo",
    *(name for name in FAULTS if name[:2] in ("10", "12")),
}
IN_REVERTS = ("half loaded", "one prepared", "deciding", "decided", "one committed")
LARGE = {"stop, long undo": 60_000}  # rows
WHOLE_READS = {"1062 duplicate key", "1213 deadlock"}  # others write rows too


@dataclass(frozen=True)
class Result:
    """What came of a cell: the seconds from the fault to the import's end, and what was violated, None if all held.

    `struck` says that the import came to the failpoint, so that the fault was done.
    """

    place: Place
    cell: Cell
    seconds: float
    violation: str | None = None
    evidence: str = ""
    struck: bool = True


def list_cells(place: Place) -> list[Cell]:
    """Every cell that means something at this place, in a mixed order that is always the same."""
    cells = list(_shipped() if place.as_shipped else _all(place.branches))
    random.Random(place.name).shuffle(cells)
    return cells


def run_cell(harness: Harness, cell: Cell) -> Result:
    """Lead an import to the failpoint, strike, and see that everything is as it was promised."""
    id, seconds, struck = None, 0.0, False
    try:
        harness.ensure_up()
        harness.clear()
        id = harness.lead_to(cell.failpoint, LARGE.get(cell.fault, ROWS), cell.of)
        with Reader(harness, id, alone=cell.fault not in WHOLE_READS) as reader:
            struck = True
            end = harness.strike(FAULTS[cell.fault], id)
            harness.breakpoint.release()
            seconds = harness.converge(id)
        assert harness.find(id).state is end, f"it is {harness.find(id).state} and should be {end}"
        assert not reader.partial, f"a reader saw {reader.partial} rows"
        assert reader.looks or reader.is_blind, "the reader saw nothing"
        assert seconds <= harness.converge_seconds, f"took {seconds:.0f} s"
        harness.check(id)
    except Exception as error:  # noqa: BLE001 — whatever broke, it is this cell's result
        told = [*traceback.format_exception(error), harness.evidence(id) if id else ""]
        return Result(harness.place, cell, seconds, f"{type(error).__name__}: {error}", "".join(told), struck)
    return Result(harness.place, cell, seconds)


def _all(branches: int) -> Iterator[Cell]:
    yield from _of_import(branches)
    if branches == 1:  # a revert has one branch
        yield from (replace(cell, of=REVERT) for cell in _of_import(1) if cell.fault not in IMPORTS_ONLY)
        yield Cell("begun again", "stop, waited for", CASCADE)
        for of, failpoints in ((CASCADE, (*OF_A_CASCADE, *IN_REVERTS)), (RETURN, IN_REVERTS)):
            yield from (Cell(failpoint, fault, of) for failpoint in failpoints for fault in (*EVERY, *EVERY_TALKING))


def _of_import(branches: int) -> Iterator[Cell]:
    for failpoint in FAILPOINTS:
        if branches == 1 and failpoint in TWO_ALIKE:
            continue
        for fault in EVERY:
            yield Cell(failpoint, fault)
        if failpoint != "done":
            for fault in EVERY_TALKING:
                yield Cell(failpoint, fault)
        for fault, failpoints in SOME.items():
            if failpoint in failpoints:
                yield Cell(failpoint, fault)
    for fault in ALONE:
        yield Cell("started", fault)


def _shipped() -> Iterator[Cell]:
    """What depends on leases."""
    for failpoint in ("half loaded", "all prepared", DECIDED[0]):
        for fault in ("kill -9 process", "kill -9 database", "SIGSTOP, SIGCONT worker", "network frozen", "stop"):
            yield Cell(failpoint, fault)
