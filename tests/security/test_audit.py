"""The audit: who changed what and who was denied what, and that nobody can change it unseen."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, update
from werkzeug.test import TestResponse

from app import create_app
from app.db.access import audit as lines
from app.db.access.tables import audit, audit_chain
from app.db.ledger import seconds_from_now
from app.domain.audit.actor import Actor, acting
from app.domain.audit.entry import Denial, Entry, Mark, Outcome, Wanted
from app.domain.errors import NotAllowed
from app.lifecycle.recovery import audit as auditing
from app.lifecycle.recovery.audit import AuditBroken
from app.lifecycle.recovery.chores import list_failing
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services
from app.routes.access import denials
from app.routes.auth import CHANGING_GETS
from tests.security.test_access import House, house, list_operations  # noqa: F401 — a fixture
from tests.servers import ROOT
from tests.waiting import patience, wait_for

WRITER = Actor("stop_import", "anna", "192.0.2.7", "abcdefgh", None, "r-1")
STRANGER = Denial("", "", "192.0.2.9", None, None, "r-2", "key-required", "192.0.2.9")
ORDER = {
    **{"marketplace": "Shop", "order_number": "A-1", "customer": "Anna", "email": "anna@example.org"},
    **{"ship_to": "Here", "sku": "LAMP-7", "quantity": 1, "unit_price": "1.50", "currency": "EUR"},
    **{"status": "paid", "ordered_at": "2026-11-23 12:00:00"},
}
UNCHANGING = {"preview_file", "infer_dataset"}  # though their method is POST


def read(services: Services, **wanted: Any) -> list[Entry]:
    return auditing.list_entries(services, Wanted(**wanted), None, 1000)


def write(services: Services, count: int, actor: Actor = WRITER) -> None:
    with acting(actor):
        for at in range(count):
            with services.database.begin() as connection:
                lines.record(connection, f"import-{at}")


def settle(services: Services) -> None:
    """As two sweeps: link what is due, then keep the mark of it."""
    auditing.extend_chain(services)
    auditing.extend_chain(services)


def findings(services: Services) -> list[str]:
    return auditing.verify(services).findings


def execute(services: Services, *statements: Any) -> None:
    with services.database.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def links(services: Services) -> list[Any]:
    with services.database.begin() as connection:
        return list(connection.execute(select(audit_chain).order_by(audit_chain.c.sequence)))


def test_what_was_written_is_verified_and_nothing_more_is_linked(services: Services) -> None:
    assert findings(services) == []  # nothing yet
    write(services, 3)
    assert auditing.verify(services).waiting == 3
    settle(services)
    report = auditing.verify(services)
    assert (report.links, report.waiting, report.findings) == (3, 0, [])
    assert auditing.read_mark(services) == Mark(3, links(services)[-1].digest)
    settle(services)
    assert [link.sequence for link in links(services)] == [0, 1, 2, 3]


TAMPERING: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "a changed line": (lambda: [update(audit).where(audit.c.target == "import-2").values(client="bob")], "changed"),
    "a missing line": (lambda: [delete(audit).where(audit.c.target == "import-2")], "missing"),
    "the last line cut off": (lambda: [delete(audit).where(audit.c.target == "import-4")], "missing"),
    "a line and its link": (
        lambda: [
            delete(audit).where(audit.c.target == "import-2"),
            delete(audit_chain).where(audit_chain.c.sequence == 3),
        ],
        "links 3 to 3 are missing",
    ),
    "the end, lines and links": (
        lambda: [
            delete(audit).where(audit.c.target == "import-4"),
            delete(audit_chain).where(audit_chain.c.sequence == 5),
        ],
        "cut off",
    ),
    "the beginning, lines and links": (
        lambda: [
            delete(audit).where(audit.c.target.in_(["import-0", "import-1"])),
            delete(audit_chain).where(audit_chain.c.sequence.in_([1, 2])),
        ],
        "links 1 to 2 are missing",
    ),
    "all of it": (lambda: [delete(audit), delete(audit_chain)], "cut off"),
    "an old line in a gap": (
        lambda: [
            delete(audit).where(audit.c.target == "gap"),
            insert(audit).values(
                number=1, at=seconds_from_now(-86400), act="x", outcome="done", client="anna", address=""
            ),
        ],
        "inserted",
    ),
    "a line that says that it has a link": (
        lambda: [
            insert(audit).values(at=seconds_from_now(0), act="x", outcome="done", client="a", address="", chained=1)
        ],
        "inserted",
    ),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_each_kind_of_tampering_is_found_and_accepted_by_a_person_only(services: Services, kind: str) -> None:
    no_one = {"act": "x", "outcome": "done", "client": "a", "address": ""}
    execute(services, insert(audit).values(at=seconds_from_now(0), **no_one), delete(audit))  # number 1 is free
    write(services, 5)
    settle(services)
    assert findings(services) == []
    statements, said = TAMPERING[kind]
    execute(services, *statements())
    assert said in findings(services)[0], findings(services)
    before = auditing.read_mark(services)
    for _ in range(3):
        try:
            auditing.extend_chain(services)
        except AuditBroken as error:
            assert "cut off" in str(error) and auditing.read_mark(services) == before
    assert said in findings(services)[0]  # it stays found
    with acting(Actor("audit accept", "root@here")):
        assert said in auditing.accept(services).findings[0]
    settle(services)
    assert findings(services) == []
    accepted = read(services, act="audit accept")
    assert len(accepted) == 1 and said in str(accepted[0].reason)
    with pytest.raises(NotAllowed):
        auditing.accept(services)


def test_a_chain_that_was_written_anew_is_not_the_one_of_the_mark(services: Services) -> None:
    write(services, 3)
    settle(services)
    execute(services, update(audit).values(client="bob", chained=False), delete(audit_chain))
    with pytest.raises(AuditBroken, match="cut off"):
        auditing.extend_chain(services)
    with pytest.raises(AuditBroken, match="written anew"):
        auditing.extend_chain(services)
    assert "written anew" in findings(services)[0]


def test_a_mark_that_is_gone_or_unreadable_is_not_replaced(services: Services) -> None:
    write(services, 3)
    settle(services)
    (path,) = services.spool.folder.glob(".audit-*")
    path.unlink()
    with pytest.raises(AuditBroken, match="gone"):
        auditing.extend_chain(services)
    assert "gone" in findings(services)[0] and not path.exists()
    path.write_text("{}")
    with pytest.raises(AuditBroken, match="can't be read"):
        auditing.extend_chain(services)
    assert "can't be read" in findings(services)[0] and path.read_text() == "{}"


def test_the_mark_outlives_the_cleaning_of_temporary_files(services: Services) -> None:
    write(services, 1)
    settle(services)
    services.spool.delete_temporary(-10)
    assert findings(services) == [] and auditing.read_mark(services) is not None


@pytest.mark.parametrize("instant", ["mark", "link", "commit"])
def test_a_crash_between_the_steps_of_the_chainer_never_cries_wolf(
    services: Services, instant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(services, 2)
    auditing.extend_chain(services)
    write(services, 2)

    def crash(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        if instant == "mark":  # before the mark is written
            patch.setattr(auditing, "_write", crash)
        elif instant == "link":  # after the mark, before the links
            patch.setattr(auditing.audit_chain, "link", crash)
        else:  # after all, before it is committed
            begin = services.database.begin

            @contextmanager
            def begin_and_crash() -> Iterator[Any]:
                with begin() as connection:
                    yield connection
                    crash()

            patch.setattr(services.database, "begin", begin_and_crash)
        with pytest.raises(SystemExit):
            auditing.extend_chain(services)
    assert findings(services) == []
    settle(services)
    assert findings(services) == [] and len(links(services)) == 5


def test_a_line_that_commits_late_gets_its_link(services: Services) -> None:
    with acting(WRITER), services.database.begin() as slow:
        lines.record(slow, "late")
        write(services, 2)
        settle(services)
        assert auditing.verify(services).links == 2
    settle(services)
    report = auditing.verify(services)
    assert (report.links, report.findings) == (3, [])
    numbers = [link.audit_no for link in links(services)[1:]]
    assert numbers[2] < numbers[0] < numbers[1]


def test_what_waits_while_there_is_no_sweeper_gets_its_link(services: Services) -> None:
    with services.database.begin() as connection:
        lines.insert_denials(connection, {STRANGER: 2})
    write(services, 1)
    settle(services)  # the denial's minute is not over
    write(services, 2)
    assert auditing.verify(services).links == 1
    # half an hour between the denial and the line that has a link already
    execute(services, update(audit).where(audit.c.outcome == "denied").values(at=seconds_from_now(-1800)))
    assert findings(services) == []
    settle(services)
    report = auditing.verify(services)
    assert (report.links, report.waiting, report.findings) == (4, 0, [])


def test_chainers_follow_each_other(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing.audit_chain, "BATCH", 3)  # so that they meet
    settle(services)
    write(services, 40)
    barrier, failed = Barrier(4), []

    def run() -> None:
        barrier.wait()
        for _ in range(5):
            try:
                auditing.extend_chain(services)
            except Exception as error:  # noqa: BLE001 — looked at below
                failed.append(error)

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and findings(services) == []
    assert [link.sequence for link in links(services)] == list(range(41))


def test_old_lines_go_up_to_a_checkpoint_and_a_deleted_beginning_is_found(services: Services) -> None:
    write(services, 6)
    settle(services)
    first_three = [link.audit_no for link in links(services)[1:4]]
    # as written 500 days ago: what is in the chain says so as well
    execute(
        services,
        update(audit).values(at=seconds_from_now(-500 * 86400), chained=False).where(audit.c.number.in_(first_three)),
        update(audit).values(chained=False),
        delete(audit_chain),
    )
    (path,) = services.spool.folder.glob(".audit-*")
    path.unlink()
    settle(services)
    assert findings(services) == []
    auditing.forget_old(services)  # names the checkpoint
    assert len(read(services)) == 6 and findings(services) == []
    auditing.forget_old(services)  # deletes up to it
    assert len(read(services)) == 3 and findings(services) == []
    assert [link.sequence for link in links(services)] == [0, 3, 4, 5, 6]
    auditing.forget_old(services)
    write(services, 1)
    settle(services)
    assert len(read(services)) == 4 and findings(services) == []
    number = links(services)[2].audit_no
    execute(
        services,
        delete(audit).where(audit.c.number == number),
        delete(audit_chain).where(audit_chain.c.sequence.in_([3, 4])),
    )
    assert "from which lines are kept" in findings(services)[0]


def test_an_accepted_audit_keeps_its_young_lines(services: Services) -> None:
    write(services, 4)
    settle(services)
    execute(services, update(audit).where(audit.c.target == "import-1").values(client="bob"))
    with acting(WRITER):
        auditing.accept(services)
    for _ in range(3):
        settle(services)
        auditing.forget_old(services)
    assert len(read(services)) == 5


def test_without_an_actor_or_a_commit_nothing_is_recorded(services: Services) -> None:
    with services.database.begin() as connection:
        lines.record(connection, "by no one")
    with pytest.raises(RuntimeError), acting(WRITER), services.database.begin() as connection:
        lines.record(connection, "undone")
        raise RuntimeError
    assert read(services) == []


def send(house: House, name: str, method: str, path: str, **options: Any) -> TestResponse:  # noqa: F811
    headers = {"X-Request-ID": name, **options.pop("headers", {})}
    headers.setdefault("Authorization", f"Bearer {house.tokens['admin']}")
    answer = house.app.test_client(use_cookies=False).open(path, method=method, headers=headers, **options)
    assert answer.status_code < 400, (name, answer.text)
    return answer


def change_everything(house: House) -> Iterator[str]:  # noqa: F811, PLR0915 — one line an operation
    """Do each changing operation once, with its name as the request's id."""
    mine, other = house.things["mine"], house.things["other"]

    def do(name: str, method: str, path: str, **options: Any) -> Any:
        return send(house, name, method, path, **options).get_json(silent=True) or {}

    def stop(id: str) -> None:
        do("again", "POST", f"/v1/imports/{id}/stop")

    first = do("insert_orders", "GET", "/insert/5")["task_id"]
    yield "insert_orders"
    do("stop_task", "POST", f"/stop/{first}")
    yield "stop_task"
    second = do("retry_import", "POST", f"/v1/imports/{first}/retry")["id"]
    yield "retry_import"
    for name in ("pause_import", "resume_import", "stop_import"):
        do(name, "POST", f"/v1/imports/{second}/{name.partition('_')[0]}")
        yield name
    for name in ("pause_all", "resume_all"):
        do(name, "POST", f"/v1/{name.partition('_')[0]}")
        yield name
    for name in ("pause_dataset", "resume_dataset"):
        do(name, "POST", f"/v1/datasets/orders/{name.partition('_')[0]}")
        yield name
    stop(do("accept_import", "POST", "/v1/imports", json={"generate": 5})["id"])
    yield "accept_import"
    stop(do("accept_order", "POST", "/v1/orders", json=ORDER)["import"])
    yield "accept_order"
    do("insert_orders_and_wait", "POST", "/dpd_insert/5")
    yield "insert_orders_and_wait"
    soon = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    do("shorten_revert", "PATCH", f"/v1/imports/{mine.id}/revert", json={"revertible_until": soon})
    yield "shorten_revert"
    stop(do("revert_import", "POST", f"/v1/imports/{mine.id}/revert", json={"dry_run": True})["id"])
    yield "revert_import"
    stop(do("revert_imports", "POST", "/v1/reverts", json={"ids": [other.id]})["id"])
    yield "revert_imports"
    stop(do("revert_task", "POST", f"/revert/{other.spare}")["task_id"])
    yield "revert_task"
    for name, body in (("stop_handling", {}), ("retry_handling", {"pending": True})):
        do(name, "POST", f"/v1/handlings/{mine.handling}/{name.partition('_')[0]}", json=body)
        yield name
    listed = do("none", "GET", f"/v1/orders?import={other.id}&limit=400")["orders"]
    wanted = [one["id"] for one in listed if one["status"] in ("pending", "paid")][:1]
    handling = do("accept_handling", "POST", "/v1/handlings", json={"orders": wanted})["id"]
    yield "accept_handling"
    for id in (handling, mine.handling, other.handling):
        do("again", "POST", f"/v1/handlings/{id}/stop")
    do("save_template", "PUT", "/v1/templates/mine", json={"dataset": "orders", "options": {}})
    yield "save_template"
    do("delete_template", "DELETE", "/v1/templates/mine")
    yield "delete_template"
    columns = [{"name": "sku", "type": "text", "length": 10}]
    do("create_dataset", "POST", "/v1/datasets", json={"name": "parts", "columns": columns, "key": ["sku"]})
    yield "create_dataset"
    do("drop_dataset", "DELETE", "/v1/datasets/parts?confirm=parts")
    yield "drop_dataset"
    made = do("create_token", "POST", "/v1/tokens", json={"name": "night", "scopes": ["sender"]})
    yield "create_token"
    do("rotate_token", "POST", f"/v1/tokens/{made['id']}/rotate", json={})
    yield "rotate_token"
    do("revoke_token", "DELETE", f"/v1/tokens/{made['id']}")
    yield "revoke_token"
    for name in ("end_session", "sign_out"):
        answer = send(house, "sign_in", "POST", "/sign-in", data={"key": house.tokens["admin"]})
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        if name == "sign_out":
            send(house, name, "POST", "/sign-out", headers={"Authorization": "", "Cookie": cookie})
        else:
            yield "sign_in"
            session = do("none", "GET", "/v1/sessions")["sessions"][0]["id"]
            do(name, "DELETE", f"/v1/sessions/{session}")
        yield name
    do("erase", "POST", "/v1/erasures", json={"dataset": "orders", "where": {"email": "no@one.example"}})
    yield "erase"
    do("delete_rows", "DELETE", f"/v1/datasets/orders/rows?import={mine.spare}")
    yield "delete_rows"
    do("delete_all", "DELETE", "/delete_all")
    yield "delete_all"


