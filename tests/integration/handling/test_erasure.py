"""Erasure: after it, a person's data is in no table, no file and no log."""

import gzip
import io
import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader
from structlog.testing import capture_logs

from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.imports import Import
from app.domain.requests.revert import Revert
from app.domain.states import State
from app.lifecycle.imports.reverting import accept
from app.lifecycle.services import Services
from app.routes.api.revert_request import parse_request
from tests.integration.handling.handlings import begin, work
from tests.invariants import check, converge
from tests.sandbox import Sandbox
from tests.uploads import accept_file

EMAIL, ADDRESS = "zanna.quiver@marker.example", "Quiverton Lane 77"
MARKERS = ("zanna.quiver", "quiverton")
HEADER = ",".join(ORDERS.column_names) + "\n"
OTHER = "other@example.org"
WHERE = {"email": EMAIL}


def line(number: str, email: str = EMAIL, *, customer: str = "Zanna Quiver", quantity: str = "1") -> str:
    place = ADDRESS if email == EMAIL else "Elsewhere 1"
    return f"Bay,{number},{customer},{email},{place},S-1,{quantity},1.50,EUR,pending,2026-01-02 03:04:05\n"


def load(services: Services, *lines: str, pack: bool = False, key: str | None = None, **options: str) -> Import:
    body = (HEADER + "".join(lines)).encode()
    body = gzip.compress(body) if pack else body
    accepted = accept_file(services, ORDERS, body, caller=Caller(client="night", key=key), **options)
    return converge(services, accepted.row.number)


def load_json(services: Services, *lines: str, **options: str) -> Import:
    records = [dict(zip(ORDERS.column_names, one.strip().split(","), strict=True)) for one in lines]
    body = "".join(json.dumps({**one, "quantity": one["quantity"]}) + "\n" for one in records)
    return converge(
        services, accept_file(services, ORDERS, body.encode("utf-16"), encoding="utf-16", **options).row.number
    )


def revert(services: Services, row: Import, **options: Any) -> Import:
    asked: Revert = parse_request(options)  # type: ignore[assignment]
    return converge(services, accept.accept_revert(services, [row.id], Caller(client="night"), asked).number)  # type: ignore[arg-type]


def ask(web: FlaskClient, *, dry_run: bool = False, where: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"dataset": "orders", "where": where or WHERE, "dry_run": dry_run}
    while True:
        answer = web.post("/v1/erasures", json=body)
        assert answer.status_code == 200, answer.text
        if answer.json["cursor"] is None:
            return dict(answer.json)
        body["cursor"] = answer.json["cursor"]


def list_tables(services: Services) -> dict[str, str]:
    """All that the database has, as text."""
    with services.database.begin() as connection:
        names = [row[0] for row in connection.exec_driver_sql("SHOW TABLES")]
        return {name: str(connection.exec_driver_sql(f"SELECT * FROM `{name}`").all()) for name in names}


