"""`python -m app.cli tokens`: the first token, and a way back in where no administrator has one.

Needs the database alone, as the other commands of operators, and their exit codes.
"""

import re
from typing import Any

import click

from app.cli.recovery import YES, Document, confirm, name_person, operator_command, show_time
from app.domain.caller import Token
from app.lifecycle.access import tokens as access
from app.lifecycle.access.tokens import DAYS, OVERLAP_HOURS, NewToken
from app.lifecycle.services import Services

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dh])")


class Hours(click.ParamType[float]):
    """A duration in days or hours, as hours: `90d`, `12h`."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Convert it; raises `click.BadParameter`."""
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a duration: write 90d or 12h", parameter, context)
        return float(found[1]) * (24 if found[2] == "d" else 1)


EXPIRES = click.option(
    "--expires", default=f"{DAYS:g}d", show_default=True, type=Hours(), help="How long it is valid: 90d, 12h."
)


@click.group()
def tokens() -> None:
    """Create, list, rotate and revoke tokens of the API."""


@tokens.command()
@click.option("--name", required=True, help="The client: its imports are this token's own ones.")
@click.option("--scope", "scopes", multiple=True, required=True, help="A scope or a role; may be repeated.")
@click.option("--dataset", "datasets", multiple=True, metavar="NAME", help="Only this dataset; may be repeated.")
@EXPIRES
@operator_command
def create(
    services: Services, name: str, scopes: tuple[str, ...], datasets: tuple[str, ...], expires: float
) -> tuple[Document, list[str]]:
    """Create a token. It is printed once.

    Roles are viewer, sender, operator and admin; docs/reference/access.md lists the scopes.
    """
    made = access.create_token(
        services.database, name, scopes, created_by=name_person(), datasets=datasets or None, days=expires / 24
    )
    return _show_new(made)


@tokens.command("list")
@operator_command
def list_(services: Services) -> tuple[Document, list[str]]:
    """List the tokens, the newest first."""
    found = access.list_tokens(services.database)
    return {"tokens": [_show(token) for token in found]}, [_describe(token) for token in found] or [
        "There is no token."
    ]


@tokens.command()
@click.argument("id")
@YES
@operator_command
def revoke(services: Services, id: str, yes: bool) -> tuple[Document, list[str]]:
    """End the token ID within a second, and the sessions of browsers that signed in with it."""
    confirm(f"Revoke the token {id}?", yes)
    token = access.revoke_token(services.database, id, revoked_by=name_person())
    return _show(token), [_describe(token)]


@tokens.command()
@click.argument("id")
@EXPIRES
@click.option(
    "--overlap",
    default=f"{OVERLAP_HOURS:g}h",
    show_default=True,
    type=Hours(),
    help="How long the old one stays valid: 24h, 0h.",
)
@operator_command
def rotate(services: Services, id: str, expires: float, overlap: float) -> tuple[Document, list[str]]:
    """Create a token that allows the same as the token ID, which stays valid for the overlap."""
    made = access.rotate_token(
        services.database, id, created_by=name_person(), days=expires / 24, overlap_hours=overlap
    )
    return _show_new(made)


def _show_new(made: NewToken) -> tuple[Document, list[str]]:
    return {**_show(made.token), "token": made.text}, [_describe(made.token), f"It is shown this once: {made.text}"]


def _show(token: Token) -> Document:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "datasets": None if token.datasets is None else sorted(token.datasets),
        "live": token.live,
        "created_at": show_time(token.created_at),
        "created_by": token.created_by,
        "expires_at": show_time(token.expires_at),
        "last_used_at": show_time(token.last_used_at),
        "revoked_at": show_time(token.revoked_at),
        "revoked_by": token.revoked_by,
        "replaces": token.replaces,
    }


def _describe(token: Token) -> str:
    end = f"revoked {show_time(token.revoked_at)}" if token.revoked_at else f"until {show_time(token.expires_at)}"
    where = "" if token.datasets is None else f" in {', '.join(sorted(token.datasets))}"
    return f"{token.id}  {token.name}  {end}  {' '.join(sorted(token.scopes))}{where}"
