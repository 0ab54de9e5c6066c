"""The client's names of states are the server's."""

from app.domain import states as server
from backout.client import states


def test_the_client_knows_the_same_states() -> None:
    assert [(state.name, state.value) for state in states.State] == [(one.name, one.value) for one in server.State]
    assert {state.value for state in states.FINAL} == {state.value for state in server.FINAL}
