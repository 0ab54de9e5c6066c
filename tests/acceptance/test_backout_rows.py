"""The command line's rows and tables: counting, deleting, creating, dropping, and being asked before."""

import json
from pathlib import Path

import pytest

from app.formats.generate.orders import write_csv_sample
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


def test_an_id_that_is_none_means_no_rows(backout: Backout, imported: tuple[str, str]) -> None:
    """A script whose variable is not set must not delete, or look at, something else than it says."""
    for id in ("", ".", "..", " ", "%", "é"):
        for words in (("delete", "--yes", "--import"), ("count", "--import"), ("status",), ("stop",), ("rejects",)):
            assert backout.ask(*words, id, code=1)["error"]["kind"] == "import-not-found", (words, id)
    for name in ("", ".", ".."):
        assert backout.ask("datasets", "drop", "--yes", name, code=1)["error"]["kind"] == "dataset-not-found"
        assert (
            backout.ask("delete", "--all", "--yes", "--dataset", name, code=1)["error"]["kind"] == "dataset-not-found"
        )
    assert backout.run("count") == f"{3 * ROWS}\n"


def test_arguments_that_are_no_text_are_told_in_a_sentence(backout: Backout, imported: tuple[str, str]) -> None:
    for words in (
        ("status", "\udcff"),
        ("count", "--dataset", "a\udce9"),
        ("import", "--generate=1", "--dataset=\udcff"),
    ):
        refused = backout.try_(*words, code=2)
        assert refused.stderr.startswith("Error: ") and "UTF-8" in refused.stderr and refused.stderr.count("\n") == 1
    odd = backout.folder / "bestellung\udce9.csv"  # a file may be called so
    write_csv_sample(odd, 3, "odd")
    id = backout.run("import", "--wait", str(odd)).strip()
    assert backout.ask("status", id)["source"]["name"] == "bestellung\ufffd.csv"
    assert "bestellung" in backout.run("list", PYTHONIOENCODING="ascii")
    assert "no import" in backout.try_("status", "é", code=1, PYTHONIOENCODING="ascii").stderr


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


def test_a_proposal_is_a_file_of_columns(backout: Backout, stack: Stack, tmp_path: Path) -> None:
    proposed = stack.post("/v1/datasets/inferred?name=other", data=b"sku,n\na,1\nb,2\n").json()
    path = tmp_path / "proposal.json"
    path.write_text(json.dumps(proposed))
    assert backout.ask("datasets", "create", "proposed", str(path))["name"] == "proposed"
    for text, words in (
        (json.dumps({"columns": [], "self": 1}), "'self'"),
        ("[" * 100_000, "nested too deeply"),
        ("\xff", "can't be read"),
    ):
        path.write_bytes(text.encode("latin-1"))
        assert words in backout.try_("datasets", "create", "another", str(path), code=2).stderr


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
    backout.ask("datasets", "drop", "parts", code=2)  # there is no terminal
    assert backout.ask("datasets", "drop", "parts", "--yes") == {"dropped": "parts"}
    assert backout.ask("datasets", "describe", "parts", code=1)["error"]["status"] == 404
    assert backout.ask("count", "--dataset=parts", code=1)["error"]["kind"] == "dataset-not-found"