def read_whole(path: Path) -> str:
    """A file's bytes, what was packed into them, and a PDF's text."""
    data = path.read_bytes()
    texts = [data.decode("latin-1"), data.decode("utf-16", errors="ignore")]
    if data[:2] == b"\x1f\x8b":
        texts.append(zlib.decompress(data, 31).decode("latin-1"))
    if data[:5] == b"%PDF-":
        texts += [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    return "\n".join(texts)


def find_traces(services: Services) -> list[str]:
    """Where one of the markers is, in the database and below the spool folder."""
    files = {str(path): read_whole(path) for path in services.spool.folder.rglob("*") if path.is_file()}
    texts = files | list_tables(services) | {"names": "\n".join(files)}
    return [place for place, text in texts.items() if any(marker in text.casefold() for marker in MARKERS)]


def test_after_an_erasure_nothing_of_a_person_is_left(
    services: Services, web: FlaskClient, sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    first = load(services, line("1"), line("2", OTHER, customer="O"), line("3", OTHER, customer="O"), pack=True)
    second = load(
        services,
        line("1", customer="Z. Quiver"),
        line("2", OTHER, customer="P"),
        file_name=f"orders of {EMAIL}.csv",
        key=f"night-{EMAIL}",
        on_conflict="update",
    )
    mixed = load_json(
        services,
        line("4", quantity="none"),
        line("5", OTHER, customer="O", quantity="none"),
        line("6", OTHER, customer="O"),
        on_error="reject",
    )
    aborted = load(services, line("7", quantity=f"of {EMAIL}"), line("8", OTHER, customer="O"))
    quoting = load(services, line("12", quantity="Quiverton"), line("13", OTHER, customer="O"))  # another column
    assert "Quiverton" in str(quoting.error) and EMAIL not in str(quoting.error)
    assert mixed.rows_rejected == 2 and aborted.state is State.FAILED and EMAIL in str(aborted.error)
    dry = load(services, line("9"), dry_run="true")
    taken = load(services, line("10"), line("11", OTHER, customer="O"))
    undone = revert(services, taken, keep_images=True, reason=f"{EMAIL.upper()} asked for it")
    failed = revert(services, first, reason="updated since")  # lists her row, which stands in its way
    assert undone.state is State.COMMITTED and failed.state is State.FAILED
    orders = [f"{first.number}-1", f"{first.number}-3"]
    handling = begin(web, orders=orders)
    left = ask(web)
    assert not left["complete"] and handling["id"] in str(left["left"])  # she is being handled
    work(services)
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "done"
    assert len(list(services.spool.folder.rglob("*.pdf"))) == 2
    places = find_traces(services)
    assert {"orders", "before_images", "handling_steps"} & set(places) >= {"orders", "before_images"}
    assert any(place.endswith(".pdf") for place in places)
    with capture_logs() as logs:
        counted = ask(web, dry_run=True)
        assert find_traces(services) == places and not counted["complete"]
        found = ask(web)
    assert found["complete"] and found["left"] == [], found
    assert counted["counts"] == found["counts"]
    assert found["counts"]["rows"] == 1 and found["counts"]["slips"] == found["counts"]["handlings"] == 1
    assert find_traces(services) == []
    said = capfd.readouterr()
    assert not any(marker in (str(logs) + said.out + said.err).casefold() for marker in MARKERS)
    # what is others' is there, and the installation works
    assert len(list(services.spool.folder.rglob("*.pdf"))) == 1
    assert web.get(f"/v1/handlings/{handling['id']}/slips").status_code == 200
    shown = web.get(f"/v1/handlings/{handling['id']}").json
    assert (shown["orders_total"], shown["orders_done"]) == (2, 2)
    assert [row["state"] for row in web.get(f"/v1/handlings/{handling['id']}/orders").json["orders"]] == ["done"] * 2
    assert web.get(f"/v1/orders/{orders[0]}/history").status_code == 404
    rejects = web.get(f"/v1/imports/{mixed.id}/rejects").json["rejects"]
    assert [reject["row"] for reject in rejects] == [2]
    for row in (first, second, mixed, aborted, quoting, dry, taken, undone, failed):
        check(services, row.number)
        assert web.get(f"/v1/imports/{row.id}").status_code == 200
        assert web.get(f"/v1/imports/{row.id}", headers={"Accept": "text/html"}).status_code == 200
    assert web.post(f"/v1/imports/{aborted.id}/retry").status_code == 409
    assert web.get(f"/v1/imports/{aborted.id}").json["error"]["code"] == aborted.error["code"]  # type: ignore[index]
    assert revert(services, second).state is State.COMMITTED
    assert revert(services, undone).state is State.COMMITTED
    assert find_traces(services) == []
    assert ask(web)["counts"] == dict.fromkeys(found["counts"], 0)


def test_a_value_that_can_not_be_is_named_by_its_column_and_never_shown(web: FlaskClient) -> None:
    for where, field in (
        ({}, "where"),
        ({"surname": EMAIL}, "where"),
        ({"email": ""}, "where.email"),
        ({"email": " "}, "where.email"),
        ({"email": None}, "where.email"),
        ({"email": [EMAIL]}, "where.email"),
        ({"email": "zanna.quiver"}, "where.email"),
        ({"email": EMAIL * 20}, "where.email"),
        ({"quantity": EMAIL}, "where.quantity"),
        ({"quantity": 1.5}, "where.quantity"),
        ({"status": EMAIL}, "where.status"),
        ({"ordered_at": EMAIL}, "where.ordered_at"),
        ({"customer": "\ud800"}, "where"),
    ):
        answer = web.post("/v1/erasures", json={"dataset": "orders", "where": where})
        assert answer.status_code == 422, (where, answer.text)
        assert answer.json["errors"][0]["field"] == field and "zanna" not in answer.text
    for body in ({}, {"dataset": "orders"}, {"dataset": "none", "where": WHERE}, {"dataset": 1, "where": WHERE}):
        assert web.post("/v1/erasures", json=body).status_code == 422, body
    bad = {"dataset": "orders", "where": WHERE}
    for cursor in ("x", "e30=", "bnVsbA==", "W10="):
        assert web.post("/v1/erasures", json={**bad, "cursor": cursor}).status_code == 400, cursor
    assert web.post("/v1/erasures", json={**bad, "all": True}).status_code in (400, 422)


def test_where_rejects_can_not_be_told_apart_all_of_them_go(services: Services, web: FlaskClient) -> None:
    mixed = load(
        services,
        line("1", OTHER, customer="O", quantity="none"),
        line("2", OTHER, customer="Li", quantity="none"),
        line("3", OTHER, customer="O"),
        on_error="reject",
    )
    assert ask(web, where={"customer": "Li"})["counts"]["rejects"] == 2  # two letters are in any word
    assert web.get(f"/v1/imports/{mixed.id}/rejects").status_code == 404
    assert web.get("/v1/datasets/orders/rows/count").json["count"] == 1


def test_an_upload_without_an_import_and_a_template_are_named(services: Services, web: FlaskClient) -> None:
    services.spool.folder.mkdir(parents=True, exist_ok=True)
    path = services.spool.path("a-file-of-no-import")
    path.write_text(EMAIL)
    assert ask(web)["complete"]  # it may be on its way: a new import
    os.utime(path, (1e9, 1e9))
    template = {
        "dataset": "orders",
        "options": {"columns": json.dumps({"Mail": {"column": "email", "default": EMAIL}})},
    }
    saved = web.put("/v1/templates/hers", json=template)
    left = ask(web)["left"]
    assert [one["place"] for one in left] == ["files"] + ["texts"] * (saved.status_code == 201)