def test_every_operation_that_changes_something_leaves_one_line(house: House) -> None:  # noqa: F811
    token, done = house.tokens["admin"].split("_")[1], set()
    changes = {"tokens": True, "handling": True, "test_endpoints": True}
    app = create_app(house.services.settings.model_copy(update=changes))
    for name in change_everything(replace(house, app=app)):
        done.add(name)
        found, *more = [one for one in read(house.services, act=name) if one.request_id == name]
        assert len(more) == (name == "erase")  # which says what it erased, too, when it has
        assert (found.outcome, found.client, found.token) == (Outcome.DONE, "mine", token), found
        assert found.address == "127.0.0.1" and found.times == 1
        assert (found.target is None) == (name in ("pause_all", "resume_all")), found
        assert (found.session is not None) == (name == "sign_out"), found
    changing = {
        operation.name
        for rule, method, operation in list_operations(house.app)
        if method != "GET" or rule.rule.startswith(CHANGING_GETS)
    }
    app.extensions["backout"].database.dispose()
    assert done == changing - UNCHANGING


def deny(app: Flask, times: int, address: str, path: str = "/v1/imports", token: str = "x" * 20) -> None:
    for _ in range(times):
        headers = {"Authorization": f"Bearer {token}"}
        answer = app.test_client().post(path, headers=headers, environ_overrides={"REMOTE_ADDR": address})
        assert answer.status_code in (401, 403, 404, 429), answer.text


