"""The command line's rows and tables: counting, deleting, creating, dropping, and being asked before."""

import json
from pathlib import Path

import pytest

from app.formats.generated import write_csv_sample
from tests.backout import Backout, end_of
from tests.stack import Stack

pytestmark = pytest.mark.in_turn

ROWS = 500


@pytest.fixture
def imported(backout: Backout, tmp_path: Path) -> tuple[str, str]:
    """Two imports that have committed."""
    ids = []
    for number in (1, 2):
        path = tmp_path / f"{number}.csv"
        write_csv_sample(path, ROWS * number, f"r{number}")
        ids.append(backout.run("import", "--wait", str(path)).strip())
    return ids[0], ids[1]


def test_rows_are_counted_and_deleted_by_import_or_all(backout: Backout, imported: tuple[str, str]) -> None:
    first, second = imported
    assert backout.run("count") == f"{3 * ROWS}\n"
    assert backout.ask("count", "--import", first) == {"dataset": "orders", "import": first, "count": ROWS}
    assert backout.ask("delete", "--import", first, "--yes")["rows_deleted"] == ROWS
    assert backout.run("count", "--import", first) == "0\n" and backout.run("count") == f"{2 * ROWS}\n"
    assert backout.run("delete", "--all", "--yes") == f"{2 * ROWS:,} rows were deleted\n"
    assert backout.run("count") == "0\n"
    assert backout.ask("status", second)["rows_kept"] == 0


def test_nothing_is_deleted_while_an_import_runs(backout: Backout, stack: Stack) -> None:
    id = backout.run("import", "--generate=2000000").strip()
    refused = backout.ask("delete", "--all", "--yes", code=4)
    assert refused["error"]["kind"] == "imports-running" and refused["error"]["status"] == 409
    stack.post(f"/v1/imports/{id}/stop")


def test_a_person_is_asked_and_may_say_no(backout: Backout, imported: tuple[str, str]) -> None:
    question = f"Delete {ROWS:,} rows of import {imported[0]}"
    for answer, code, left in (("n", 1, 3 * ROWS), ("y", 0, 2 * ROWS)):
        with backout.in_terminal("delete", "--import", imported[0]) as child:
            child.expect(question)
            child.sendline(answer)
            assert end_of(child) == code
        assert backout.run("count") == f"{left}\n"


def test_a_table_is_created_described_loaded_and_dropped(backout: Backout, tmp_path: Path) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text(
        json.dumps(
            {
                "columns": [{"name": "sku", "type": "text", "length": 20}, {"name": "n", "type": "integer"}],
                "key": ["sku"],
            }
        )
    )
    created = backout.ask("datasets", "create", "parts", str(columns))
    assert created["name"] == "parts" and [column["name"] for column in created["columns"]] == ["sku", "n"]
    assert backout.ask("datasets", "create", "parts", str(columns), code=4)["error"]["status"] == 409
    assert "parts" in backout.run("datasets", "list").split()
    assert "sku" in backout.run("datasets", "describe", "parts")
    parts = tmp_path / "parts.csv"
    parts.write_text("sku,n\na,1\nb,2\n")
    backout.run("import", "--dataset=parts", "--wait", str(parts))
    assert backout.run("count", "--dataset=parts") == "2\n"
    backout.ask("datasets", "drop", "parts", code=2)  # nobody can be asked
    assert backout.ask("datasets", "drop", "parts", "--yes") == {"dropped": "parts"}
    assert backout.ask("datasets", "describe", "parts", code=1)["error"]["status"] == 404
    assert backout.ask("count", "--dataset=parts", code=1)["error"]["kind"] == "dataset-not-found"
