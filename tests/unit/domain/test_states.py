"""The table of legal moves, and what it says as a whole."""

import pytest

from app.domain.states import FINAL, LEGAL_MOVES, STOPPABLE, IllegalMove, State, require_legal


@pytest.mark.parametrize(("source", "target"), [(a, b) for a in State for b in State])
def test_a_move_is_legal_or_raises(source: State, target: State) -> None:
    if (source, target) in LEGAL_MOVES:
        require_legal(frozenset({source}), target)
    else:
        with pytest.raises(IllegalMove):
            require_legal(frozenset({source}), target)


def test_final_states_are_left_by_nothing() -> None:
    assert not [move for move in LEGAL_MOVES if move[0] in FINAL]


def test_every_other_state_reaches_an_end() -> None:
    for state in set(State) - FINAL:
        reached = {state}
        for _ in State:
            reached |= {target for source, target in LEGAL_MOVES if source in reached}
        assert reached & FINAL


def test_a_decided_import_goes_one_way_only() -> None:
    assert {target for source, target in LEGAL_MOVES if source is State.COMMITTING} == {State.COMMITTED}
    assert {source for source, target in LEGAL_MOVES if target is State.STOPPING} == STOPPABLE


def test_a_legal_source_does_not_excuse_an_illegal_one() -> None:
    with pytest.raises(IllegalMove):
        require_legal(frozenset({State.QUEUED, State.COMMITTED}), State.STOPPING)