def test_denials_are_folded_by_address_and_minute(house: House) -> None:  # noqa: F811
    deny(house.app, 70, "192.0.2.9")  # beyond 60 they are 429
    deny(house.app, 2, "192.0.2.9", f"/v1/imports/{house.things['mine'].id}/stop", house.tokens["viewer"])
    deny(house.app, 1, "192.0.2.9", f"/v1/imports/{house.things['other'].id}/stop", house.tokens["sender"])
    wait_for(lambda: sum(one.times for one in read(house.services, outcome=Outcome.DENIED)) == 73, "they are written")
    found = read(house.services, outcome=Outcome.DENIED)
    assert len(found) <= 6  # three kinds, and a minute may have ended meanwhile

    def count(client: str, reason: str) -> int:
        return sum(one.times for one in found if one.client == client and reason in str(one.reason))

    strangers = count("", "key-required") + count("", "too-many-failures")
    assert (strangers, count("mine", "imports:stop"), count("mine", "no import")) == (70, 2, 1)
    assert all(one.address == "192.0.2.9" and (one.token is None) == (one.client == "") for one in found)
    assert findings(house.services) == []


def test_strangers_of_many_addresses_are_few_lines(
    house: House,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(denials, "MAX_KINDS", 3)
    for last in range(50):
        deny(house.app, 1, f"192.0.2.{last}")
    wait_for(lambda: sum(one.times for one in read(house.services, outcome=Outcome.DENIED)) == 50, "they are written")
    assert len(read(house.services, outcome=Outcome.DENIED)) <= 8  # 4 a minute


def test_a_denial_that_has_its_link_is_never_counted_up(services: Services) -> None:
    def insert_one() -> None:
        with services.database.begin() as connection:
            lines.insert_denials(connection, {STRANGER: 3})

    insert_one()
    insert_one()
    assert sum(one.times for one in read(services)) == 6
    execute(services, update(audit).values(at=seconds_from_now(-100)))
    settle(services)
    insert_one()
    assert findings(services) == [] and len(links(services)) >= 2


def test_administrators_read_it_filtered_page_by_page_and_whole(house: House) -> None:  # noqa: F811
    write(house.services, 5, Actor("stop_import", "<b>anna</b>", "192.0.2.7"))
    write(house.services, 1, Actor("retry_import", "bob", "192.0.2.8"))
    path, numbers = "/v1/audit?limit=2&client=<b>anna</b>", []
    while path:
        document = house.ask("admin", "GET", path).json
        numbers += [one["number"] for one in document["audit"]]
        assert all(one["client"] == "<b>anna</b>" and one["outcome"] == "done" for one in document["audit"])
        path = document["next"]
    assert len(numbers) == 5 and numbers == sorted(numbers, reverse=True)
    whole = house.ask("admin", "GET", "/v1/audit?format=ndjson&client=<b>anna</b>")
    assert [json.loads(line)["number"] for line in whole.text.splitlines()] == numbers
    for query, count in (
        ("act=retry_import&client=bob", 1),
        ("target=import-0", 2),
        ("address=192.0.2.7", 5),
        ("client=bob&outcome=denied", 0),
        ("client=bob&since=2020-01-01T00:00:00Z", 1),
        ("client=bob&until=2020-01-01", 0),
        ("client=", None),
    ):
        found = house.ask("admin", "GET", f"/v1/audit?{query}").json["audit"]
        assert len(found) == count if count is not None else len(found) > 6, query
    for query, status in (("outcome=maybe", 400), ("since=soon", 400), ("limit=0", 400), ("who=anna", 422)):
        assert house.ask("admin", "GET", f"/v1/audit?{query}").status_code == status
    html = {"environ_overrides": {"HTTP_ACCEPT": "text/html"}}
    page = house.ask("admin", "GET", "/audit?address=192.0.2.7", **html).text
    assert page.count("<tr>") == 6 and "<b>anna" not in page and 'href="/audit" aria-current' in page
    assert "must be an instant" in house.ask("admin", "GET", "/audit?since=soon", **html).text
    for role in ("viewer", "operator"):
        assert house.ask(role, "GET", "/audit", **html).status_code == 403
        assert house.ask(role, "GET", "/v1/audit").json["scope"] == "admin"
        assert 'href="/audit"' not in house.ask(role, "GET", "/", **html).text


def test_where_no_one_is_asked_there_is_no_audit(services: Services) -> None:
    app = create_app(services.settings)
    client = app.test_client()
    id = client.post("/insert/5").json["task_id"]
    client.post(f"/v1/imports/{id}/stop")
    client.get("/v1/imports", headers={"Host": "example.com"})
    Sweeper(services).sweep()
    assert read(services) == [] and links(services) == []
    assert client.get("/v1/audit").status_code == client.get("/audit").status_code == 403
    assert 'href="/audit"' not in client.get("/", headers={"Accept": "text/html"}).text
    app.extensions["backout"].database.dispose()


def test_a_sweeper_links_and_says_in_readyz_what_is_wrong(services: Services) -> None:
    services = replace(services, settings=services.settings.model_copy(update={"tokens": True}))
    write(services, 2)
    sweeper = Sweeper(services)
    sweeper.sweep()
    sweeper.sweep()
    assert auditing.verify(services).links == 2 and findings(services) == []
    execute(services, delete(audit_chain).where(audit_chain.c.sequence == 2))
    sweeper.sweep()
    sweeper.chores.tell()
    assert "chain_audit" in list_failing(services.spool, services.installation)


def run_cli(services: Services, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "BACKOUT_DATABASE_URL": services.settings.database_url.get_secret_value(),
        "BACKOUT_SPOOL_DIR": str(services.spool.folder),
    }
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=patience()
    )


