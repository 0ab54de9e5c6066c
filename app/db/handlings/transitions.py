"""Transitions: the ledger of handlings, and what only its moves do (see `app.db.ledger`); its queries."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, exists, func, insert, select, update

from app.db import pages
from app.db.ledger import NOW, Ledger, LedgerStates, seconds_from_now
from app.db.schema import events, handled_orders, handling_steps, handlings, installation, orders
from app.domain.feed_cursor import RowVersion
from app.domain.handling import (
    LEASED,
    RESTING,
    UNFINISHED,
    Handling,
    HandlingState,
    Mode,
    OrderState,
    StepState,
    require_legal,
)

_MAY_RUN = ~exists().where(installation.c.frozen_at.is_not(None))
BATCH_SIZE = 20  # old handlings forgotten at a time

_COLUMNS = [
    *handlings.c,
    case((handlings.c.lease_until > NOW, 1), else_=0).label("lease_live"),
    NOW.label("read_at"),
]


class HandlingLedger(Ledger[HandlingState]):
    """What a move of a handling does besides: without a worker it has no order in hand, and at rest it holds its orders
    no longer."""

    def values_for(self, target: HandlingState) -> dict[str, Any]:
        """A handling that goes on has no end."""
        return {"finished_at": NOW if target in RESTING else None}

    def after_move(self, connection: Connection, number: int, target: HandlingState) -> None:
        """Give back the orders in hand, and at rest all."""
        mine = handled_orders.c.handling_no == number
        if target not in LEASED:
            in_hand = handled_orders.c.state == OrderState.RUNNING
            connection.execute(update(handled_orders).where(mine, in_hand).values(state=OrderState.PENDING))
            begun = handling_steps.c.handling_no == number, handling_steps.c.state == StepState.RUNNING
            connection.execute(update(handling_steps).where(*begun).values(state=StepState.INTERRUPTED))
        if target in RESTING:
            held = handled_orders.c.active.is_not(None)
            connection.execute(update(handled_orders).where(mine, held).values(active=None))

    def fail_exhausted(
        self,
        connection: Connection,
        number: int,
        epoch: int,
        error: Mapping[str, Any],
        *,
        only_expired: bool = False,
        **values: Any,
    ) -> bool:
        """`Ledger.fail_exhausted`: the orders in hand count as failed."""
        in_hand = handled_orders.c.handling_no == number, handled_orders.c.state == OrderState.RUNNING
        broken = int(connection.execute(select(func.count()).where(*in_hand)).scalar_one())
        won = self.holds(connection, number, epoch)
        if won and broken:
            message = str(error["message"])[:1000]
            connection.execute(
                update(handled_orders).where(*in_hand).values(state=OrderState.FAILED, error=message, finished_at=NOW)
            )
        failed = handlings.c.orders_failed + broken
        return won and super().fail_exhausted(
            connection, number, epoch, error, only_expired=only_expired, orders_failed=failed, **values
        )

    def end_deserted_stop(self, connection: Connection, number: int, epoch: int) -> bool:
        """Record the end of a stop whose worker died."""
        return self.move(
            connection,
            number,
            {HandlingState.STOPPING},
            HandlingState.STOPPED,
            at_epoch=epoch,
            condition=self.expired(),
            detail={"reason": "its worker died before the step in hand was recorded"},
            epoch=handlings.c.epoch + 1,
        )


ledger = HandlingLedger(
    handlings,
    LedgerStates(HandlingState.QUEUED, HandlingState.RUNNING, HandlingState.FAILED, LEASED, require_legal),
    _MAY_RUN,
)


def insert_handling(connection: Connection, values: Mapping[str, Any]) -> int:
    """Record an accepted handling as `queued`; returns its number."""
    values = {"state": HandlingState.QUEUED, "orders_total": 0, **values}
    result = connection.execute(insert(handlings).values(created_at=NOW, **values))
    return int(result.inserted_primary_key[0])  # type: ignore[index]


def begin_waiting(connection: Connection, number: int, orders: int) -> None:
    """Its orders are recorded: so many. The first line of its timeline."""
    connection.execute(update(handlings).where(handlings.c.number == number).values(orders_total=orders))
    ledger.add_event(connection, number, HandlingState.QUEUED, {"orders": orders})


def list_due(connection: Connection, limit: int) -> list[int]:
    """Numbers of handlings that a worker may claim now: by priority, then age."""
    query = (
        select(handlings.c.number)
        .where(ledger.due())
        .order_by(handlings.c.priority.desc(), handlings.c.number)
        .limit(limit)
    )
    return list(connection.scalars(query))


def find_handling(connection: Connection, id: str) -> Handling | None:
    """The handling with this id, or None."""
    row = connection.execute(select(*_COLUMNS).where(handlings.c.id == id)).first()
    return None if row is None else _handling(row)


def find_numbered(connection: Connection, number: int) -> Handling | None:
    """The handling with this number, or None."""
    row = connection.execute(select(*_COLUMNS).where(handlings.c.number == number)).first()
    return None if row is None else _handling(row)


def list_handlings(
    connection: Connection,
    *,
    states: Iterable[HandlingState] = (),
    before: int | None = None,
    limit: int = 50,
    client: str | None = None,
) -> list[Handling]:
    """Handlings, of one client if it is named, newest first; `before` is the number that the page before ended with."""
    wanted: pages.Wanted = {
        "state": {str(state) for state in states} or None,
        "client": None if client is None else [client],
    }
    page = pages.select_page(handlings, INDEXES, wanted, {}, before=before, limit=limit)
    listed = page.join(handlings, handlings.c.number == page.c.number)
    query = select(*_COLUMNS).select_from(listed).order_by(handlings.c.number.desc())
    return [_handling(row) for row in connection.execute(query)]


# which index has the page of each set of filters
INDEXES = {
    frozenset[str](): "PRIMARY",
    frozenset({"state"}): "handlings_of_state",
    frozenset({"client"}): "handlings_of_client",
    frozenset({"client", "state"}): "handlings_of_client_state",
}


def list_changed(connection: Connection, since: datetime) -> list[RowVersion]:
    """Handlings that changed after an instant of the database's clock, or whose lease was renewed."""
    query = select(handlings.c.number, handlings.c.sequence, handlings.c.updated_at)
    return [RowVersion(*row) for row in connection.execute(query.where(handlings.c.updated_at > since))]


