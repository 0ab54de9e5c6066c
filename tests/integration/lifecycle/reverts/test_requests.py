"""Reverts over HTTP: accepted, refused with reasons, shown, and kept away from tables that would change more."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.db.imports import transitions
from app.db.schema import imports
from app.domain.errors import NotRevertible
from app.lifecycle.datasets import create
from tests.integration.lifecycle.parts import HEADER, PARTS, line, send
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import converge, find
from tests.servers import DatabaseServer

pytestmark = pytest.mark.in_turn  # one with each database


def test_a_revert_is_shown_like_an_import_and_on_the_import(web: FlaskClient, nights: Nights) -> None:
    row = nights.load(1, 2, 3)
    nights.do("UPDATE orders SET quantity = 9 WHERE order_number = 'N-3'")
    path = f"/v1/imports/{row.id}/revert"
    assert web.get(path).json == {
        "import": row.id,
        "revertible": True,
        "reason": None,
        "revertible_until": web.get(path).json["revertible_until"],  # type: ignore[index]
        "reverts": [],
        "imports": [],
        "later_skips": [],
    }
    asked = web.post(path, json={"dry_run": True})
    assert asked.status_code == 202 and asked.headers["Location"] == f"/v1/imports/{asked.json['id']}"  # type: ignore[index]
    converge(nights.services, asked.json["number"])  # type: ignore[index]
    accepted = web.post(path, json={"on_changed": "skip", "reason": "the file of the day before"}).json
    assert accepted is not None
    assert accepted["source"] == {
        "kind": "revert",
        "name": None,
        "import": row.id,
        "imports": 1,
        "of_revert": False,
        "dependents": "restrict",
        "keep_images": False,
        "on_changed": "skip",
        "reason": "the file of the day before",
    }
    converge(nights.services, accepted["number"])
    done = web.get(f"/v1/imports/{accepted['id']}").json
    assert done is not None and (done["state"], done["rows_done"], done["rows_kept"]) == ("committed", 2, 0)
    assert "N-3" in web.get(f"/v1/imports/{accepted['id']}/rejects?format=csv").text
    (listed,) = web.get(f"/v1/imports/{accepted['id']}/rejects").json["rejects"]  # type: ignore[index]
    assert (listed["row"], listed["code"]) == (3, "changed")
    assert b"changed" in web.get(f"/v1/imports/{accepted['id']}/rejects?format=csv").data
    found = web.get(path).json
    assert found is not None and found["revertible"] is True
    assert [one["in_the_way"] for one in found["reverts"]] == [{"changed": 1}] * 2
    keys = ("dry_run", "state", "rows_deleted", "rows_restored", "rows_left", "reason")
    assert [tuple(one[key] for key in keys) for one in found["reverts"]] == [
        (False, "committed", 2, 0, 1, "the file of the day before"),
        (True, "checked", 2, 0, 1, None),
    ]
    timeline = web.get(f"/v1/imports/{row.id}").json["timeline"]  # type: ignore[index]
    assert [event["event"] for event in timeline][-2:] == ["revert_accepted", "reverted"]
    assert timeline[-1]["detail"]["reason"] == "the file of the day before"


@pytest.mark.parametrize(
    "body",
    [
        {"dry_run": "yes"},
        {"on_changed": "always"},
        {"dependents": "all"},
        {"expected": "the same"},
        {"keep_images": 1},
        {"reason": 5},
        {"reason": "x" * 501},
        {"rows": "1-5"},
        {"rows": {}},
        {"rows": {"ranges": ["5-1"]}},
        {"rows": {"ranges": ["0-1"]}},
        {"rows": {"filter": {"no_such": "1"}}},
        {"rows": {"filter": {"quantity": "many"}}},
        {"rows": {"filter": {"quantity": 5}}},
        {"rows": {"ranges": ["1-2"]}, "dependents": "cascade"},
        {"night": True},
    ],
    ids=str,
)
def test_a_wrong_request_names_the_field(web: FlaskClient, nights: Nights, body: dict[str, Any]) -> None:
    row = nights.load(1)
    answer = web.post(f"/v1/imports/{row.id}/revert", json=body)
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] in body  # type: ignore[index]


def test_the_classic_path_takes_no_get(web: FlaskClient, nights: Nights) -> None:
    row = nights.load(1)
    assert web.get(f"/revert/{row.id}").status_code == 405  # a link that is fetched ahead must not delete a night
    answer = web.post(f"/revert/{row.id}")
    assert answer.status_code == 202 and answer.json["success"] is True  # type: ignore[index]
    assert converge(nights.services, find_number(nights, answer.json["task_id"])).rows_done == 1  # type: ignore[index]
    again = web.post(f"/revert/{row.id}")
    assert again.status_code == 409 and again.json["revert_id"] == answer.json["task_id"]  # type: ignore[index]
    assert web.post("/revert/none").status_code == 404


def find_number(nights: Nights, id: str) -> int:
    return int(nights.ask("SELECT number FROM imports WHERE id = %s", id)[0][0])


def test_a_paused_dataset_holds_no_revert(web: FlaskClient, nights: Nights) -> None:
    row = nights.load(1)
    assert web.post("/v1/datasets/orders/pause").status_code == 200
    waiting = nights.accept(row)
    assert web.post(f"/v1/imports/{waiting.id}/pause").status_code == 409
    assert converge(nights.services, waiting.number).rows_done == 1


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TRIGGER gone AFTER DELETE ON `my-parts$` FOR EACH ROW SET @gone = 1", "has a trigger, gone"),
        (
            "CREATE TABLE child (import_no INT UNSIGNED, row_no INT UNSIGNED,"
            " FOREIGN KEY (import_no, row_no) REFERENCES `my-parts$` (import_no, row_no) ON DELETE CASCADE)",
            "child deletes or changes its own rows",
        ),
        (
            "CREATE TABLE child (import_no INT UNSIGNED, row_no INT UNSIGNED,"
            " FOREIGN KEY (import_no, row_no) REFERENCES `my-parts$` (import_no, row_no) ON DELETE SET NULL)",
            "child deletes or changes its own rows",
        ),
    ],
    ids=["trigger", "cascade", "set-null"],
)
def test_a_table_that_would_change_more_is_left_alone(
    nights: Nights, database: DatabaseServer, statement: str, words: str
) -> None:
    row = load_parts(nights)
    with database.root() as cursor:
        cursor.execute(statement)
        try:
            with pytest.raises(NotRevertible, match=words):
                nights.accept(row)
        finally:
            cursor.execute("DROP TABLE IF EXISTS child")
    assert nights.ask("SELECT COUNT(*) FROM `my-parts$`") == [(2,)]


def test_a_referenced_row_keeps_them_all(nights: Nights, database: DatabaseServer) -> None:
    row = load_parts(nights)
    with database.root() as cursor:
        cursor.execute(
            "CREATE TABLE child (import_no INT UNSIGNED, row_no INT UNSIGNED,"
            " FOREIGN KEY (import_no, row_no) REFERENCES `my-parts$` (import_no, row_no))"
        )
        try:
            cursor.execute("INSERT INTO child VALUES (%s, 2)", (row.number,))
            failed = nights.revert(row)
        finally:
            cursor.execute("DROP TABLE child")
    assert failed.error is not None and failed.error["code"] == "referenced"
    assert nights.ask("SELECT COUNT(*) FROM `my-parts$`") == [(2,)]


def test_a_user_who_may_not_see_foreign_keys_reverts_nothing(nights: Nights, database: DatabaseServer) -> None:
    row = nights.load(1)
    with database.root() as cursor:
        cursor.execute("REVOKE PROCESS ON *.* FROM 'app'@'%'")
    nights.services.database.dispose()
    try:
        with pytest.raises(NotRevertible, match="provision"):
            nights.accept(row)
    finally:
        with database.root() as cursor:
            cursor.execute("GRANT PROCESS ON *.* TO 'app'@'%'")


def test_a_dataset_of_the_same_name_is_another(nights: Nights) -> None:
    row = load_parts(nights)
    with nights.services.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE datasets SET created_at = created_at + INTERVAL 1 HOUR WHERE name = 'my-parts$'"
        )
    with pytest.raises(NotRevertible, match="was dropped"):
        nights.accept(row)


def load_parts(nights: Nights) -> Any:
    dataset = create.create_dataset(nights.services, {**PARTS, "name": "my-parts$"}).dataset
    number = send(nights.services, dataset, HEADER + line("one") + line("two"))
    converge(nights.services, number)
    return find(nights.services, number)


def test_a_worker_of_the_version_before_is_never_given_a_revert(nights: Nights) -> None:
    waiting = nights.accept(nights.load(1))
    with nights.services.database.begin() as connection:
        due = set(connection.scalars(select(imports.c.number).where(transitions.ledger.due())))
        assert waiting.number not in due and waiting.number in transitions.list_due(connection, 10)


def test_a_whole_night_is_reverted_by_one_request(web: FlaskClient, nights: Nights) -> None:
    night = [nights.load(1, 2), nights.load(2, 3, customer="second", on_conflict="update"), nights.load(9)]
    asked = web.post("/v1/reverts", json={"ids": [row.id for row in night[:2]], "reason": "the wrong night"})
    assert asked.status_code == 202 and asked.json is not None
    assert asked.json["source"]["imports"] == 2 and asked.json["rows_total"] == 4
    done = converge(nights.services, asked.json["number"])
    assert (done.rows_done, done.rows_updated) == (3, 0) and set(nights.table()) == {9}
    shown = web.get(f"/v1/imports/{done.id}/revert").json
    assert shown is not None
    assert [(one["import"], one["rows_deleted"]) for one in shown["imports"]] == [(night[1].id, 1), (night[0].id, 2)]
    assert web.get(f"/v1/imports/{night[1].id}").json["reverted_by"] == done.id  # type: ignore[index]
    again = web.post("/v1/reverts", json={"ids": [night[2].id, night[0].id]})
    assert again.status_code == 409 and again.json["revert_id"] == done.id  # type: ignore[index]
    assert set(nights.table()) == {9}


@pytest.mark.parametrize("ids", [None, [], "all", [1], ["x"] * 1001])
def test_several_imports_are_named_by_a_list(web: FlaskClient, nights: Nights, ids: Any) -> None:
    answer = web.post("/v1/reverts", json={"ids": ids} if ids is not None else {})
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == "ids"  # type: ignore[index]


def test_only_imports_of_one_dataset_go_together(web: FlaskClient, nights: Nights) -> None:
    ids = [nights.load(1).id, load_parts(nights).id]
    answer = web.post("/v1/reverts", json={"ids": ids})
    assert answer.status_code == 422 and "of the dataset orders" in answer.json["detail"]  # type: ignore[index]
    missing = web.post("/v1/reverts", json={"ids": [ids[0], "0" * 8]})
    assert missing.status_code == 404


def test_the_time_to_revert_can_only_be_shortened(web: FlaskClient, nights: Nights) -> None:
    row = nights.load(1)
    path = f"/v1/imports/{row.id}/revert"
    until = datetime.fromisoformat(web.get(path).json["revertible_until"])  # type: ignore[index]
    sooner = (until - timedelta(days=7)).isoformat()
    shortened = web.patch(path, json={"revertible_until": sooner})
    assert shortened.status_code == 200
    assert datetime.fromisoformat(shortened.json["revertible_until"]) == until - timedelta(days=7)  # type: ignore[index]
    longer = web.patch(path, json={"revertible_until": until.isoformat()})
    assert longer.status_code == 409 and "not lengthened" in longer.json["detail"]  # type: ignore[index]
    assert web.patch(path, json={"revertible_until": "2020-01-01T00:00:00Z"}).status_code == 200
    assert web.post(path).status_code == 409 and nights.table() == {1: "first"}
    for wrong in ("tomorrow", "2026-01-01T00:00:00", 5, None):
        assert web.patch(path, json={"revertible_until": wrong}).status_code == 422


def test_a_reason_can_be_required(web: FlaskClient, nights: Nights) -> None:
    row = nights.load(1)
    settings = nights.services.settings.model_copy(update={"revert_needs_reason": True})
    web.application.extensions["backout"] = replace(nights.services, settings=settings)
    path = f"/v1/imports/{row.id}/revert"
    refused = web.post(path)
    assert refused.status_code == 422 and refused.json["errors"][0]["field"] == "reason"  # type: ignore[index]
    assert web.post(path, json={"dry_run": True}).status_code == 202
    assert web.post(path, json={"reason": "the wrong file"}).status_code == 202


def test_later_imports_that_skipped_rows_are_named(web: FlaskClient, nights: Nights) -> None:
    row = nights.load(1, 2)
    later = nights.load(2, 3, on_conflict="skip")
    shown = web.get(f"/v1/imports/{row.id}/revert").json
    assert shown is not None and shown["later_skips"] == [{"id": later.id, "rows_skipped": 1}]
