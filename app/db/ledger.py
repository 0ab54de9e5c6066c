"""The ledger: tables of work that workers claim under a lease, and the moves that all of them have in common.

Every move is one conditional UPDATE whose row count decides who won. Imports and handlings are two ledgers; what only
one of them does is in its `transitions`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Generic, TypeVar

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
    and_,
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
from app.domain.audit.actor import name_actor

NOW: ColumnElement[Any] = func.now(text("6"))

S = TypeVar("S", bound=StrEnum)
Locking = TypeVar("Locking", Update, Select[Any])


def by_key(statement: Locking, table: Table) -> Locking:
    """Let a statement that locks rows find them by the primary key, whatever else it asks of them.

    MariaDB finds the one running import by its state, too, and locks the index on states before the row. A stop locks
    the row first and then changes that index: each would wait for the other, and one be refused (error 1213)."""
    return statement.with_hint(text="FORCE INDEX (PRIMARY)", selectable=table)


def seconds_from_now(seconds: float) -> ColumnElement[Any]:
    """An instant by the database's clock, the only one that leases know; negative seconds lie in the past."""
    return func.timestampadd(text("MICROSECOND"), int(seconds * 1_000_000), NOW)


@dataclass(frozen=True)
class LedgerStates(Generic[S]):
    """The states that the moves of every ledger name.

    Attributes:
        queued: it waits for a worker.
        running: an attempt has it.
        exhausted: where it goes when its last attempt broke.
        leased: in these a worker holds a lease.
        require_legal: raises `IllegalMove` for a move that no rule allows.
    """

    queued: S
    running: S
    exhausted: S
    leased: frozenset[S]
    require_legal: Callable[[frozenset[S], S], None]


