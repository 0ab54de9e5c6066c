"""A revert from the command line: a dry run, what stands in the way, the rest; and one that is stopped half-way."""

import pytest

from tests.acceptance.conftest import Servers
from tests.backout import Backout
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn

ROWS, LARGE = 1000, 300_000


def load(backout: Backout, rows: int) -> str:
    return str(backout.ask("import", f"--generate={rows}", "--wait")["id"])


def test_a_night_is_reverted(backout: Backout, stack: Stack) -> None:
    before = stack.count()
    id = load(backout, ROWS)
    looked = backout.ask("revert", id, "--dry-run")["reverts"][0]
    assert (looked["state"], looked["rows_done"]) == ("checked", ROWS) and stack.count() == before + ROWS
    said = backout.run("revert", id, "--wait", "--reason=the wrong file")
    assert f"deleted   {ROWS:,} rows" in said and id in said and stack.count() == before
    assert "reverted" in backout.run("status", id)
    assert backout.ask("revert", id, code=4)["error"]["kind"] == "reverted"
    assert backout.ask("revert", "no-such-id", code=1)["error"]["kind"] == "import-not-found"


def test_rows_in_the_way_have_an_exit_code_of_their_own(backout: Backout, stack: Stack, servers: Servers) -> None:
    id = load(backout, ROWS)
    with servers[0].root() as cursor:
        number = stack.find(id)["number"]
        cursor.execute("UPDATE orders SET customer = 'edited' WHERE import_no = %s AND row_no = 7", (number,))
    before = stack.count()
    found = backout.ask("revert", id, "--wait", code=8)["reverts"][0]
    assert found["state"] == "failed" and stack.count() == before
    listed = backout.run("rejects", found["id"])
    assert "changed" in listed and "row 7" in listed
    assert "in way    1 changed" in backout.run("revert", id, "--on-changed=skip", "--wait", code=8)
    assert stack.count() == before - ROWS + 1


def test_several_are_reverted_in_turn_until_one_can_not_be(backout: Backout, stack: Stack) -> None:
    before = stack.count()
    first, second, third = load(backout, 10), load(backout, 20), load(backout, 30)
    backout.ask("revert", second, "--wait")
    found = backout.ask("revert", third, second, first, code=4)
    assert [one["source"]["import"] for one in found["reverts"]] == [third]
    assert found["error"]["kind"] == "reverted" and stack.count() == before + 10


def test_a_large_revert_shows_progress_and_is_stopped_half_way(backout: Backout, stack: Stack) -> None:
    id = load(backout, LARGE)
    before = stack.count()
    revert = backout.ask("revert", id)["reverts"][0]["id"]
    wait_for(lambda: stack.find(revert)["rows_done"] > 0, "rows go")
    assert stack.count() == before  # no reader sees a part of it
    answer = stack.post(f"/v1/imports/{revert}/stop")
    assert answer.status_code == 202, answer.text
    assert stack.wait_state(revert, "stopped")["state"] == "stopped" and stack.count() == before
    assert stack.find(id)["rows_kept"] == LARGE
    done = backout.ask("revert", id, "--wait")["reverts"][0]
    assert done["rows_done"] == LARGE and stack.count() == before - LARGE