def list_numbered(connection: Connection, numbers: Iterable[int]) -> list[Handling]:
    """The handlings with these numbers, oldest first."""
    query = select(*_COLUMNS).where(handlings.c.number.in_(list(numbers))).order_by(handlings.c.number)
    return [_handling(row) for row in connection.execute(query)]


def list_in_state(connection: Connection, states: Iterable[HandlingState]) -> list[Handling]:
    """Every handling in one of these states, oldest first."""
    query = select(*_COLUMNS).where(handlings.c.state.in_(list(states))).order_by(handlings.c.number)
    return [_handling(row) for row in connection.execute(query)]


def count_states(connection: Connection) -> dict[HandlingState, int]:
    """How many handlings there are of each state that is no rest."""
    query = select(handlings.c.state, func.count()).where(handlings.c.state.in_(list(UNFINISHED)))
    return {HandlingState(state): int(count) for state, count in connection.execute(query.group_by(handlings.c.state))}


def forget_old(connection: Connection, keep_days: float) -> int:
    """Forget a step of handlings that ended longer ago than that, with their history; returns how many.

    Which orders were shipped is remembered for as long as they are in the table: they may not be deleted.
    """
    query = select(handlings.c.number).where(
        handlings.c.state.in_(list(RESTING)), handlings.c.finished_at <= seconds_from_now(-keep_days * 86400)
    )
    numbers = list(connection.scalars(query.order_by(handlings.c.finished_at).limit(BATCH_SIZE)))
    if numbers:
        connection.execute(events.delete().where(events.c.import_no.in_(numbers)))
        connection.execute(handling_steps.delete().where(handling_steps.c.handling_no.in_(numbers)))
        there = exists().where(
            orders.c.import_no == handled_orders.c.import_no, orders.c.row_no == handled_orders.c.row_no
        )
        kept = and_(handled_orders.c.shipped_at.is_not(None), there)
        connection.execute(handled_orders.delete().where(handled_orders.c.handling_no.in_(numbers), ~kept))
        connection.execute(handlings.delete().where(handlings.c.number.in_(numbers)))
    return len(numbers)


def _handling(row: Row[Any]) -> Handling:
    return Handling(
        number=row.number,
        id=row.id,
        client=row.client,
        stopped_by=row.stopped_by,
        state=HandlingState(row.state),
        mode=Mode(row.mode),
        concurrency=row.concurrency,
        pipeline=tuple(row.pipeline),
        priority=row.priority,
        epoch=row.epoch,
        attempts=row.attempts,
        lease_live=bool(row.lease_live),
        worker=row.worker,
        orders_total=row.orders_total,
        orders_done=row.orders_done,
        orders_failed=row.orders_failed,
        sequence=row.sequence,
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        read_at=row.read_at,
    )
