"""Entries of the audit, and the chain of digests that shows whether one was changed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

GENESIS = "0" * 64  # the digest before the first


class Outcome(StrEnum):
    """Whether it was done."""

    DONE = "done"
    DENIED = "denied"


@dataclass(frozen=True)
class Entry:
    """One line: who, from where, by which token, what, when, and why not.

    Attributes:
        number: counts up, with gaps; entries of transactions that took long have a lower one than others before them.
        times: how many denials were folded into this one.
        folded: what they have in common; None for a change.
    """

    number: int
    at: datetime
    act: str
    outcome: Outcome
    target: str | None
    client: str
    address: str
    token: str | None
    session: str | None
    request_id: str | None
    reason: str | None
    times: int
    folded: str | None

    def digest(self, previous: str) -> str:
        """SHA-256 of the digest before it and of all that this entry says."""
        said = asdict(self) | {"at": self.at.isoformat(timespec="microseconds")}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


@dataclass(frozen=True)
class Link:
    """A link of the chain: the digest of an entry, which covers all before it."""

    sequence: int
    audit_no: int
    digest: str


@dataclass(frozen=True)
class Mark:
    """The chain as it is known outside of the database: how far it reached, and up to where entries may be gone."""

    sequence: int = 0
    digest: str = GENESIS
    checkpoint: int = 0
    checkpoint_digest: str = GENESIS

    @classmethod
    def parse(cls, text: str) -> "Mark":
        """Raises ValueError for what is none."""
        said: Any = json.loads(text)
        if not isinstance(said, Mapping):
            raise ValueError("it is no JSON object")
        try:
            return cls(
                int(said["sequence"]), str(said["digest"]), int(said["checkpoint"]), str(said["checkpoint_digest"])
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"it lacks {error}") from None


@dataclass(frozen=True)
class Wanted:
    """Which entries are asked for; None: any."""

    client: str | None = None
    act: str | None = None
    target: str | None = None
    outcome: Outcome | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Denial:
    """Something that was refused; those that have `folded` in common are one entry a minute."""

    act: str
    client: str
    address: str
    token: str | None
    session: str | None
    request_id: str | None
    reason: str
    folded: str
