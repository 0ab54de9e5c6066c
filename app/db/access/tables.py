"""The tables of access. Their names have the prefix that datasets can't have."""

from collections.abc import Sequence

from sqlalchemy import CHAR, JSON, Boolean, Column, Connection, Index, Integer, String, Table, delete, select
from sqlalchemy.dialects.mysql import BIGINT, DATETIME

from app.db.ledger import seconds_from_now
from app.db.schema import OPTIONS, metadata

STEP = 500  # rows that are forgotten at a time

_instant = DATETIME(fsp=6)
_number = BIGINT(unsigned=True)

tokens = Table(
    "backout_tokens",
    metadata,
    Column("id", CHAR(8), primary_key=True),
    Column("digest", CHAR(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("datasets", JSON),
    Column("created_at", _instant, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("expires_at", _instant, nullable=False),
    Column("last_used_at", _instant),
    Column("revoked_at", _instant),
    Column("revoked_by", String(128)),
    Column("replaces", CHAR(8)),
    Index("tokens_created", "created_at", "id"),
    Index("tokens_expired", "expires_at"),
    Index("tokens_revoked", "revoked_at"),
    **OPTIONS,
)

# `digest` is of what the browser keeps, which is in no table
sessions = Table(
    "backout_sessions",
    metadata,
    Column("id", CHAR(16), primary_key=True),
    Column("digest", CHAR(64), nullable=False, unique=True),
    Column("client", String(64), nullable=False),
    Column("token", CHAR(8)),
    Column("key_proof", CHAR(64)),
    Column("groups", JSON),
    Column("address", String(64), nullable=False),
    Column("created_at", _instant, nullable=False),
    Column("expires_at", _instant, nullable=False),
    Column("ended_at", _instant),
    Column("ended_by", String(64)),
    Index("sessions_created", "created_at", "id"),
    Index("sessions_expired", "expires_at"),
    Index("sessions_ended", "ended_at"),
    **OPTIONS,
)

# `id` is of who they are at their provider
people = Table(
    "backout_people",
    metadata,
    Column("id", CHAR(64), primary_key=True),
    Column("client", String(64), nullable=False, unique=True),
    Column("created_at", _instant, nullable=False),
    **OPTIONS,
)

# a line is written once; folded denials are counted in `times` until the chainer has taken them
audit = Table(
    "backout_audit",
    metadata,
    Column("number", _number, primary_key=True, autoincrement=True),
    Column("at", _instant, nullable=False),
    Column("act", String(40), nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("target", String(255)),
    Column("client", String(128), nullable=False),
    Column("address", String(64), nullable=False),
    Column("token", CHAR(8)),
    Column("session", CHAR(16)),
    Column("request_id", String(64)),
    Column("reason", String(300)),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("folded", String(200), unique=True),
    Column("chained", Boolean, nullable=False, server_default="0"),
    Index("audit_unchained", "chained", "number"),
    Index("audit_of_client", "client", "number"),
    Index("audit_of_target", "target", "number"),
    **OPTIONS,
)

# link 0 stays for good: who extends the chain holds it
audit_chain = Table(
    "backout_audit_chain",
    metadata,
    Column("sequence", _number, primary_key=True, autoincrement=False),
    Column("audit_no", _number, nullable=False, unique=True),
    Column("digest", CHAR(64), nullable=False),
    **OPTIONS,
)


def delete_ended(connection: Connection, table: Table, ends: Sequence[str], seconds: float) -> bool:
    """Delete a step of the rows that ended longer ago than that, by any of their `ends`, each of which has an index;
    returns whether there may be more."""
    found: set[str] = set()
    for end in ends:
        query = select(table.c.id).where(table.c[end] <= seconds_from_now(-seconds)).order_by(table.c[end])
        found.update(connection.scalars(query.limit(STEP)))
    if found:
        connection.execute(delete(table).where(table.c.id.in_(sorted(found))))
    return len(found) >= STEP
