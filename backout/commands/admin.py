"""`backout admin`: who may use the API, and what is erased."""

from typing import Any

import click

from backout.commands.context import YES, Duration, Group, Session, command, confirm
from backout.commands.erase import erase
from backout.commands.exit_codes import Exit

DAY, HOUR = 86400.0, 3600.0
EXPIRES = click.option("--expires", type=Duration(), show_default="90d", help="How long it is valid.")


@click.group(cls=Group)
def admin() -> None:
    """Commands for administrators: they need a token with the scope admin."""


admin.add_command(erase)


@admin.group(cls=Group)
def tokens() -> None:
    """Create, list, rotate and revoke tokens."""


@tokens.command()
@click.option("--name", required=True, help="The client: its imports are this token's own ones.")
@click.option("--scope", "scopes", multiple=True, required=True, help="A scope or a role; may be repeated.")
@click.option("--dataset", "datasets", metavar="NAME", multiple=True, help="Only this dataset; may be repeated.")
@EXPIRES
@command
def create(
    session: Session, name: str, scopes: tuple[str, ...], datasets: tuple[str, ...], expires: float | None
) -> int:
    """Create a token and print it. It can't be printed again."""
    days = None if expires is None else expires / DAY
    return _show_new(session, session.client.create_token(name, scopes, datasets=datasets or None, expires_days=days))


@tokens.command("list")
@command
def list_(session: Session) -> int:
    """List the tokens, the newest first."""
    found = session.client.tokens()
    session.show({"tokens": found}, *(_describe(token) for token in found))
    return Exit.DONE


@tokens.command()
@click.argument("id")
@EXPIRES
@click.option("--overlap", type=Duration(), show_default="24h", help="How long the old one stays valid.")
@command
def rotate(session: Session, id: str, expires: float | None, overlap: float | None) -> int:
    """Create a token that allows the same as the token ID, and print it."""
    days, hours = None if expires is None else expires / DAY, None if overlap is None else overlap / HOUR
    return _show_new(session, session.client.rotate_token(id, expires_days=days, overlap_hours=hours))


@tokens.command()
@click.argument("id")
@YES
@command
def revoke(session: Session, id: str, yes: bool) -> int:
    """Revoke the token ID: a second later no server takes it any more."""
    confirm(lambda: f"Revoke the token {id}?", yes)
    token = session.client.revoke_token(id)
    session.show(token, _describe(token))
    return Exit.DONE


def _show_new(session: Session, token: dict[str, Any]) -> int:
    session.report(_describe(token))
    session.show(token, token["token"])
    return Exit.DONE


def _describe(token: dict[str, Any]) -> str:
    end = f"revoked {token['revoked_at']}" if token["revoked_at"] else f"until {token['expires_at']}"
    where = f" in {', '.join(token['datasets'])}" if token["datasets"] else ""
    return f"{token['id']}  {token['name']}  {end}  {' '.join(token['scopes'])}{where}"
