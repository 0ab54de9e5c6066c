"""The checker itself is tested: a protocol that is broken on purpose is caught. `make crash` tries every mutant."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.__main__ import MUTANT_SECONDS, catch
from tests.crash.harness import Harness, open_harness
from tests.crash.matrix import run_cell
from tests.crash.mutants import MUTANTS
from tests.crash.places import MUTATED

SOME = [
    pytest.param("stop after the decision", id="stop-after-the-decision"),
    # until it is given up, which takes long
    pytest.param("sweeper always rolls back", id="sweeper-always-rolls-back", marks=pytest.mark.long),
]


@pytest.fixture(scope="module", params=MUTATED[1:], ids=lambda place: place.name.replace(" ", "-"))
def harness(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Harness]:
    with open_harness(request.param, servers_folder / "harness-mutated") as harness:
        yield harness


@pytest.mark.parametrize("name", SOME)
def test_a_broken_protocol_is_caught(harness: Harness, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "converge_seconds", MUTANT_SECONDS)
    cells = MUTANTS[name].cells
    assert catch(harness, name, cells) is not None
    harness.begin_anew()
    sound = run_cell(harness, cells[0])
    assert sound.violation is None, sound.evidence
