"""Leases: the moves that every ledger has in common, over any table with number, state, epoch, attempts, lease and
sequence. Imports and handlings are two of them; what is theirs alone is in `ledger` and `handlings`."""

from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    CompoundSelect,
    Connection,
    Insert,
    Integer,
    Select,
    String,
    Table,
    Update,
    bindparam,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from app.db.schema import events

NOW: ColumnElement[Any] = func.now(text("6"))


def seconds_from_now(seconds: float) -> ColumnElement[Any]:
    """An instant by the database's clock, the only one that leases know; negative seconds lie in the past."""
    return func.timestampadd(text("MICROSECOND"), int(seconds * 1_000_000), NOW)


def move(
    connection: Connection,
    table: Table,
    number: int,
    sources: Collection[str],
    target: str,
    *,
    at_epoch: int | None = None,
    condition: ColumnElement[bool] | None = None,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> bool:
    """One conditional UPDATE from one of `sources` to `target`, and its event in the same transaction; whether this
    call won. The caller has looked whether the move is legal."""
    # an expression is part of the statement, all else is sent beside it
    made = {name: value for name, value in values.items() if isinstance(value, ColumnElement)}
    sent = {f"to_{name}": value for name, value in values.items() if name not in made}
    known = frozenset(str(state) for state in sources), at_epoch is not None, condition
    statement = _move(table, *known, tuple(name for name in values if name not in made), tuple(made.items()))
    sent |= {"of": number, "to_state": str(target)}
    if at_epoch is not None:
        sent["at_epoch"] = at_epoch
    if connection.execute(statement, sent).rowcount != 1:
        return False
    add_event(connection, table, number, target, detail)
    return True


@lru_cache(maxsize=256)  # to make it takes several times as long as to run it
def _move(
    table: Table,
    sources: frozenset[str],
    at_an_epoch: bool,
    condition: ColumnElement[bool] | None,
    sent: tuple[str, ...],
    made: tuple[tuple[str, ColumnElement[Any]], ...],
) -> Update:
    where = [table.c.number == bindparam("of", type_=Integer), is_in(table, sources)]
    if at_an_epoch:
        where.append(table.c.epoch == bindparam("at_epoch", type_=Integer))
    if condition is not None:
        where.append(condition)
    values = {name: bindparam(f"to_{name}", type_=table.c[name].type) for name in ("state", *sent)}
    return update(table).where(*where).values(sequence=table.c.sequence + 1, **values, **dict(made))


def is_in(table: Table, states: Collection[str]) -> ColumnElement[bool]:
    """That the state is one of these. The list of an IN is put together anew each time that it is sent."""
    return or_(*(table.c.state == str(state) for state in sorted(states)))


@lru_cache(maxsize=64)  # the same expressions make the same statement: see `_move`
def claiming(table: Table, lease_seconds: float) -> Mapping[str, Any]:
    """What a claim sets beside the state and the worker: epoch + 1, one more attempt, and a lease by the database's
    clock."""
    return {
        "epoch": table.c.epoch + 1,
        "attempts": table.c.attempts + 1,
        "lease_until": seconds_from_now(lease_seconds),
        "started_at": func.coalesce(table.c.started_at, NOW),
    }


def giving_back(table: Table, attempts: int, pause_seconds: float) -> dict[str, Any]:
    """What handing back and taking back set beside the state: a new epoch, which fences the attempt for good, and when
    the next one may begin. `attempts` is what is added to their number."""
    return {
        "epoch": table.c.epoch + 1,
        "attempts": table.c.attempts + attempts,
        "not_before": seconds_from_now(pause_seconds),
    }


def renew(
    connection: Connection, table: Table, number: int, epoch: int, leased: Collection[str], lease_seconds: float
) -> bool:
    """Hold on to an attempt; False when it is no longer ours."""
    renewed = connection.execute(
        update(table)
        .where(table.c.number == number, table.c.epoch == epoch, table.c.state.in_(leased))
        .values(lease_until=seconds_from_now(lease_seconds))
    )
    return renewed.rowcount == 1


def holds(connection: Connection, table: Table, number: int, epoch: int, state: str) -> bool:
    """Whether the attempt of this epoch is still in this state."""
    values = {"wanted": number, "at_epoch": epoch, "in_state": str(state)}
    return connection.execute(_held(table), values).first() is not None


@cache
def _held(table: Table) -> Select[Any]:
    return select(table.c.number).where(
        table.c.number == bindparam("wanted", type_=Integer),
        table.c.epoch == bindparam("at_epoch", type_=Integer),
        table.c.state == bindparam("in_state", type_=String),
    )


def expired(table: Table) -> ColumnElement[bool]:
    """The lease has run out."""
    return table.c.lease_until <= NOW


def waited(table: Table) -> ColumnElement[bool]:
    """The pause before the next attempt, if there is one, is over."""
    return or_(table.c.not_before.is_(None), table.c.not_before <= NOW)


def note(
    connection: Connection, table: Table, number: int, kind: str, detail: Mapping[str, Any], **values: Any
) -> None:
    """Record in the history something that is no move; nothing happens where there is no such row."""
    connection.execute(update(table).where(table.c.number == number).values(sequence=table.c.sequence + 1, **values))
    add_event(connection, table, number, kind, detail)


def add_event(
    connection: Connection, table: Table, number: int, kind: str, detail: Mapping[str, Any] | None = None
) -> None:
    """A line of the timeline, under the sequence that the row has now."""
    values = {"of": number, "of_kind": str(kind), "of_detail": dict(detail) if detail else None}
    connection.execute(_event_line(table), values)


@cache
def _event_line(table: Table) -> Insert:
    line = select(
        table.c.number,
        table.c.sequence,
        NOW,
        bindparam("of_kind", type_=String),
        bindparam("of_detail", type_=JSON(none_as_null=True)),
    ).where(table.c.number == bindparam("of", type_=Integer))
    return insert_events(line)


def insert_events(lines: Select[Any] | CompoundSelect[Any]) -> Insert:
    """A statement that writes lines of timelines: of which row, sequence, instant, kind, detail."""
    return insert(events).from_select(["import_no", "sequence", "at", "kind", "detail"], lines)
