"""Pause: imports that are not begun until someone resumes them, and running ones that go back to the queue."""

from contextlib import suppress
from functools import partial

import structlog

from app.db.access import audit
from app.db.database import Connection, Database
from app.db.datasets import registry
from app.db.imports import pauses, queries, transitions
from app.domain.errors import AlreadyDecided, ImportNotFound
from app.domain.imports import Import
from app.domain.pause import Pause, Scope
from app.domain.requests.revert import Kind
from app.domain.states import STOPPABLE
from app.lifecycle.datasets import catalog
from app.lifecycle.imports import requeue
from app.lifecycle.imports.stop import end_load
from app.lifecycle.services import Services

MAX_HINTS = 100

log = structlog.get_logger(__name__)


def pause(services: Services, scope: Scope, name: str = "", client: str = "") -> None:
    """Pause one import by its id, all imports into a dataset by its name, or all imports. What runs goes back to the
    queue without counting an attempt, and begins again when it is resumed; what is decided goes on.

    Raises `ImportNotFound`, `AlreadyDecided` for an import that can't be held, `InvalidContent` for an unknown dataset,
    and `DatabaseUnavailable`.
    """
    with services.database.begin() as connection:
        if scope is Scope.DATASET:
            _require_dataset(connection, name)
        if scope is Scope.IMPORT:
            _require_unfinished(queries.find_import(connection, name), name)
        pauses.insert_pause(connection, scope, name, client)
        audit.record(connection, name or None)
    log.info("paused", scope=scope, name=name)
    # a crash here leaves running imports that are paused: the sweeper takes them back
    for row in hold(services.database):
        with suppress(RuntimeError):  # this process ends
            services.background.submit(partial(end_load, services.database, services.installation, row))


def resume(services: Services, scope: Scope, name: str = "") -> None:
    """End such a pause; nothing changes where there is none. Imports that another pause holds stay paused. Raises
    `InvalidContent` for an unknown dataset, and `DatabaseUnavailable`."""
    with services.database.begin() as connection:
        if scope is Scope.DATASET:
            _require_dataset(connection, name)
        if pauses.delete_pause(connection, scope, name):
            audit.record(connection, name or None)
    # a crash here leaves imports that are shown as paused until the sweeper looks
    with services.database.begin() as connection:
        pauses.mark(connection)
        due = transitions.list_due(connection, MAX_HINTS)
        rows = queries.list_numbered(connection, due)
    log.info("resumed", scope=scope, name=name)
    # a crash here leaves them without hints: the sweeper publishes those
    for row in rows:
        services.hints.announce(row.id)


def hold(database: Database) -> list[Import]:
    """Take back the running imports that a pause holds, and let all queued ones say whether they are paused. Returns
    those that were taken back: their loads must be ended."""
    with database.begin() as connection:
        running = queries.list_numbered(connection, pauses.list_held(connection))
    taken = [row for row in running if requeue.give_back(database, transitions.ledger, row, requeue.PAUSED)]
    with database.begin() as connection:
        for id in pauses.list_needless(connection):
            pauses.delete_pause(connection, Scope.IMPORT, id)
    with database.begin() as connection:
        pauses.mark(connection)
    return taken


def list_pauses(database: Database) -> list[Pause]:
    """All pauses."""
    with database.begin() as connection:
        return pauses.list_pauses(connection)


def _require_dataset(connection: Connection, name: str) -> None:
    """It stays there until this transaction has ended: a drop ends its pause."""
    if registry.hold_dataset(connection, name) is None:
        raise catalog.no_dataset(name, registry.list_datasets(connection))


def _require_unfinished(row: Import | None, id: str) -> None:
    if row is None:
        raise ImportNotFound(f"there is no import {id}", import_id=id)
    if row.kind is Kind.REVERT:
        raise AlreadyDecided("a pause holds no revert: stop it instead", import_id=id, state=row.state)
    if row.inline:
        raise AlreadyDecided("its client waits for the answer: it can't be paused", import_id=id, state=row.state)
    if row.state not in STOPPABLE:
        raise AlreadyDecided(f"too late: the import is {row.state}", import_id=id, state=row.state)
