"""Import templates: a named, versioned way to read the files of one origin."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings, strategies as st

from app.db.imports import queries
from app.domain.dataset import ORDERS
from app.domain.errors import BadRequest, InvalidContent, TemplateNotFound
from app.domain.template import Template, fingerprint
from app.formats.reader import read_rows
from app.lifecycle import templates
from app.lifecycle.services import Services
from app.routes.api import template_document

pytestmark = pytest.mark.in_turn

COLUMNS = {"Bestellnummer": "order_number", "Kunde": "customer", "Notiz": None}
HEADER = ["Shop", "Bestellnummer", "Kunde", "Notiz", "email", "ship_to", "sku", "quantity", "unit_price", "currency"]
FILE = (
    ";".join([*HEADER, "status", "ordered_at"])
    + "\nAmazon;N-1;J\xf6rg;NULL;a@example.com;K\xf6ln;AB;2;12.50;EUR;paid;2026-01-02 03:04:05\n"
).encode("latin-1")
OPTIONS = {
    "encoding": "latin-1",
    "null": "NULL",
    "columns": json.dumps({**COLUMNS, "Shop": "marketplace"}),
    "on_error": "reject",
}


def put(web: FlaskClient, name: str, document: Any, status: int = 201) -> Any:
    answer = web.put(f"/v1/templates/{name}", json=document)
    assert answer.status_code == status, answer.text
    return answer.json


def test_a_template_made_from_an_import_reads_the_next_file_alike(services: Services, web: FlaskClient) -> None:
    first = web.post("/v1/imports", query_string=OPTIONS, data=FILE, content_type="text/csv").json
    saved = put(web, "amazon-de", {"import": first["id"]})
    assert (saved["version"], saved["dataset"], saved["made_from"]) == (1, "orders", first["id"])
    assert saved["options"] == {**OPTIONS, "columns": json.loads(OPTIONS["columns"])}
    assert saved["header"] == fingerprint([*HEADER, "status", "ordered_at"])
    second = web.post("/v1/imports?template=amazon-de", data=FILE.replace(b"N-1", b"N-2"))
    assert second.status_code == 202, second.text
    assert second.json["source"]["template"] == "amazon-de@1" and second.json["on_error"] == "reject"
    with services.database.begin() as connection:
        row = queries.find_import(connection, second.json["id"])
    assert row is not None and row.source.file_format is not None and row.source.spool_name is not None
    path = services.spool.path(row.source.spool_name)
    (batch,) = read_rows(path, ORDERS, row.source.file_format, 1 << 20)
    assert batch.payload.decode().split(",")[1:4] == ['"Amazon"', '"N-2"', '"J\xf6rg"']
    # a template of an import that used one has all of its options
    again = put(web, "other", {"import": second.json["id"]})
    assert again["options"] == saved["options"]


def test_what_the_request_says_wins(web: FlaskClient) -> None:
    put(web, "shop", {"dataset": "orders", "options": {**OPTIONS, "on_error": "abort"}})
    answer = web.post("/v1/imports?template=shop&on_error=reject&max_rejects=1", data=FILE).json
    assert (answer["on_error"], answer["max_rejects"]) == ("reject", "1")
    form = {"template": "shop", "on_error": "reject", "file": (io.BytesIO(FILE), "n.csv")}
    answer = web.post("/v1/imports", data=form)
    assert answer.status_code in (202, 409), answer.text  # 409: the same file is under way
    wrong = web.post("/v1/imports?template=shop&dataset=other", data=FILE)
    assert wrong.status_code == 422 and "is for the dataset orders" in wrong.json["detail"]


def test_versions_count_up_and_old_ones_stay(services: Services, web: FlaskClient) -> None:
    assert put(web, "a", {"options": {"null": "-"}})["version"] == 1
    assert put(web, "a", {"options": {"null": "-"}}, 200)["version"] == 1
    assert put(web, "a", {"options": {"null": "NULL"}})["version"] == 2
    assert web.get("/v1/templates/a?version=1").json["options"] == {"null": "-"}
    assert templates.expand(services.database, {"template": "a"})["null"] == "NULL"
    assert templates.expand(services.database, {"template": "a@1"})["template"] == "a@1"
    assert [one["version"] for one in web.get("/v1/templates").json["templates"]] == [2]
    for text, status in (("a@3", 404), ("b", 404), ("A", 422), ("a@", 422), ("a@0", 422), ("", 422), ("x" * 65, 422)):
        answer = web.post("/v1/imports", query_string={"template": text}, data=FILE)
        assert answer.status_code == status, text
    assert web.delete("/v1/templates/a").status_code == 204
    assert web.delete("/v1/templates/a").status_code == web.get("/v1/templates/a").status_code == 404


def test_saving_at_once_numbers_every_version(services: Services) -> None:
    def save(number: int) -> int:
        while True:
            try:
                return templates.save_template(services.database, "busy", "orders", {"null": f"n{number}"})[0].version
            except BadRequest:
                continue  # others were faster five times

    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(save, range(12)))
    assert sorted(versions) == list(range(1, 13))


def test_a_preview_names_the_templates_for_its_header(web: FlaskClient) -> None:
    found = web.post("/v1/previews", query_string=OPTIONS, data=FILE).json
    assert found["templates"] == [] and found["problem"] is None
    put(web, "amazon-de", {"dataset": "orders", "options": OPTIONS, "header": found["header"]})
    put(web, "shop", {"dataset": "orders", "options": OPTIONS, "header": "0" * 32})
    again = web.post("/v1/previews?encoding=latin-1", data=FILE.replace(b"Kunde", b"KUNDE ")).json
    assert again["templates"] == ["amazon-de"]
    used = web.post("/v1/previews?template=amazon-de", data=FILE).json
    assert used["problem"] is None and used["missing"] == [] and used["rows"][0]["values"][3] is None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"options": {"nul": "-"}}, "nul"),
        ({"options": {"dry_run": "true"}}, "dry_run"),
        ({"options": {"delimiter": ""}}, "delimiter"),
        ({"options": []}, "options"),
        ({"options": {}, "dataset": 3}, "dataset"),
        ({"options": {}, "header": "x"}, "header"),
        ({"options": {}, "other": 1}, "other"),
        ({"import": "x", "options": {}}, "import"),
        ({}, "options"),
    ],
)
def test_what_can_be_no_template_is_refused_by_its_field(web: FlaskClient, document: Any, field: str) -> None:
    answer = web.put("/v1/templates/a", json=document)
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == field
    assert web.get("/v1/templates").json == {"templates": []}


def test_a_name_and_an_import_that_there_are_not(services: Services, web: FlaskClient) -> None:
    assert web.put("/v1/templates/A", json={"options": {}}).status_code == 422
    assert web.put("/v1/templates/a", json={"import": "nothing"}).status_code == 404
    generated = web.post("/v1/imports", json={"generate": 3}).json["id"]
    answer = web.put("/v1/templates/a", json={"import": generated})
    assert answer.status_code == 422 and "has no file" in answer.json["detail"]
    with pytest.raises(TemplateNotFound):
        templates.find_template(services.database, "a")


def test_yaml_goes_out_and_comes_in(web: FlaskClient) -> None:
    saved = put(web, "amazon-de", {"dataset": "orders", "options": OPTIONS, "header": "ab" * 16})
    text = web.get("/v1/templates/amazon-de?format=yaml").text
    assert "Bestellnummer: order_number\n" in text and "Notiz: null\n" in text
    again = web.put("/v1/templates/amazon-de", data=text, content_type="application/yaml")
    assert again.status_code == 200, again.text
    copied = web.put("/v1/templates/copy", data=text, content_type="application/yaml").json
    assert (copied["options"], copied["header"]) == (saved["options"], saved["header"])


@pytest.mark.parametrize(
    "text",
    [
        "options: &a {null: x}\nother: *a",
        "a: 1\na: 2",
        "options: {null: a, null: b}",
        "- 1",
        "{",
        "\x00",
        "[" * 5000,
        "options: {columns: !!python/object/apply:os.system [ls]}",
        "",
    ],
)
def test_yaml_that_is_not_read(web: FlaskClient, text: str) -> None:
    answer = web.put("/v1/templates/a", data=text.encode(), content_type="application/yaml")
    assert answer.status_code == 400, answer.text


def test_yaml_words_stay_texts() -> None:
    found = template_document.parse_yaml(
        "options: {a: no, b: 007, c: 1_000, d: 2026-01-01, e: true, f: null, g: 1e3, h: }"
    )
    assert found == {
        "options": {"a": "no", "b": "007", "c": "1_000", "d": "2026-01-01", "e": True, "f": None, "g": "1e3", "h": None}
    }
    with pytest.raises(InvalidContent):
        template_document.parse_document({"options": {"columns": {"a": b"x"}}})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.dictionaries(TEXTS, TEXTS | st.none(), min_size=1, max_size=4), TEXTS)
@settings(max_examples=200)
def test_every_template_survives_its_yaml(columns: dict[str, str | None], null: str) -> None:
    template = Template("a", 1, "orders", {"columns": json.dumps(columns), "null": null})
    found = template_document.parse_document(template_document.parse_yaml(template_document.as_yaml(template)))
    options = dict(found[2])
    assert json.loads(options.pop("columns")) == columns
    assert options == {"null": null} and found[:2] == (None, "orders")
