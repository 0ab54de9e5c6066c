"""The tables of access. Their names have the prefix that datasets can't have."""

from sqlalchemy import CHAR, JSON, Column, String, Table
from sqlalchemy.dialects.mysql import DATETIME

from app.db.schema import OPTIONS, metadata

_instant = DATETIME(fsp=6)

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
    Column("address", String(64), nullable=False),
    Column("created_at", _instant, nullable=False),
    Column("expires_at", _instant, nullable=False),
    Column("ended_at", _instant),
    Column("ended_by", String(64)),
    **OPTIONS,
)
