"""Pauses in the database. The claim's condition reads them, so that none begins after a pause was recorded, except one
whose claim was on its way; `list_held` finds that one.

A claim locks its import and then reads the pauses: a transaction that writes them must lock no import after it."""

from typing import Any

from sqlalchemy import Connection, String, bindparam, delete, exists, func, literal, null, or_, select, update
from sqlalchemy.dialects.mysql import insert as upsert
from sqlalchemy.sql.elements import ColumnElement

from app.db.ledger import NOW, by_key, insert_events
from app.db.schema import imports, pauses
from app.domain.audit.actor import name_actor
from app.domain.pause import PHASE, Pause, Scope
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, State

_HOLDS = or_(
    pauses.c.scope == Scope.ALL,
    (pauses.c.scope == Scope.DATASET) & (pauses.c.name == imports.c.dataset),
    (pauses.c.scope == Scope.IMPORT) & (pauses.c.name == imports.c.id),
)
HELD: ColumnElement[bool] = exists().where(_HOLDS)
_HOLDER = func.nullif(select(pauses.c.client).where(_HOLDS).order_by(pauses.c.paused_at).limit(1).scalar_subquery(), "")
_HOLDABLE = imports.c.inline.is_(False) & (imports.c.kind == Kind.IMPORT)
_WAITING = (imports.c.state == State.QUEUED) & _HOLDABLE


def insert_pause(connection: Connection, scope: Scope, name: str, client: str) -> None:
    """Record a pause; nothing changes where it is there already."""
    values = {"scope": scope, "name": name, "client": client, "paused_at": NOW}
    connection.execute(upsert(pauses).values(**values).on_duplicate_key_update(scope=scope))


def delete_pause(connection: Connection, scope: Scope, name: str) -> bool:
    """End a pause; False where there is none."""
    gone = connection.execute(delete(pauses).where(pauses.c.scope == scope, pauses.c.name == name))
    return gone.rowcount == 1


def list_needless(connection: Connection) -> list[str]:
    """The ids of imports that have ended and are paused still."""
    ended = (imports.c.id == pauses.c.name) & imports.c.state.in_(list(FINAL))
    return list(connection.scalars(select(pauses.c.name).join(imports, ended).where(pauses.c.scope == Scope.IMPORT)))


def list_pauses(connection: Connection) -> list[Pause]:
    """All pauses: the widest first, then by name."""
    rows = connection.execute(select(pauses).order_by(pauses.c.scope, pauses.c.name))
    return [Pause(Scope(row.scope), row.name, row.client, row.paused_at) for row in rows]


def holds_dataset(connection: Connection, dataset: str) -> bool:
    """Whether a pause holds all imports into this dataset."""
    return connection.execute(_OF_DATASET, {"wanted": dataset}).first() is not None


_OF_DATASET = select(pauses.c.scope).where(
    or_(
        pauses.c.scope == Scope.ALL,
        (pauses.c.scope == Scope.DATASET) & (pauses.c.name == bindparam("wanted", type_=String)),
    )
)


def list_held(connection: Connection) -> list[int]:
    """Numbers of the running imports that a pause holds. An inline one is not: its client waits for the answer.
    Nor is a revert."""
    query = select(imports.c.number).where(imports.c.state == State.RUNNING, _HOLDABLE, HELD)
    return list(connection.scalars(query.order_by(imports.c.number)))


def mark(connection: Connection) -> None:
    """Let the phase of each queued import say whether a pause holds it, and its timeline since when."""
    # who paused it is in the pause, so it is known to the sweeper, too, which may be faster
    _set_phase(connection, PHASE, "paused", HELD & (imports.c.phase != PHASE), _HOLDER, imports.c.paused_by)
    resumer = literal(name_actor(), String)
    _set_phase(connection, "waiting", "resumed", ~HELD & (imports.c.phase == PHASE), null(), resumer)


def _set_phase(
    connection: Connection,
    phase: str,
    event: str,
    wanted: ColumnElement[bool],
    paused_by: ColumnElement[Any],
    client: ColumnElement[Any],
) -> None:
    found = list(connection.scalars(select(imports.c.number).where(_WAITING, wanted)))
    if not found:
        return
    # locked and looked at again: another process may do the same, or a worker may have claimed one meanwhile
    locked = by_key(select(imports.c.number), imports).where(imports.c.number.in_(found), _WAITING, wanted)
    mine = imports.c.number.in_(list(connection.scalars(locked.with_for_update())))
    changed = {"phase": phase, "sequence": imports.c.sequence + 1, "paused_by": paused_by}
    connection.execute(update(imports).where(mine).values(**changed))
    line = select(imports.c.number, imports.c.sequence, NOW, literal(event), null(), client)
    connection.execute(insert_events(line.where(mine)))
