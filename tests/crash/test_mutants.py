"""The checker itself is tested: a protocol that is broken on purpose is caught. `make crash` tries every mutant."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.__main__ import MUTANT_SECONDS, catch
from tests.crash.cells import run_cell
from tests.crash.mutants import MUTANTS
from tests.crash.places import MUTATED
from tests.crash.rig import Rig, open_rig

SOME = [
    pytest.param("stop after the decision", id="stop-after-the-decision"),
    # until it is given up, which takes long
    pytest.param("sweeper always rolls back", id="sweeper-always-rolls-back", marks=pytest.mark.long),
]


@pytest.fixture(scope="module", params=MUTATED[1:], ids=lambda place: place.name.replace(" ", "-"))
def rig(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Rig]:
    with open_rig(request.param, servers_folder / "rig-mutated") as rig:
        yield rig


@pytest.mark.parametrize("name", SOME)
def test_a_broken_protocol_is_caught(rig: Rig, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig, "converge_seconds", MUTANT_SECONDS)
    cells = MUTANTS[name].cells
    assert catch(rig, name, cells) is not None
    rig.begin_anew()
    sound = run_cell(rig, cells[0])
    assert sound.violation is None, sound.evidence
