"""Damage: decided imports of which a branch was lost. It is recorded once, and settled by a person alone."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, exists, select, update

from app.db.imports import transitions
from app.db.imports.transitions import NOW
from app.db.schema import events, imports, receipts
from app.domain.states import State

DAMAGE = "damage"  # the event


def note_damage(connection: Connection, number: int, detail: Mapping[str, Any]) -> bool:
    """Record in a `committing` import's history that it is damaged; False when it is recorded already."""
    # the row first, so that of two sweepers the second sees the first one's event
    mine = select(imports.c.number).where(imports.c.number == number, imports.c.state == State.COMMITTING)
    if connection.execute(mine.with_for_update()).first() is None:
        return False
    told = select(events.c.sequence).where(events.c.import_no == number, events.c.kind == DAMAGE)
    if connection.execute(told).first() is not None:
        return False
    transitions.note(connection, number, DAMAGE, detail)
    return True


def list_damaged(connection: Connection, dataset: str | None = None) -> list[int]:
    """Numbers of imports that were found damaged and have not been settled."""
    query = select(imports.c.number).where(
        imports.c.state == State.COMMITTING,
        exists().where(events.c.import_no == imports.c.number, events.c.kind == DAMAGE),
    )
    if dataset is not None:
        query = query.where(imports.c.dataset == dataset)
    return list(connection.scalars(query.order_by(imports.c.number)))


def fail_damaged(
    connection: Connection, number: int, epoch: int, error: Mapping[str, Any], detail: Mapping[str, Any]
) -> bool:
    """Let a damaged import fail and forget its receipts; its rows are deleted in the same transaction, by the caller.

    The one move that the table of legal moves does not have, and therefore a person's. False when it is no longer
    `committing` at this epoch with its lease over.
    """
    moved = connection.execute(
        update(imports)
        .where(
            imports.c.number == number,
            imports.c.epoch == epoch,
            imports.c.state == State.COMMITTING,
            imports.c.lease_until <= NOW,
        )
        .values(
            state=State.FAILED, phase="undone", lease_until=None, finished_at=NOW, dedup_key=None, error=dict(error)
        )
    )
    if moved.rowcount != 1:
        return False
    connection.execute(delete(receipts).where(receipts.c.import_no == number))
    transitions.note(connection, number, State.FAILED, detail)
    return True