class Ledger(Generic[S]):
    """A table with number, state, epoch, attempts, lease and sequence. `may_run` must hold for a claim."""

    def __init__(self, table: Table, states: LedgerStates[S], may_run: ColumnElement[bool]) -> None:
        self.table, self.states, self._may_run = table, states, may_run

    def move(
        self,
        connection: Connection,
        number: int,
        sources: Iterable[S],
        target: S,
        *,
        at_epoch: int | None = None,
        condition: ColumnElement[bool] | None = None,
        detail: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> bool:
        """Move a row from one of `sources` to `target` if it still is there, at an epoch if one is given; whether this
        call won.

        `values` are set beside the state; `detail` goes into the move's event, which is part of the same transaction.
        Raises `IllegalMove`.
        """
        wanted = frozenset(sources)
        self.states.require_legal(wanted, target)
        values = self.values_for(target) | values
        if target not in self.states.leased:
            values["lease_until"] = None
        # an expression is part of the statement, all else is sent beside it
        made = {name: value for name, value in values.items() if isinstance(value, ColumnElement)}
        sent = {f"to_{name}": value for name, value in values.items() if name not in made}
        known = frozenset(str(state) for state in wanted), at_epoch is not None, condition
        statement = _move(self.table, *known, tuple(name for name in values if name not in made), tuple(made.items()))
        sent |= {"of": number, "to_state": str(target)}
        if at_epoch is not None:
            sent["at_epoch"] = at_epoch
        if connection.execute(statement, sent).rowcount != 1:
            return False
        self.add_event(connection, number, target, detail)
        self.after_move(connection, number, target)
        return True

    def values_for(self, target: S) -> dict[str, Any]:
        """What each move to this state sets besides; `values` of the call win."""
        return {}

    def after_move(self, connection: Connection, number: int, target: S) -> None:
        """What else belongs to a move that was won, in its transaction."""

    def claim(self, connection: Connection, number: int, *, worker: str, lease_seconds: float, **values: Any) -> bool:
        """Take a queued row for an attempt of one's own: epoch + 1, a lease by the database's clock."""
        return self.move(
            connection,
            number,
            {self.states.queued},
            self.states.running,
            condition=self._may_run,
            detail={"worker": worker},
            **_claiming(self.table, lease_seconds),
            worker=worker,
            **values,
        )

    def requeue(
        self,
        connection: Connection,
        number: int,
        epoch: int,
        *,
        detail: Mapping[str, Any],
        attempts: int = 0,
        pause_seconds: float = 0,
        only_expired: bool = False,
    ) -> bool:
        """Take an attempt's row back into the queue under a new epoch, which fences the attempt for good. `attempts` is
        added to their number; the next one may begin after the pause. `only_expired` acts only if the lease ran out."""
        return self.move(
            connection,
            number,
            {self.states.running},
            self.states.queued,
            at_epoch=epoch,
            condition=self.expired() if only_expired else None,
            detail=detail,
            epoch=self.table.c.epoch + 1,
            attempts=self.table.c.attempts + attempts,
            # never sooner than it was: see `NOT_BY_OLD_WORKERS`
            not_before=func.greatest(func.coalesce(self.table.c.not_before, NOW), seconds_from_now(pause_seconds)),
        )

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
        """Fail an attempt's row under a new epoch: no other attempt follows."""
        return self.move(
            connection,
            number,
            {self.states.running},
            self.states.exhausted,
            at_epoch=epoch,
            condition=self.expired() if only_expired else None,
            epoch=self.table.c.epoch + 1,
            error=dict(error),
            **values,
        )

    def renew_lease(self, connection: Connection, number: int, epoch: int, lease_seconds: float) -> bool:
        """Hold on to an attempt; False when it is no longer ours."""
        table = self.table
        renewed = connection.execute(
            by_key(update(table), table)
            .where(table.c.number == number, table.c.epoch == epoch, table.c.state.in_(self.states.leased))
            .values(lease_until=seconds_from_now(lease_seconds))
        )
        return renewed.rowcount == 1

    def holds(self, connection: Connection, number: int, epoch: int) -> bool:
        """Whether the attempt of this epoch still has the row, and is still to work on it."""
        values = {"wanted": number, "at_epoch": epoch, "in_state": str(self.states.running)}
        return connection.execute(_held(self.table), values).first() is not None

    def expired(self) -> ColumnElement[bool]:
        """The lease has run out."""
        return self.table.c.lease_until <= NOW

    def due(self) -> ColumnElement[bool]:
        """It is queued, and the pause before its next attempt, if there is one, is over."""
        not_before = self.table.c.not_before
        return and_(self.table.c.state == self.states.queued, or_(not_before.is_(None), not_before <= NOW))

    def note(self, connection: Connection, number: int, kind: str, detail: Mapping[str, Any], **values: Any) -> None:
        """Record in the history something that is no move; nothing happens where there is no such row."""
        table = self.table
        changed = {"sequence": table.c.sequence + 1, **values}
        connection.execute(update(table).where(table.c.number == number).values(**changed))
        self.add_event(connection, number, kind, detail)

    def add_event(
        self, connection: Connection, number: int, kind: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """A line of the timeline, under the sequence that the row has now, and whose doing it is."""
        values = {"of": number, "of_kind": str(kind), "of_detail": dict(detail) if detail else None}
        values["of_client"] = name_actor()
        connection.execute(_event_line(self.table), values)


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
    return by_key(update(table), table).where(*where).values(sequence=table.c.sequence + 1, **values, **dict(made))


def is_in(table: Table, states: Collection[str]) -> ColumnElement[bool]:
    """That the state is one of these. The list of an IN is put together anew each time that it is sent."""
    return or_(*(table.c.state == str(state) for state in sorted(states)))


@lru_cache(maxsize=64)  # the same expressions make the same statement: see `_move`
def _claiming(table: Table, lease_seconds: float) -> Mapping[str, Any]:
    """What a claim sets beside the state and the worker: epoch + 1, one more attempt, and a lease by the database's
    clock."""
    return {
        "epoch": table.c.epoch + 1,
        "attempts": table.c.attempts + 1,
        "lease_until": seconds_from_now(lease_seconds),
        "started_at": func.coalesce(table.c.started_at, NOW),
    }


@cache
def _held(table: Table) -> Select[Any]:
    return select(table.c.number).where(
        table.c.number == bindparam("wanted", type_=Integer),
        table.c.epoch == bindparam("at_epoch", type_=Integer),
        table.c.state == bindparam("in_state", type_=String),
    )


@cache
def _event_line(table: Table) -> Insert:
    line = select(
        table.c.number,
        table.c.sequence,
        NOW,
        bindparam("of_kind", type_=String),
        bindparam("of_detail", type_=JSON(none_as_null=True)),
        bindparam("of_client", type_=String),
    ).where(table.c.number == bindparam("of", type_=Integer))
    return insert_events(line)


def insert_events(lines: Select[Any] | CompoundSelect[Any]) -> Insert:
    """A statement that writes lines of timelines: of which row, sequence, instant, kind, detail, client."""
    return insert(events).from_select(["import_no", "sequence", "at", "kind", "detail", "client"], lines)
