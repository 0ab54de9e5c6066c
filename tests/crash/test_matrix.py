"""A part of the matrix that is run with every change: `make crash` runs all of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.harness import Harness, open_harness
from tests.crash.matrix import run_cell
from tests.crash.places import MUTATED, REPRESENTATIVE, Cell, Place

EARLY = [Cell(failpoint, "kill -9 process") for failpoint in ("lock held", "started", "receipt written", "one ended")]


def list_runs() -> list[object]:
    """Every fourth cell, on one of the two servers in turn; `make long` runs the others, and these on the other server,
    and early kills on both: those at the failpoints beside them come to the same."""
    return [
        pytest.param(
            place,
            cell,
            id=f"{place.database}-{cell.name}".replace(" ", "-"),
            marks=() if number % 4 == 2 * turn and cell not in EARLY else pytest.mark.long,
        )
        for turn, place in enumerate(MUTATED)
        for number, cell in enumerate(REPRESENTATIVE)
    ]


@pytest.fixture(scope="module")
def harnesses(servers_folder: Path) -> Iterator[Callable[[Place], Harness]]:
    """Each place's harness, opened when the first cell needs it: the order of the tests is random."""
    opened: dict[str, Harness] = {}
    with ExitStack() as closing:

        def find(place: Place) -> Harness:
            if place.name not in opened:
                opened[place.name] = closing.enter_context(
                    open_harness(place, servers_folder / f"harness-{place.database}")
                )
            return opened[place.name]

        yield find


@pytest.mark.parametrize(("place", "cell"), list_runs())
def test_every_promise_holds(harnesses: Callable[[Place], Harness], place: Place, cell: Cell) -> None:
    harness = harnesses(place)
    result = run_cell(harness, cell)
    try:
        assert result.violation is None, result.evidence
    finally:
        if result.violation is not None:
            harness.begin_anew()  # the next cell is not to suffer for it
