"""The command line in a pipe: what it prints, and how it ends."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests.acceptance.commands.conftest import ROWS
from tests.backout import Backout
from tests.stack import ROOT, Stack, find_port
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

BAD = "marketplace,order_number\nhere,1\n"


def test_the_client_and_the_command_line_alone_are_installed(backout_program: Path) -> None:
    (packages,) = backout_program.parents[1].glob("lib/python*/site-packages")
    assert list_files(packages / "backout") == list_files(ROOT / "backout")
    assert not (packages / "app").exists()


def list_files(folder: Path) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)) for path in files}


def test_an_import_prints_its_id_alone_and_goes_on(backout: Backout, stack: Stack, orders: Path) -> None:
    done = backout.try_("import", str(orders), code=0)
    id = done.stdout.strip()
    assert done.stdout == f"{id}\n" and done.stderr == ""
    assert stack.wait_state(id)["state"] == "committed"
    assert stack.find(id)["source"]["name"] == "orders.csv"


def test_a_wait_ends_as_the_import_did(backout: Backout, stack: Stack, orders: Path, mixed: Path) -> None:
    done = backout.try_("import", str(orders), "--wait", code=0)
    assert stack.find(done.stdout.strip())["state"] == "committed" and done.stderr == ""  # quiet, as cron wants it
    assert stack.count() == ROWS
    again = backout.try_("import", "--wait", str(orders), code=1)  # the same orders: a conflict
    assert "nothing of it was loaded" in again.stderr
    stack.http.delete(f"{stack.url}/delete_all", timeout=patience())
    rejected = backout.try_("import", "--wait=1m", "--on-error=reject", str(mixed), code=3)
    id = rejected.stdout.strip()
    assert f"`backout rejects {id}`" in rejected.stderr
    csv = backout.run("rejects", id).splitlines()
    assert len(csv) == 2 and csv[0].startswith("marketplace,") and "x" * 33 in csv[1]
    assert [json.loads(line)["column"] for line in backout.run("rejects", id, "--format=ndjson").splitlines()] == [
        "marketplace"
    ]
    assert backout.ask("rejects", id)["rows_rejected"] == 1
    written = backout.ask("rejects", id, "--output", str(backout.folder / "out.csv"))
    assert (backout.folder / "out.csv").stat().st_size == written["bytes"]
    failed = backout.ask("import", "--wait", str(mixed), "--dry-run", code=1)
    assert failed["state"] == "failed" and failed["error"]["message"] and failed["dry_run"] is True


def test_a_wait_that_is_too_short_says_so_and_the_import_goes_on(backout: Backout, stack: Stack) -> None:
    late = backout.ask("import", "--generate=2000000", "--wait=0.5", code=6)
    id = late["import"]["id"]
    assert late["error"]["kind"] == "wait-timeout" and late["error"]["import_id"] == id and late["exit_code"] == 6
    seen, ended = map(json.loads, backout.run("watch", id, "--json", "--timeout=0.1", code=6).splitlines()[-2:])
    assert seen["id"] == ended["error"]["import_id"] == id
    assert backout.ask("status", id)["state"] in ("queued", "running")
    assert "will never commit" in backout.run("stop", id)
    stack.wait_state(id)
    assert "stopped" in backout.try_("watch", id, code=5).stderr
    assert backout.ask("stop", id)["state"] == "stopped"
    assert backout.ask("list", "--state=stopped")["imports"][0]["id"] == id
    assert id in backout.run("list", "--limit=1")


def test_watch_writes_a_document_a_line(backout: Backout, orders: Path) -> None:
    id = backout.run("import", str(orders)).strip()
    seen = [json.loads(line) for line in backout.run("watch", id, "--json").splitlines()]
    assert {document["id"] for document in seen} == {id} and seen[-1]["state"] == "committed"
    sequences = [document["sequence"] for document in seen]
    assert sequences == sorted(set(sequences))
    assert backout.run("watch", id) == f"committed\t100 %\t{ROWS} rows\n"


def test_too_late_is_not_allowed(backout: Backout, orders: Path) -> None:
    id = backout.ask("import", "--wait", str(orders))["id"]
    refused = backout.ask("stop", id, code=4)
    assert refused["error"]["kind"] == "already-decided" and refused["error"]["status"] == 409
    assert "too late" in backout.try_("stop", id, code=4).stderr


def test_errors_have_one_shape_whatever_they_are(backout: Backout, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(BAD)
    cases = [
        (("import", str(bad)), 1, "invalid-content"),
        (("import", str(tmp_path / "none.csv")), 1, "source-failed"),
        (("import",), 2, "usage"),
        (("import", "-", "--generate=3"), 2, "usage"),
        (("import", str(bad), "--wait=soon"), 2, "usage"),
        (("import", str(bad), "--encoding=klingon"), 2, "invalid-content"),
        (("import", str(bad), "--on-error=perhaps"), 2, "usage"),
        (("status", "no-such-id"), 1, "import-not-found"),
        (("status", "../../readyz"), 1, "not-found"),
        (("delete",), 2, "usage"),
        (("delete", "--all"), 2, "usage"),  # there is no terminal
        (("explode",), 2, "usage"),
        (("count", "--url=ftp://here"), 2, "usage"),
        (("import", str(bad), "--idempotency-key=nächtlich"), 2, "usage"),
        (("import", str(bad), "--idempotency-key="), 2, "usage"),
        (("list", "--api-key-file", str(tmp_path / "none")), 2, "usage"),
    ]
    for arguments, code, kind in cases:
        document = backout.ask(*arguments, code=code)
        assert set(document) == {"error", "exit_code", "import"}, arguments
        assert set(document["error"]) == {"kind", "message", "status", "request_id", "import_id", "fields"}, arguments
        assert (document["exit_code"], document["error"]["kind"]) == (code, kind), arguments
        said = backout.try_(*arguments, code=code)
        assert said.stdout == "" and f"Error: {document['error']['message'][:20]}" in said.stderr, arguments


def test_nobody_there_is_7(backout: Backout, orders: Path) -> None:
    url = f"http://127.0.0.1:{find_port()}"
    for arguments in (("import", str(orders)), ("list",), ("doctor",), ("stop", "x")):
        backout.try_(*arguments, code=7, BACKOUT_URL=url, BACKOUT_RETRY_TIMEOUT="1")
    lost = backout.ask("status", "x", code=7, BACKOUT_URL=url, BACKOUT_RETRY_TIMEOUT="0")
    assert lost["error"]["kind"] == "unreachable" and url in lost["error"]["message"]


def test_a_key_comes_from_the_environment_or_a_file_and_is_asked_for(
    backout: Backout, stack: Stack, tmp_path: Path
) -> None:
    keys, key = tmp_path / "keys", tmp_path / "key"
    keys.write_text("nightly:a-key-of-this-installation\n")
    key.write_text("a-key-of-this-installation\n")
    stack.end("web")
    stack.own_settings["web"] = {"api_keys_file": keys}
    try:
        stack.start("web")
        assert backout.ask("list", code=4)["error"]["kind"] == "key-required"
        told = backout.ask("doctor", code=4)["checks"]
        assert [(check["name"], check["ok"]) for check in told] == [("api", True), ("key", False)]
        assert backout.ask("list", BACKOUT_API_KEY="a-key-of-this-installation") == {"imports": []}
        assert backout.ask("list", BACKOUT_API_KEY_FILE=str(key)) == {"imports": []}
        assert backout.ask("list", BACKOUT_API_KEY="no-key-of-this-installation", code=4)
    finally:
        stack.end("web")
        stack.own_settings.pop("web")
        stack.start("web")


def test_the_same_key_imports_once_and_other_content_is_refused(
    backout: Backout, stack: Stack, orders: Path, mixed: Path
) -> None:
    first = backout.run("import", "--wait", "--idempotency-key=night", str(orders))
    assert backout.run("import", "--wait", "--idempotency-key=night", str(orders)) == first
    assert stack.count() == ROWS
    assert backout.ask("import", "--idempotency-key=night", str(mixed), code=4)["error"]["kind"] == "key-reused"


def list_failed(told: dict[str, Any]) -> list[str]:
    """The names of the checks that failed. On a busy machine a chore of the sweeper may fail once, and is named."""
    return [check["name"] for check in told["checks"] if not check["ok"]]


def test_doctor_names_failed_parts_and_remedies(backout: Backout, stack: Stack) -> None:
    parts = ["api", "database", "xa", "durability", "local_infile", "broker", "worker", "sweeper", "spool", "recovery"]
    wait_for(lambda: stack.get("/readyz").json()["status"] == "ok", "all is well")
    told = backout.ask("doctor")
    assert told["ok"] is True and [check["name"] for check in told["checks"]] == parts
    stack.end("worker")
    try:
        wait_for(lambda: stack.get("/readyz").json()["parts"]["worker"] != "ok", "no worker")
        wait_for(lambda: list_failed(backout.ask("doctor", code=1)) == ["worker"], "doctor names the worker alone")
        said = backout.run("doctor", code=1)
        assert "FAIL  worker" in said and "fix: start a worker" in said and "pass  database" in said
    finally:
        stack.start("worker")


def test_doctor_names_a_database_that_is_away(backout: Backout, stack: Stack) -> None:
    stack.end("web")
    stack.own_settings["web"] = {"database_url": f"mysql+pymysql://app:app@127.0.0.1:{find_port()}/backout"}
    try:
        stack.start("web")
        told = {check["name"]: check for check in backout.ask("doctor", code=1)["checks"]}
        assert "start the database" in told["database"]["remedy"] and told["api"]["ok"] and told["broker"]["ok"]
        assert told["xa"]["detail"] == "not known" and told["xa"]["ok"] is False and told["xa"]["remedy"] is None
        assert backout.ask("import", "--generate=5", code=7)["error"]["kind"] == "database-unavailable"
    finally:
        stack.end("web")
        stack.own_settings.pop("web")
        stack.start("web")


def test_a_shell_completes_commands_and_options(backout: Backout) -> None:
    assert "_BACKOUT_COMPLETE=bash_complete" in backout.run("completion", "bash")
    for words, number, wanted in (("backout im", "1", "import"), ("backout import --dr", "2", "--dry-run")):
        told = backout.run(_BACKOUT_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=number)
        assert wanted in told.replace(",", "\n").splitlines()


def test_a_preview_prints_the_option_that_lets_a_file_in(backout: Backout, stack: Stack, orders: Path) -> None:
    lines = orders.read_text().replace("order_number", "Order No.", 1).splitlines()
    path = orders.with_name("shop.csv")
    path.write_text("\n".join(line.partition(",")[2] for line in lines[:3]) + "\n")  # without the marketplace
    shown = backout.try_("preview", str(path), code=1).stdout.splitlines()
    assert "Order No.                       order_number?  the same words" in shown
    assert "missing: marketplace" in shown
    assert """If the suggestions are right: --columns '{"Order No.": "order_number"}'""" in shown
    columns = '{"Order No.": "order_number", "marketplace": {"value": "Shop"}}'
    shown = backout.try_("preview", str(path), "--columns", columns, code=0).stdout.splitlines()
    assert "(constant Shop)                 marketplace" in shown
    done = backout.try_("import", str(path), "--columns", columns, "--wait", code=0)
    assert stack.find(done.stdout.strip())["rows_done"] == 2
    with path.open("rb") as file:
        found = backout.ask("preview", "-", code=1, stdin=file)
    assert found["suggested_columns"] == {"Order No.": "order_number"}


def test_a_preview_says_what_an_import_would_refuse(backout: Backout, orders: Path) -> None:
    lines = orders.read_text().splitlines()
    row = lines[3].replace(",", ",x" + "y" * 70, 1)
    orders.write_text("\n".join([*lines[:3], row, lines[4]]) + "\n")
    shown = backout.try_("preview", str(orders), code=1).stdout
    assert "invalid: 1 of the first 4 rows; an import fails, unless --on-error=reject" in shown
    assert "  line 4, order_number: " in shown


def test_a_preview_names_the_sheets(backout: Backout, orders: Path) -> None:
    rows = list(csv.reader(orders.read_text().splitlines()[:2]))
    path = orders.with_name("year.xlsx")
    with xlsxwriter.Workbook(path) as book:
        for name in ("Jan", "Feb"):
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    shown = backout.try_("preview", str(path), code=0).stdout
    assert "sheet: Jan, of Jan, Feb; --sheet NAME reads another one, --sheet '*' all of them" in shown
    assert "sheet: Feb, of" in backout.try_("preview", str(path), "--sheet", "Feb", code=0).stdout
    assert "sheet:" not in backout.try_("preview", str(path), "--sheet", "*", code=0).stdout
