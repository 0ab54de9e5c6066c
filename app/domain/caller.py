"""Callers: who sends a request, and what they may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class Caller:
    """Who sends a request: the client's name, the Idempotency-Key and the request's id, if there are any."""

    client: str = ""
    key: str | None = None
    request_id: str | None = None


class Scope(StrEnum):
    """What a token allows. Each operation of the API names what it needs."""

    IMPORTS_READ = "imports:read"
    IMPORTS_WRITE = "imports:write"
    IMPORTS_STOP = "imports:stop"
    IMPORTS_REVERT = "imports:revert"
    IMPORTS_ANY = "imports:any"  # not only those of the token's own client
    ROWS_READ = "rows:read"
    ROWS_DELETE = "rows:delete"
    DATASETS_ADMIN = "datasets:admin"
    HANDLINGS_WRITE = "handlings:write"
    ADMIN = "admin"  # tokens and sessions; it contains all others, because it can make tokens that have them


EVERYTHING = frozenset(Scope)
_SENDER = {
    *(Scope.IMPORTS_READ, Scope.IMPORTS_WRITE, Scope.IMPORTS_STOP, Scope.IMPORTS_REVERT),
    Scope.ROWS_READ,
}
ROLES: dict[str, frozenset[Scope]] = {
    "viewer": frozenset({Scope.IMPORTS_READ, Scope.IMPORTS_ANY, Scope.ROWS_READ}),
    "sender": frozenset(_SENDER),
    "operator": frozenset(_SENDER | {Scope.IMPORTS_ANY, Scope.ROWS_DELETE, Scope.HANDLINGS_WRITE}),
    "admin": EVERYTHING,
}


def parse_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes that these names of scopes and roles stand for. Raises ValueError, with a sentence, for an unknown
    one and for none."""
    scopes: set[Scope] = set()
    for name in names:
        if name not in ROLES and name not in tuple(Scope):
            known = ", ".join((*ROLES, *(scope for scope in Scope if scope not in ROLES)))
            raise ValueError(f"there is no scope or role {name[:40]!r}; there are {known}")
        scopes |= ROLES.get(name) or {Scope(name)}
    if not scopes:
        raise ValueError("a token needs at least one scope")
    return EVERYTHING if Scope.ADMIN in scopes else frozenset(scopes)


@dataclass(frozen=True)
class Owner:
    """Whose an import is: its client's, and into which dataset."""

    client: str
    dataset: str


@dataclass(frozen=True)
class Reach:
    """Which imports a caller may know of: those of one client, those of some datasets; None means any."""

    client: str | None = None
    datasets: frozenset[str] | None = None

    def includes(self, client: str, dataset: str) -> bool:
        """Whether an import of this client into this dataset is one of them."""
        return self.client in (None, client) and (self.datasets is None or dataset in self.datasets)


ANYWHERE = Reach()


@dataclass(frozen=True)
class Access:
    """What a caller may do; without arguments that is everything, as where no one is asked for a key.

    Attributes:
        client: whose imports are own ones.
        scopes: what is allowed.
        datasets: in which datasets; None: in all.
        token: the id of the token, None for a key of the file.
        session: the id of the browser's session.
    """

    client: str = ""
    scopes: frozenset[Scope] = EVERYTHING
    datasets: frozenset[str] | None = None
    token: str | None = None
    session: str | None = None

    @property
    def reach(self) -> Reach:
        """Which imports the caller may know of."""
        return Reach(None if Scope.IMPORTS_ANY in self.scopes else self.client, self.datasets)


NOTHING = Access(scopes=frozenset(), datasets=frozenset())


@dataclass(frozen=True)
class Token:
    """A token as the ledger has it: never its secret.

    Attributes:
        id: its public part.
        name: the client's name.
        digest: SHA-256 of the whole token.
        live: whether it was neither revoked nor expired when it was read.
        replaces: the id of the token that it was made from by a rotation.
    """

    id: str
    name: str
    digest: str
    scopes: frozenset[Scope]
    datasets: frozenset[str] | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    live: bool
    used_lately: bool
    replaces: str | None = None

    @property
    def access(self) -> Access:
        """What it allows."""
        return Access(self.name, self.scopes, self.datasets, self.id)


@dataclass(frozen=True)
class SignIn:
    """A browser's session. It stands for a token, for a key of the file, which `key_proof` names without showing it, or
    for a person in these `groups` of the OpenID provider."""

    id: str
    client: str
    token: str | None
    key_proof: str | None
    groups: tuple[str, ...] | None
    address: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    live: bool
