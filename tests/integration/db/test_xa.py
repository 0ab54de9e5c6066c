"""A prepared branch is finished only when the server has wholly let go of it."""

from time import monotonic

import pytest

from app.db import xa
from app.domain.xid import name_branches
from app.lifecycle.services import Services
from tests.in_doubt import accept_rows, owned
from tests.servers import DatabaseServer, empty

BRANCHES = 60


def test_branches_whose_owners_are_alive_are_released_and_wholly_undone(
    services: Services, database: DatabaseServer
) -> None:
    xids = name_branches(services.installation, accept_rows(services).number, range(1, BRANCHES + 1), 1)
    branches = [xa.Branch(services.database.connect_branch(), xid) for xid in xids]
    for branch in branches:
        branch.hold_owner_lock()
        branch.start()
        with branch.connection.cursor() as cursor:
            values = (branch.xid.number, branch.xid.epoch)
            cursor.execute("INSERT INTO receipts (import_no, branch, kind, epoch) VALUES (%s, 1, %s, 1)", values)
        branch.end()
        branch.prepare()
    began = monotonic()
    with services.database.session() as session:
        released = xa.release(session, xids)
        if database.name == "mariadb":  # finished sooner, a branch may be lost with its locks, and OK is the answer
            assert monotonic() - began >= xa.DETACH_SECONDS
        assert released == xids and not owned(services, xids)
        assert all(xa.roll_back_prepared(session, xid) for xid in released)
    for branch in branches:
        branch.abandon()
    with services.database.begin() as connection:
        connection.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
        connection.exec_driver_sql("DELETE FROM receipts")
        connection.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = DEFAULT")
    empty(database)


def test_a_branch_whose_owner_does_not_end_is_left_out(
    services: Services, database: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xa, "kill_owners", lambda *_: 0)  # as if its undo took long
    kept, free = name_branches(services.installation, accept_rows(services).number, range(1, 3), 1)
    with database.root() as cursor, services.database.session() as session:
        cursor.execute("SELECT GET_LOCK(%s, 0)", (kept.lock_name(),))
        assert xa.release(session, [kept, free]) == [free]