def test_the_command_line_verifies_accepts_and_records_what_operators_do(services: Services) -> None:
    assert run_cli(services, "sweeping", "freeze", "--yes").returncode == 0
    assert read(services) == []  # nobody is asked who asks
    assert run_cli(services, "tokens", "create", "--name", "root", "--scope", "admin").returncode == 0
    assert run_cli(services, "sweeping", "resume", "--yes").returncode == 0
    assert [one.act for one in read(services)] == ["resume", "tokens create"]
    assert all("@" in one.client and one.request_id is None for one in read(services))
    settle(services)
    done = run_cli(services, "audit", "verify")
    assert done.returncode == 0 and "2 lines in the chain" in done.stdout
    execute(services, update(audit).where(audit.c.act == "resume").values(client="bob"))
    done = run_cli(services, "audit", "verify")
    assert done.returncode == 1 and "was changed" in done.stderr
    assert json.loads(run_cli(services, "audit", "verify", "--json").stdout)["error"] == "AuditDiffers"
    assert run_cli(services, "audit", "accept", "--yes").returncode == 0
    assert run_cli(services, "audit", "verify").returncode == 0
    assert run_cli(services, "audit", "accept", "--yes").returncode == 4
    assert "was changed" in str(read(services, act="audit accept")[0].reason)
