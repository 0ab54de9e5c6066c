"""The audit in the database: written beside the change, read by administrators."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select
from sqlalchemy.dialects.mysql import insert as upsert

from app.db.access.tables import audit
from app.db.ledger import NOW
from app.domain.audit.actor import current
from app.domain.audit.entry import Denial, Entry, Outcome, Wanted

BATCH = 1000
COLUMNS = [column for column in audit.c if column.name != "chained"]


def record(connection: Connection, target: str | None = None, reason: str | None = None) -> None:
    """Record, in the transaction of a change, who makes it: the actor of this thread; nothing where there is none. What
    undoes the change undoes the line."""
    actor = current.get()
    if actor is None:
        return
    connection.execute(
        insert(audit).values(
            at=NOW,
            act=actor.act[:40],
            outcome=str(Outcome.DONE),
            target=None if target is None else target[:255],
            client=actor.client[:128],
            address=actor.address[:64],
            token=actor.token,
            session=actor.session,
            request_id=actor.request_id,
            reason=None if reason is None else reason[:300],
        )
    )


def insert_denials(connection: Connection, denials: Mapping[Denial, int]) -> None:
    """Record what was denied, and how often; what is folded alike is one line a minute, by the database's clock."""
    minute = func.date_format(NOW, "%Y-%m-%d %H:%i ")
    for one, times in sorted(denials.items(), key=lambda item: item[0].folded):  # so that no two wait for each other
        statement = upsert(audit).values(
            at=NOW,
            act=one.act[:40],
            outcome=str(Outcome.DENIED),
            client=one.client[:128],
            address=one.address[:64],
            token=one.token,
            session=one.session,
            request_id=one.request_id,
            reason=one.reason[:300],
            times=times,
            folded=func.concat(minute, one.folded[:180]),
        )
        # a line that the chainer has taken never changes again
        more = func.if_(audit.c.chained.is_(True), 0, times)
        connection.execute(statement.on_duplicate_key_update(times=audit.c.times + more))


def list_entries(connection: Connection, wanted: Wanted, before: int | None, limit: int) -> list[Entry]:
    """What is wanted, the newest first, with numbers below `before`."""
    query = _select(wanted).order_by(audit.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.number < before)
    return [make_entry(row) for row in connection.execute(query)]


def read_entries(connection: Connection, wanted: Wanted) -> Iterator[Entry]:
    """All that is wanted, the newest first."""
    before: int | None = None
    while found := list_entries(connection, wanted, before, BATCH):
        yield from found
        before = found[-1].number


def make_entry(row: Row[Any]) -> Entry:
    """The entry of a row that has `COLUMNS`."""
    return Entry(
        number=row.number,
        at=row.at,
        act=row.act,
        outcome=Outcome(row.outcome),
        target=row.target,
        client=row.client,
        address=row.address,
        token=row.token,
        session=row.session,
        request_id=row.request_id,
        reason=row.reason,
        times=row.times,
        folded=row.folded,
    )


def _select(wanted: Wanted) -> Select[Any]:
    query = select(*COLUMNS)
    for column, value in (
        (audit.c.client, wanted.client),
        (audit.c.act, wanted.act),
        (audit.c.target, wanted.target),
        (audit.c.outcome, wanted.outcome),
        (audit.c.address, wanted.address),
    ):
        if value is not None:
            query = query.where(column == str(value))
    if wanted.since is not None:
        query = query.where(audit.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.at < wanted.until)
    return query
