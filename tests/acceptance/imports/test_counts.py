"""What another program deleted: found when somebody looks at the import, and said wherever the import is shown."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.conftest import Servers
from tests.backout import Backout
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn

ROWS, GONE = 1000, 10


def delete(servers: Servers, number: int, first: int) -> None:
    """Some rows, as another program, of an import that committed a while ago."""
    with servers[0].root() as cursor:
        cursor.execute("UPDATE imports SET finished_at = finished_at - INTERVAL 1 MINUTE WHERE number = %s", (number,))
        values = number, first, first + GONE - 1
        cursor.execute("DELETE FROM orders WHERE import_no = %s AND row_no BETWEEN %s AND %s", values)


def list_first(stack: Stack) -> dict[str, Any]:
    return dict(stack.get("/v1/imports").json()["imports"][0])


def test_rows_that_another_program_deleted_are_told_everywhere(
    backout: Backout, stack: Stack, servers: Servers
) -> None:
    id = str(backout.ask("import", f"--generate={ROWS}", "--wait")["id"])
    row = list_first(stack)
    assert (row["rows_kept"], row["rows_counted"], row["rows_counted_at"]) == (ROWS, None, None)
    delete(servers, row["number"], 1)
    assert list_first(stack)["sequence"] == row["sequence"]  # a list never counts
    assert "another program" not in backout.run("list")
    with ThreadPoolExecutor(8) as pool:  # many open pages: one count
        assert {found["rows_kept"] for found in pool.map(lambda _: stack.find(id), range(40))} <= {ROWS, ROWS - GONE}
    wait_for(lambda: stack.find(id)["rows_counted"] == ROWS - GONE, "the rows were counted")
    found = stack.find(id)
    assert (found["rows_kept"], found["rows_deleted"], found["sequence"]) == (ROWS - GONE, 0, row["sequence"] + 1)
    told = {name: found[name] for name in ("rows_kept", "rows_counted", "rows_counted_at", "sequence")}
    assert {name: list_first(stack)[name] for name in told} == told
    at = found["rows_counted_at"][:19] + "Z"
    said = backout.run("status", id)
    assert f"kept      {ROWS - GONE} rows" in said
    assert f"counted   {ROWS - GONE} rows in the table, {GONE} deleted by another program, at {at}" in said
    assert f"({GONE} deleted by another program, at {at})" in backout.run("list")


def test_what_is_deleted_through_us_shows_at_once_beside_it(backout: Backout, stack: Stack, servers: Servers) -> None:
    id = str(backout.ask("import", f"--generate={ROWS}", "--wait")["id"])
    delete(servers, stack.find(id)["number"], 1)
    assert backout.ask("delete", "--import", id, "--yes")["rows_deleted"] == ROWS - GONE
    found = list_first(stack)
    assert (found["rows_deleted"], found["rows_kept"], found["rows_counted"]) == (ROWS - GONE, 0, 0)
    said = backout.run("status", id)
    assert "kept      0 rows" in said and f"deleted   {ROWS - GONE} rows" in said
    assert f"counted   0 rows in the table, {GONE} deleted by another program" in said
