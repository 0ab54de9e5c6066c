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
    shown = {"rows_done": 2000, "source": {"kind": "file"}}
    said = [words.gone({**shown, "rows_deleted": deleted}) for deleted in (0, 1500, 2000)]
    assert said == ["", "1,500 of its 2,000 rows were deleted since", "all of its 2,000 rows were deleted since"]


def test_a_reverted_import_says_so() -> None:
    shown = {"rows_done": 1, "rows_deleted": 1, "rows_updated": 0, "reverted_by": "r", "state": "committed"}
    shown |= {"source": {"kind": "file"}}
    assert words.state(shown) == "reverted"
    assert words.gone(shown) == "its 1 row was removed"
    assert words.gone({**shown, "rows_updated": 2}) == f"its 1 row was removed; {words.PUT_BACK}"
    assert words.gone({**shown, "rows_done": 0, "rows_deleted": 0, "rows_updated": 2}) == words.PUT_BACK


def test_a_revert_says_what_it_did_would_do_or_undid() -> None:
    source = {"kind": "revert", "import": "0d0ac6e4-7f3c", "name": None}
    shown = {"source": source, "rows_done": 3, "rows_updated": 1, "rows_skipped": 2, "state": "committed"}
    assert words.name(source) == "Revert of import 0d0ac6e4"
    assert words.name({**source, "name": "night.csv"}) == "Revert of night.csv"
    assert (words.of(shown), words.rest(shown)) == (" removed", "1 row put back, 2 rows left")
    assert words.of({**shown, "dry_run": True}) == " to remove"
    assert words.of({**shown, "state": "stopped"}) == " removed, then undone"
    detail = {"revert": "r", "rows_deleted": 3, "rows_restored": 0, "rows_left": 1}
    line = {"event": "reverted", "detail": detail}
    assert words.event(line, {"kind": "file"}) == "Reverted: 3 rows removed, 1 row in the way"
    assert words.link(line) == ("r", "Show the revert")


def test_a_revert_of_several_or_of_a_revert_has_its_own_words() -> None:
    source = {"kind": "revert", "import": "0d0ac6e4-7f3c", "name": "night.csv", "imports": 3}
    assert words.name(source) == "Revert of 3 imports"
    back = {"kind": "revert", "import": "0d0ac6e4-7f3c", "name": None, "imports": 1, "of_revert": True}
    shown = {"source": back, "rows_done": 3, "rows_updated": 1, "rows_skipped": 0, "state": "committed"}
    assert words.name(back) == "Rows brought back: revert 0d0ac6e4"
    assert (words.of(shown), words.rest(shown)) == (" brought back", "1 row updated again")
    assert words.event({"event": "committed", "detail": None}, back).endswith("in the table again")
    reverted = {**shown, "source": source, "reverted_by": "r"}
    assert (words.state(reverted), words.gone(reverted)) == ("reverted", "its rows are in the table again")
    line = {"event": "reverted", "detail": {"revert": "r", "rows_deleted": 0, "rows_restored": 1, "rows_left": 0}}
    assert words.event(line, source) == "Its rows were brought back"
    returned = {"event": "returned", "detail": {"revert": "r", "rows": 1234}}
    assert words.event(returned, {"kind": "file"}) == "Rows brought back: 1,234 rows"
    shortened = {"event": "revert_shortened", "detail": {"until": "2026-12-01T06:00:00.000Z"}}
    assert words.event(shortened, {"kind": "file"}) == "Can be reverted until 2026-12-01 06:00:00 UTC"


def test_a_committed_import_says_what_another_program_deleted() -> None:
    shown = {
        "rows_done": 200_000,
        "rows_deleted": 0,
        "rows_counted_at": "2026-11-30T14:02:05.123Z",
        "rows_kept": 200_000,
        "source": {"kind": "file"},
    }
    at = "counted 2026-11-30 14:02:05 UTC"
    assert (words.gone(shown), words.counted(shown)) == ("", at)
    missing = {**shown, "rows_kept": 199_990}
    assert words.gone(missing) == f"199,990 of its 200,000 rows in the table (10 deleted by another program, {at})"
    both = {**missing, "rows_deleted": 190_000, "rows_kept": 9_990}
    assert words.gone(both) == (
        f"9,990 of its 200,000 rows in the table (190,000 deleted, 10 deleted by another program, {at})"
    )
    assert (
        words.gone({**shown, "rows_deleted": 200_000, "rows_kept": 0}) == "all of its 200,000 rows were deleted since"
    )
