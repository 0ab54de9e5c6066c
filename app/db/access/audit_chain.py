"""The chain over the audit in the database: a link for each line that is committed, and none that changes."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects.mysql import insert as upsert
from sqlalchemy.sql.elements import ColumnElement

from app.db.access.audit import COLUMNS, make_entry
from app.db.access.tables import audit, audit_chain
from app.db.ledger import NOW, seconds_from_now
from app.domain.audit.entry import GENESIS, Entry, Link, Outcome

BATCH = 1000
FOLDING_SECONDS = 70  # after which a denial's minute is over and is not counted up any more
LATE = timedelta(hours=1)  # longer than any transaction of ours is open


def hold(connection: Connection) -> None:
    """Let no one else extend or shorten the chain until this transaction has ended."""
    query = select(audit_chain.c.sequence).where(audit_chain.c.sequence == 0).with_for_update()
    if connection.execute(query).first() is None:
        # not IGNORE: two that find it taken would share its lock, and then each wait for the other
        genesis = upsert(audit_chain).values(sequence=0, audit_no=0, digest=GENESIS)
        connection.execute(genesis.on_duplicate_key_update(audit_no=0))
        connection.execute(query)


def find_last(connection: Connection) -> Link:
    """The chain's last link."""
    row = connection.execute(select(audit_chain).order_by(audit_chain.c.sequence.desc()).limit(1)).first()
    return Link(0, 0, GENESIS) if row is None else _link(row)


def find_link(connection: Connection, sequence: int) -> Link | None:
    """The link of this number."""
    row = connection.execute(select(audit_chain).where(audit_chain.c.sequence == sequence)).first()
    return None if row is None else _link(row)


def list_waiting(connection: Connection) -> list[int]:
    """Numbers of lines that get a link now, a batch of them.

    The index finds what has none, however long the history is. A line may commit later than others with higher numbers;
    one that is much older than the newest in the chain was not written by us, and gets no link.
    """
    folded = and_(audit.c.outcome == str(Outcome.DENIED), audit.c.at >= seconds_from_now(-FOLDING_SECONDS))
    query = select(audit.c.number).where(audit.c.chained.is_(False), _is_in_time(connection), ~folded)
    return list(connection.scalars(query.order_by(audit.c.number).limit(BATCH)))


def list_stray(connection: Connection) -> list[int]:
    """Numbers of lines that have no link and will get none: inserted by someone else. Reads all lines."""
    unlinked = select(audit.c.number, audit.c.chained).outerjoin(audit_chain, audit_chain.c.audit_no == audit.c.number)
    query = unlinked.where(audit_chain.c.sequence.is_(None), or_(audit.c.chained.is_(True), ~_is_in_time(connection)))
    return [row.number for row in connection.execute(query.order_by(audit.c.number).limit(BATCH))]


def count_waiting(connection: Connection) -> int:
    """How many lines will get a link."""
    query = select(func.count()).select_from(audit).where(audit.c.chained.is_(False), _is_in_time(connection))
    return int(connection.execute(query).scalar_one())


def link(connection: Connection, numbers: Sequence[int], last: Link) -> Link:
    """Append links for these lines; the caller holds the chain, and `last` is its last link. Returns the new last."""
    # first, so that a denial that is folded right now is in what is read next, or is no more counted
    connection.execute(update(audit).where(audit.c.number.in_(numbers)).values(chained=True))
    rows = connection.execute(select(*COLUMNS).where(audit.c.number.in_(numbers)).order_by(audit.c.number))
    links: list[Link] = []
    for row in rows:
        entry = make_entry(row)
        last = Link(last.sequence + 1, entry.number, entry.digest(last.digest))
        links.append(last)
    if links:
        connection.execute(insert(audit_chain), [asdict(one) for one in links])
    return last


def read_chain(connection: Connection, after: int) -> Iterator[tuple[Link, Entry | None]]:
    """The links after this one, each with its line if that is there."""
    joined = select(*audit_chain.c, *COLUMNS).outerjoin(audit, audit.c.number == audit_chain.c.audit_no)
    while True:
        query = joined.where(audit_chain.c.sequence > after).order_by(audit_chain.c.sequence).limit(BATCH)
        rows = connection.execute(query).all()
        for row in rows:
            yield _link(row), None if row.number is None else make_entry(row)
        if len(rows) < BATCH:
            return
        after = rows[-1].sequence


def find_checkpoint(connection: Connection, after: Link, until: int, days: float) -> Link:
    """The last link up to which all lines are older than that, a batch beyond `after` at most, `until` at the
    latest."""
    for found, is_old in _read_ages(connection, after.sequence + 1, until, days):
        if not is_old:  # or it is missing, which is for a person to see
            break
        after = found
    return after


def delete_old(connection: Connection, until: int, days: float) -> int:
    """Delete a batch of lines that are older than that, up to this link, and the links before it; returns how many
    lines."""
    numbers = []
    for found, is_old in _read_ages(connection, 1, until, days):
        if is_old is False:
            break
        numbers.append(found.audit_no)
    if not numbers:
        return 0
    deleted = connection.execute(delete(audit).where(audit.c.number.in_(numbers))).rowcount
    links = and_(audit_chain.c.audit_no.in_(numbers), audit_chain.c.sequence >= 1, audit_chain.c.sequence < until)
    connection.execute(delete(audit_chain).where(links))
    return deleted


def _read_ages(connection: Connection, first: int, last: int, days: float) -> list[tuple[Link, bool | None]]:
    """A batch of links, each with whether its line is older than that; None where it is gone."""
    age = (audit.c.at < seconds_from_now(-days * 86400)).label("is_old")
    query = select(*audit_chain.c, age).outerjoin(audit, audit.c.number == audit_chain.c.audit_no)
    query = query.where(audit_chain.c.sequence >= first, audit_chain.c.sequence <= last)
    rows = connection.execute(query.order_by(audit_chain.c.sequence).limit(BATCH))
    return [(_link(row), None if row.is_old is None else bool(row.is_old)) for row in rows]


def _is_in_time(connection: Connection) -> ColumnElement[bool]:
    highest = connection.execute(select(func.max(audit_chain.c.audit_no))).scalar() or 0
    last = find_last(connection)
    newest: datetime | None = connection.execute(select(audit.c.at).where(audit.c.number == last.audit_no)).scalar()
    if newest is None:  # there is none yet, or the last line is gone
        newest = connection.execute(select(NOW)).scalar_one()
    return or_(audit.c.number > highest, audit.c.at >= newest - LATE)


def _link(row: Any) -> Link:
    return Link(row.sequence, row.audit_no, row.digest)
