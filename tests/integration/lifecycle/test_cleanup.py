"""What outlived its use goes, and nothing else."""

import itertools
import os
import time
from pathlib import Path

import pytest

from app.db.imports import queries, retention
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.imports import reject_name
from app.domain.states import State
from app.formats.generate.orders import write_csv_sample
from app.lifecycle.access import sessions, tokens
from app.lifecycle.imports.idempotency import Accepted
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery import cleanup
from app.lifecycle.recovery.chores import Chores
from app.lifecycle.recovery.cleaner import Cleaner
from app.lifecycle.services import Services
from tests.uploads import accept_file

HOURS, DAYS = 3600, 86400


def upload(services: Services, tmp_path: Path, seed: str, key: str | None = None) -> Accepted:
    path = tmp_path / f"{seed}.csv"
    write_csv_sample(path, 20, seed)
    return accept_file(services, ORDERS, path.read_bytes(), caller=Caller(key=key))


def age(services: Services, number: int, seconds: int) -> None:
    """Let the import have ended so long ago."""
    with services.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE imports SET finished_at = NOW(6) - INTERVAL %s SECOND WHERE number = %s", (seconds, number)
        )


def test_a_file_is_kept_for_a_day_after_the_end(services: Services, tmp_path: Path) -> None:
    ended, waiting = upload(services, tmp_path, "one").row, upload(services, tmp_path, "two").row
    load_next(services, "worker", GracefulShutdown(0))
    age(services, ended.number, 23 * HOURS)
    cleanup.clean(services)
    assert services.spool.path(ended.id).exists()
    age(services, ended.number, 25 * HOURS)
    cleanup.clean(services)
    assert not services.spool.path(ended.id).exists()
    assert services.spool.path(waiting.id).exists()
    with services.database.begin() as connection:
        row = queries.find_numbered(connection, ended.number)
    assert row is not None and (row.state, row.source.spool_name) == (State.COMMITTED, None)


def test_an_orphan_goes_when_nobody_has_touched_it_for_long(services: Services, tmp_path: Path) -> None:
    needed = upload(services, tmp_path, "needed").row
    orphans = [services.spool.path("orphan"), services.spool.path("orphan.part")]
    for path in (*orphans, services.spool.path(needed.id)):
        path.touch()
    cleanup.clean(services)
    assert all(path.exists() for path in orphans)
    long_ago = time.time() - 2 * cleanup.ORPHAN_SECONDS
    for path in (*orphans, services.spool.path(needed.id)):
        os.utime(path, (long_ago, long_ago))
    cleanup.clean(services)
    assert not any(path.exists() for path in orphans)
    assert services.spool.path(needed.id).exists()


def test_what_a_dead_attempt_rejected_goes(services: Services, tmp_path: Path) -> None:
    """A reject file is needed by an import that counts rejects, and by one that is not over."""
    rejected, clean_one, waiting = (upload(services, tmp_path, name).row for name in ("rejected", "fine", "waiting"))
    for _ in range(2):
        load_next(services, "worker", GracefulShutdown(0))
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE imports SET rows_rejected = 1 WHERE number = %s", (rejected.number,))
        connection.exec_driver_sql("UPDATE imports SET epoch = 1 WHERE number = %s", (waiting.number,))
    long_ago = time.time() - 2 * cleanup.ORPHAN_SECONDS
    for row in (rejected, clean_one, waiting):
        for epoch in (0, 1):
            path = services.spool.path(reject_name(row.id, epoch))
            path.touch()
            os.utime(path, (long_ago, long_ago))
    cleanup.clean(services)
    left = {path.name for path in services.spool.folder.glob("*.rejects")}
    assert left == {reject_name(rejected.id, 1), reject_name(waiting.id, 1)}


def test_history_is_forgotten_after_its_time_and_rows_stay(services: Services, tmp_path: Path) -> None:
    old, young = upload(services, tmp_path, "old", key="night").row, upload(services, tmp_path, "young").row
    for _ in range(2):
        load_next(services, "worker", GracefulShutdown(0))
    for row, days in ((old, 91), (young, 89)):
        age(services, row.number, days * DAYS)
    cleanup.clean(services)  # the files first
    cleanup.clean(services)
    with services.database.begin() as connection:
        assert queries.find_import(connection, old.id) is None
        assert queries.list_events(connection, old.number) == []
        assert queries.find_import(connection, young.id) is not None
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM orders").scalar_one() == 40
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM idempotency_keys").scalar_one() == 0


def test_a_long_history_goes_step_by_step_in_bounded_steps(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_SIZE", 3)
    monkeypatch.setattr(retention, "ROWS", 8)
    monkeypatch.setattr(cleanup, "STEP_SECONDS", 0.0)
    path = tmp_path / "same.csv"
    write_csv_sample(path, 20, "same")
    for _ in range(8):
        row = accept_file(services, ORDERS, path.read_bytes(), on_conflict="update").row
        load_next(services, "worker", GracefulShutdown(0))
        age(services, row.number, 91 * DAYS)

    def count(table: str) -> int:
        with services.database.begin() as connection:
            return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one())

    left = [count("before_images")]
    assert left == [7 * 20]
    cleaner, steps = Cleaner(services, Chores(services)), 0
    while count("imports"):
        cleaner.clean()
        left.append(count("before_images"))
        assert (steps := steps + 1) < 90
    assert all(before - after <= 8 for before, after in itertools.pairwise(left)) and left[-1] == 0
    assert count("events") == count("receipts") == 0 and count("orders") == 20


def test_tokens_and_sessions_go_long_after_their_end(services: Services) -> None:
    database = services.database
    names = ("valid", "revoked", "long revoked", "expired", "long expired")
    ids = {name: tokens.create_token(database, name, ["viewer"], created_by="test").token.id for name in names}
    for name in ("revoked", "long revoked"):
        tokens.revoke_token(database, ids[name], revoked_by="test")
    for name in ("open", "ended", "long ended", "long expired"):
        sessions.begin_session(database, name, token=ids["valid"], key=None, address="127.0.0.1")
    ages = {
        "backout_tokens SET revoked_at = NOW(6) - INTERVAL 91 DAY WHERE name = 'long revoked'",
        "backout_tokens SET expires_at = NOW(6) - INTERVAL 89 DAY WHERE name = 'expired'",
        "backout_tokens SET expires_at = NOW(6) - INTERVAL 91 DAY WHERE name = 'long expired'",
        "backout_sessions SET ended_at = NOW(6) - INTERVAL 23 HOUR WHERE client = 'ended'",
        "backout_sessions SET ended_at = NOW(6) - INTERVAL 25 HOUR WHERE client = 'long ended'",
        "backout_sessions SET expires_at = NOW(6) - INTERVAL 25 HOUR WHERE client = 'long expired'",
    }
    with database.begin() as connection:
        for statement in ages:
            connection.exec_driver_sql(f"UPDATE {statement}")
    cleanup.clean(services)
    assert {token.name for token in tokens.list_tokens(database)} == {"valid", "revoked", "expired"}
    assert {one.client for one in sessions.list_sessions(database)} == {"open", "ended"}
