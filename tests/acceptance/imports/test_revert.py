"""A revert from the command line: a dry run, what stands in the way, the rest, several imports, some rows, and back."""

import pytest

from tests.acceptance.conftest import Servers
from tests.acceptance.imports.orders import as_csv, order
from tests.backout import Backout
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn

ROWS, LARGE = 1000, 300_000


def load(backout: Backout, rows: int) -> str:
    return str(backout.ask("import", f"--generate={rows}", "--wait")["id"])


def send(backout: Backout, name: str, customer: str, *options: str) -> str:
    """Import two orders of this customer."""
    path = backout.folder / f"{customer}.csv"
    path.write_text(as_csv([order(number, order_number=f"{name}-{number}", customer=customer) for number in (1, 2)]))
    return str(backout.ask("import", str(path), "--wait", *options)["id"])


def edit(servers: Servers, stack: Stack, id: str, row: int) -> None:
    with servers[0].root() as cursor:
        number = stack.find(id)["number"]
        cursor.execute("UPDATE orders SET customer = 'edited' WHERE import_no = %s AND row_no = %s", (number, row))


def test_a_night_is_reverted(backout: Backout, stack: Stack) -> None:
    before = stack.count()
    id = load(backout, ROWS)
    looked = backout.ask("revert", id, "--dry-run")
    assert (looked["state"], looked["rows_done"]) == ("checked", ROWS) and stack.count() == before + ROWS
    assert [(one["import"], one["rows_deleted"]) for one in looked["imports"]] == [(id, ROWS)]
    expected = f"--expected={looked['imports'][0]['fingerprint']}"
    said = backout.run("revert", id, "--wait", "--reason=the wrong file", expected)
    assert f"{id}        1,000            0            0" in said and stack.count() == before
    assert "reverted" in backout.run("status", id)
    assert backout.ask("revert", id, code=4)["error"]["kind"] == "reverted"
    assert backout.ask("revert", "no-such-id", code=1)["error"]["kind"] == "import-not-found"


def test_rows_in_the_way_have_an_exit_code_of_their_own(backout: Backout, stack: Stack, servers: Servers) -> None:
    id = load(backout, ROWS)
    expected = backout.ask("revert", id, "--dry-run")["imports"][0]["fingerprint"]
    edit(servers, stack, id, 7)
    before = stack.count()
    found = backout.ask("revert", id, "--wait", code=8)
    assert found["state"] == "failed" and stack.count() == before
    listed = backout.run("rejects", found["id"])
    assert "changed" in listed and "row 7" in listed
    changed = backout.ask("revert", id, "--wait", "--on-changed=skip", f"--expected={expected}", code=8)
    assert changed["error"]["code"] == "rows_differ" and stack.count() == before
    said = backout.run("revert", id, "--on-changed=skip", "--wait", code=8)
    assert "999            0            1  1 changed" in said and f"backout rejects {said.split()[1]}" in said
    assert stack.count() == before - ROWS + 1
    assert backout.ask("revert", id, "--on-changed=force", "--wait")["rows_done"] == 1


def test_several_are_reverted_together_or_not_at_all(backout: Backout, stack: Stack) -> None:
    before = stack.count()
    first, second, third = load(backout, 10), load(backout, 20), load(backout, 30)
    said = backout.run("revert", first, second, "--wait")
    assert [line.split() for line in said.splitlines()[-3:]] == [
        [second, "20", "0", "0"],
        [first, "10", "0", "0"],
        ["together", "30", "0", "0"],
    ]
    assert stack.count() == before + 30 and "revert of 2 imports" in backout.run("list")
    assert backout.ask("revert", third, first, code=4)["error"]["kind"] == "reverted"
    assert stack.count() == before + 30


def test_later_imports_that_updated_the_rows_go_too(backout: Backout, stack: Stack) -> None:
    before = stack.count()
    first = send(backout, "D", "first")
    second = send(backout, "D", "second", "--on-conflict=update")
    third = send(backout, "D", "third", "--on-conflict=skip")
    looked = backout.run("revert", first, "--dry-run", code=8)
    assert "2 updated by import" in looked
    assert f"{third}            2 skipped" in looked
    done = backout.ask("revert", first, "--dependents=cascade", "--wait")
    assert [one["import"] for one in done["imports"]] == [second, first] and stack.count() == before


def test_some_rows_go_and_come_back(backout: Backout, stack: Stack) -> None:
    before = stack.count()
    id = send(backout, "P", "part")
    assert "neither numbers" in backout.try_("revert", id, "--rows=paid", code=2).stderr
    assert "two values" in backout.try_("revert", id, "--rows=sku=1", "--rows=sku=2", code=2).stderr
    assert backout.ask("revert", id, "--rows=no_such=1", code=2)["error"]["fields"]
    part = backout.ask("revert", id, "--rows=2-", "--rows=customer=part", "--wait", "--keep-images")
    assert part["rows_done"] == 1 and stack.count() == before + 1
    back = backout.run("revert", part["id"], "--wait")
    assert f"{part['id']}            1            0            0" in back and stack.count() == before + 2
    assert backout.ask("status", part["id"])["reverted_by"] == back.split()[1]
    assert f"rows brought back: revert {part['id']}" in backout.run("list")
    assert backout.ask("revert", back.split()[1], code=4)["error"]["kind"] == "not-revertible"


def test_a_large_revert_shows_progress_and_is_stopped_half_way(backout: Backout, stack: Stack) -> None:
    id = load(backout, LARGE)
    before = stack.count()
    revert = backout.ask("revert", id)["id"]
    wait_for(lambda: stack.find(revert)["rows_done"] > 0, "rows go")
    assert stack.count() == before  # no reader sees a part of it
    answer = stack.post(f"/v1/imports/{revert}/stop")
    assert answer.status_code == 202, answer.text
    assert stack.wait_state(revert, "stopped")["state"] == "stopped" and stack.count() == before
    assert stack.find(id)["rows_kept"] == LARGE
    done = backout.ask("revert", id, "--wait")
    assert done["rows_done"] == LARGE and stack.count() == before - LARGE
