"""The phrases that the page and its scripts share."""

from app.domain.handling import HandlingState, OrderState, StepState
from app.domain.states import STOPPABLE, State
from app.routes.pages import formatting as words


def test_each_state_has_its_phrases() -> None:
    assert words.STATES.keys() == {*State, "paused", "reverted", *HandlingState, *OrderState, *StepState}
    assert words.EVENTS.keys() >= {*State}
    assert words.WHY_NO_STOP.keys() == {*State} - STOPPABLE
    assert all(sentence and "{rows:" not in sentence for sentence in words.WHY_NO_STOP.values())


def test_the_scripts_get_what_they_read() -> None:
    phrases = words.phrases()
    assert phrases["final"] == ["checked", "committed", "failed", "stopped"]
    assert phrases["stoppable"] == ["queued", "running"]
    assert phrases["why_no_stop"]["committed"] == "the import has committed all of its {rows} rows"


def test_a_committed_import_says_that_its_rows_were_deleted() -> None:
    said = [words.gone({"rows_done": 2000, "rows_deleted": deleted}) for deleted in (0, 1500, 2000)]
    assert said == ["", "1,500 of its 2,000 rows were deleted since", "all of its 2,000 rows were deleted since"]
