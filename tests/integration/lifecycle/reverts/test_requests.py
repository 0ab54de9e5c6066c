"""Reverts over HTTP: accepted, refused with reasons, shown, and kept away from tables that would change more."""

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
    [{"dry_run": "yes"}, {"on_changed": "force"}, {"reason": 5}, {"reason": "x" * 501}, {"rows": "1-5"}],
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
