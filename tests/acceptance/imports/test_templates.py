"""Import templates over HTTP and from the command line: saved from an import, used by name, copied as YAML."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.backout import Backout
from tests.stack import Stack
from tests.waiting import patience

HEADER = "Bestellnummer;Kunde;E-Mail;Ort;Artikel;Menge;Preis;Währung;Status;Datum;Notiz"
ROW = "N-{0};Jörg Ä;j@example.com;Köln;AB-1;2;12,50;EUR;{1};02.01.2026 03:04:05;"
COLUMNS = {
    "marketplace": {"value": "Amazon"},
    "Bestellnummer": "order_number",
    "Kunde": "customer",
    "E-Mail": "email",
    "Ort": "ship_to",
    "Artikel": "sku",
    "Menge": "quantity",
    "Preis": {"name": "unit_price", "decimal_mark": ","},
    "Währung": "currency",
    "Status": {"name": "status", "values": {"Versandt": "shipped", "Bezahlt": "paid"}},
    "Datum": {"name": "ordered_at", "formats": ["%d.%m.%Y %H:%M:%S"]},
    "Notiz": None,
}
OPTIONS = {"columns": json.dumps(COLUMNS), "encoding": "windows-1252", "on_error": "reject", "max_rejects": "1"}


def written(*rows: tuple[str, str]) -> bytes:
    return "\n".join([HEADER, *(ROW.format(*row) for row in rows)]).encode("cp1252")


@pytest.fixture
def stack(stack: Stack) -> Iterator[Stack]:
    """Templates outlive the rows that other tests delete."""
    yield stack
    for template in stack.get("/v1/templates").json()["templates"]:
        stack.http.delete(f"{stack.url}/v1/templates/{template['name']}", timeout=patience())


def put(stack: Stack, name: str, status: int = 201, **body: object) -> dict[str, object]:
    answer = stack.http.put(f"{stack.url}/v1/templates/{name}", timeout=patience(), **body)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_a_template_of_one_import_loads_the_next_file(stack: Stack) -> None:
    first = stack.send(written(("1", "Versandt"), ("2", "Bezahlt")), params=OPTIONS).json()
    assert stack.wait_state(first["id"])["state"] == "committed"
    assert put(stack, "amazon-de", json={"import": first["id"]})["version"] == 1
    found = stack.post("/v1/previews?encoding=windows-1252", data=written(("3", "Versandt"))).json()
    assert found["templates"] == ["amazon-de"] and found["missing"]
    shown = stack.post("/v1/previews?template=amazon-de", data=written(("3", "Versandt"))).json()
    assert shown["problem"] is None and shown["missing"] == [] and shown["rejected"] == 0
    second = stack.send(written(("3", "Versandt"), ("4", "Verloren")), params={"template": "amazon-de"}).json()
    ended = stack.wait_state(second["id"])
    assert (ended["state"], ended["rows_rejected"], ended["source"]["template"]) == ("committed", 1, "amazon-de@1")
    rows = stack.get("/v1/datasets/orders/rows", params={"import": second["id"]}).json()["rows"]
    assert [(row["order_number"], row["status"], row["unit_price"]) for row in rows] == [("N-3", "shipped", "12.50")]
    # a new version does not change what was accepted; the old one can still be used, also in a form
    put(stack, "amazon-de", json={"options": {**OPTIONS, "max_rejects": "2"}})
    assert stack.find(second["id"])["source"]["template"] == "amazon-de@1"
    form = {"template": "amazon-de@1", "on_error": "abort"}
    third = stack.post("/v1/imports", files={"file": ("o.csv", written(("5", "Verloren")))}, data=form)
    assert third.status_code == 202, third.text
    ended = stack.wait_state(third.json()["id"])
    assert (ended["state"], ended["on_error"], ended["source"]["template"]) == ("failed", "abort", "amazon-de@1")
    again = stack.post(f"/v1/imports/{ended['id']}/retry").json()
    assert again["source"]["template"] == "amazon-de@1"


def test_an_unknown_template_is_a_problem_that_names_the_others(stack: Stack) -> None:
    put(stack, "amazon-de", json={"options": {"null": "-"}})
    for path in ("/v1/imports", "/v1/previews", "/v1/datasets/inferred"):
        answer = stack.post(f"{path}?template=amazon", data=written(("1", "Versandt")))
        assert answer.status_code == 404 and answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/template-not-found"
        assert answer.json()["detail"] == "there is no template 'amazon'; there is: amazon-de"
    for name in ("AMAZON", "amazon-de ", "a/b", "\u00e4", "x" * 70, "%00", "..", "amazon-de@1"):
        path = f"{stack.url}/v1/templates/{quote(name, safe='')}"
        for method in ("GET", "PUT", "DELETE"):
            answer = stack.http.request(method, path, json={"options": {}}, timeout=patience())
            assert answer.status_code in (404, 405, 422), (name, method, answer.text)
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert [one["name"] for one in stack.get("/v1/templates").json()["templates"]] == ["amazon-de"]


BAD_YAML = {
    "an alias": b"options: &a {null: x}\nother: *a",
    "a bomb": b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\noptions: *c",
    "a key that is not a text": b"options: {columns: {true: sku}}",
    "a key of several values": b"options: {[a]: b}",
    "a key twice": b"options: {null: a, 'null': b}",
    "a tag": b"options: {null: !!timestamp x}",
    "a tag of Python": b"options: !!python/object/apply:os.system [ls]",
    "half a character": b'options: {"null": "\\uD800"}',
    "a control character": b"options: {null: \x00}",
    "not UTF-8": b"options: {null: \xff}",
    "a list": b"- 1",
    "two documents": b"options: {}\n---\noptions: {}",
    "deep": b"[" * 1000,
    "many": b"options: {columns: [" + b"a," * 30_000 + b"]}",
    "no end": b"options: {columns: 'a",
    "nothing": b"",
}


@pytest.mark.parametrize("what", BAD_YAML)
@pytest.mark.in_turn
def test_bad_yaml_is_refused(stack: Stack, what: str) -> None:
    path = f"{stack.url}/v1/templates/bad"
    answer = stack.http.put(path, data=BAD_YAML[what], headers={"Content-Type": "application/yaml"}, timeout=patience())
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json()["detail"]
    assert stack.get("/v1/templates").json() == {"templates": []}


@pytest.mark.in_turn
def test_huge_templates_are_refused(stack: Stack) -> None:
    put(stack, "huge", 413, data=b"#" * (300 * 1024), headers={"Content-Type": "application/yaml"})
    put(stack, "huge", 413, json={"options": {"null": "x" * 300_000}})
    columns = json.dumps({f"column {at}": None for at in range(6000)})
    found = put(stack, "huge", 422, json={"options": {"columns": columns}})
    assert "65,536 bytes" in str(found["detail"])


@pytest.mark.in_turn
def test_the_command_line_saves_uses_and_copies_a_template(backout: Backout, stack: Stack, tmp_path: Path) -> None:
    file, changed = tmp_path / "orders.csv", tmp_path / "copy.yaml"
    file.write_bytes(written(("1", "Versandt")))
    said = [f"--{name.replace('_', '-')}={text}" for name, text in OPTIONS.items()]
    id = backout.run("import", "--wait", str(file), *said).strip()
    assert "backout import FILE --template amazon-de" in backout.run("templates", "save", "amazon-de", id)
    assert backout.ask("templates", "list")["templates"][0]["name"] == "amazon-de"
    file.write_bytes(written(("2", "Bezahlt")))
    assert backout.ask("preview", "--template=amazon-de", str(file))["problem"] is None
    id = backout.run("import", "--wait", "--template=amazon-de", str(file)).strip()
    assert stack.find(id)["source"]["template"] == "amazon-de@1" and stack.count() == 2
    text = backout.run("templates", "show", "amazon-de")
    assert "Versandt: shipped" in text and "encoding: windows-1252" in text
    changed.write_text(text.replace("max_rejects: '1'", "max_rejects: 5"), encoding="utf-8")
    assert backout.ask("templates", "load", "amazon-de", str(changed))["version"] == 2
    assert backout.ask("templates", "show", "amazon-de", "--version=1")["options"]["max_rejects"] == "1"
    failed = backout.try_("import", "--template=amazon", str(file), code=1)
    assert "there is no template 'amazon'; there is: amazon-de" in failed.stderr
    backout.try_("templates", "delete", "amazon-de", code=2)  # nobody can be asked
    backout.run("templates", "delete", "amazon-de", "--yes")
    assert backout.ask("templates", "list") == {"templates": []}
    assert stack.find(id)["source"]["template"] == "amazon-de@1"
    assert backout.ask("templates", "load", "amazon-de", str(changed))["version"] == 3  # 1 and 2 were used
