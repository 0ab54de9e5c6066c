"""A part of the matrix that is run with every change: `make crash` runs all of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.cells import run_cell
from tests.crash.places import MUTATED, REPRESENTATIVE, Cell, Place
from tests.crash.rig import Rig, open_rig

EARLY = [Cell(instant, "kill -9 process") for instant in ("lock held", "started", "receipt written", "one ended")]


def list_runs() -> list[object]:
    """Every fourth cell, on one of the two servers in turn; `make long` runs the others, and these on the other server,
    and early kills on both: those at the instants beside them come to the same."""
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
def rigs(servers_folder: Path) -> Iterator[Callable[[Place], Rig]]:
    """Each place's rig, opened when the first cell needs it: the order of the tests is random."""
    opened: dict[str, Rig] = {}
    with ExitStack() as closing:

        def find(place: Place) -> Rig:
            if place.name not in opened:
                opened[place.name] = closing.enter_context(open_rig(place, servers_folder / f"rig-{place.database}"))
            return opened[place.name]

        yield find


@pytest.mark.parametrize(("place", "cell"), list_runs())
def test_every_promise_holds(rigs: Callable[[Place], Rig], place: Place, cell: Cell) -> None:
    rig = rigs(place)
    result = run_cell(rig, cell)
    try:
        assert result.violation is None, result.evidence
    finally:
        if result.violation is not None:
            rig.begin_anew()  # the next cell is not to suffer for it
