"""Each mutant of the crash tests still has what it replaces: a rename must not make an empty one without a word."""

import multiprocessing

import pytest

from app.db.imports import transitions
from app.lifecycle.imports import commit
from tests.crash.mutants import MUTANTS
from tests.crash.mutations import NoTarget, replace_in


@pytest.mark.slow
def test_every_mutant_finds_its_target() -> None:
    # each in a process of its own, since what is put in stays in
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.mutants"])
    with context.Pool(2, maxtasksperchild=1) as pool:
        failures = dict(zip(MUTANTS, pool.map(_put_in, MUTANTS, chunksize=1), strict=True))
    assert not {name: failure for name, failure in failures.items() if failure}


def _put_in(name: str) -> str:
    try:
        MUTANTS[name].put_in()
    except Exception as error:  # noqa: BLE001 — whatever it is, it is shown
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_target_that_is_gone_is_refused() -> None:
    with pytest.raises(NoTarget, match="has no made_up"):
        replace_in(transitions, "made_up", None)


def test_a_target_that_is_imported_and_not_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "unused", transitions.ledger, raising=False)
    with pytest.raises(NoTarget, match="does not use it"):
        replace_in(commit, "unused", None)
