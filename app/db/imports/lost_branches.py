"""Lost branches: decided imports of which a branch is gone. Recorded once; only a person resolves them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, exists, select, update

from app.db.imports import transitions
from app.db.imports.transitions import NOW
from app.db.ledger import by_key
from app.db.reverts import claims
from app.db.schema import events, imports, receipts
from app.domain.states import State

LOST_BRANCH = "lost_branch"  # the event


def record_lost_branch(connection: Connection, number: int, detail: Mapping[str, Any]) -> bool:
    """Record in a `committing` import's history that it lost a branch; False when it is recorded already."""
    # the row first, so that of two sweepers the second sees the first one's event
    mine = select(imports.c.number).where(imports.c.number == number, imports.c.state == State.COMMITTING)
    if connection.execute(by_key(mine, imports).with_for_update()).first() is None:
        return False
    told = select(events.c.sequence).where(events.c.import_no == number, events.c.kind == LOST_BRANCH)
    if connection.execute(told).first() is not None:
        return False
    transitions.ledger.note(connection, number, LOST_BRANCH, detail)
    return True


def list_with_lost_branch(connection: Connection, dataset: str | None = None) -> list[int]:
    """Numbers of imports with a lost branch that no person has resolved yet."""
    query = select(imports.c.number).where(
        imports.c.state == State.COMMITTING,
        exists().where(events.c.import_no == imports.c.number, events.c.kind == LOST_BRANCH),
    )
    if dataset is not None:
        query = query.where(imports.c.dataset == dataset)
    return list(connection.scalars(query.order_by(imports.c.number)))


def fail_with_lost_branch(
    connection: Connection, number: int, epoch: int, error: Mapping[str, Any], detail: Mapping[str, Any]
) -> bool:
    """Let an import with a lost branch fail and forget its receipts. The caller deletes its rows in this transaction.

    The table of legal moves lacks this move: only an operator makes it. False when it is no longer
    `committing` at this epoch with its lease over.
    """
    moved = connection.execute(
        by_key(update(imports), imports)
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
    claims.release(connection, number, State.FAILED)
    transitions.ledger.note(connection, number, State.FAILED, detail)
    return True
