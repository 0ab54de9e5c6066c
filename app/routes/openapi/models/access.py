"""Bodies of `/v1/tokens` and `/v1/sessions`."""

from typing import Any

from pydantic import ConfigDict, Field

from app.domain.caller import ROLES, Scope
from app.routes.openapi.models import Model, Time
from app.routes.openapi.operations import JSON, Answer, one_of

EXAMPLE: dict[str, Any] = {
    "id": "k3v9x0qa",
    "name": "night",
    "scopes": ["imports:read", "imports:write"],
    "datasets": ["orders"],
    "live": True,
    "created_at": "2026-11-30T02:35:49.661Z",
    "created_by": "anna",
    "expires_at": "2027-02-28T02:35:49.661Z",
    "last_used_at": None,
    "revoked_at": None,
    "revoked_by": None,
    "replaces": None,
}


class Token(Model):
    """A token, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    """What stands between `bko_` and the next `_`."""
    name: str
    """The client: what tokens of this name have made is this token's own."""
    scopes: list[str]
    datasets: list[str] | None
    """The only ones that it may use; null: all."""
    live: bool
    """Whether it is valid now."""
    created_at: Time
    created_by: str
    expires_at: Time
    last_used_at: Time | None
    """To the minute."""
    revoked_at: Time | None
    revoked_by: str | None
    replaces: str | None
    """The id of the token that it was rotated from."""


class NewToken(Token):
    """A token that was just made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "token": "bko_k3v9x0qa_…"}]})

    token: str
    """The token itself. It can't be shown again."""


class TokenRequest(Model):
    """What the token is to be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "night", "scopes": ["sender"]}]})

    name: str = Field(min_length=1, max_length=64)
    scopes: list[str] = Field(min_length=1, json_schema_extra={"items": one_of(dict.fromkeys((*ROLES, *Scope)))})
    """Names of scopes, or of roles: viewer, sender, operator, admin."""
    datasets: list[str] | None = Field(None, min_length=1, max_length=100)
    """The only ones that it may use; all if left out."""
    expires_days: float = Field(90, gt=0, le=3650)


class RotateRequest(Model):
    """How long the tokens are valid."""

    model_config = ConfigDict(extra="forbid")

    expires_days: float = Field(90, gt=0, le=3650)
    overlap_hours: float = Field(24, ge=0, le=87600)
    """How long the old token stays valid beside the new one."""


class TokenList(Model):
    """The tokens, the newest first; those that ended stay for a while."""

    tokens: list[Token]


class Session(Model):
    """A browser that has signed in."""

    id: str
    client: str
    token: str | None
    """The id of the token that it signed in with; null: a key of the file, or an OpenID provider."""
    groups: list[str] | None
    """The person's groups at the OpenID provider that have a role here; null: it signed in with a token or key."""
    address: str
    created_at: Time
    expires_at: Time
    ended_at: Time | None
    ended_by: str | None
    """The client that ended it: its own by signing out, or an administrator's."""


class SessionList(Model):
    """The sessions, the newest first; those that ended stay for a day."""

    sessions: list[Session]


CREATED = {201: Answer("The token, which is shown this once.", {JSON: NewToken})}
ENDED = {204: Answer("It is over.")}
