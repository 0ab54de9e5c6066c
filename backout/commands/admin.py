"""`backout admin`: who may use the API, who did, and what is erased."""

from itertools import islice
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


@admin.group(cls=Group)
def sessions() -> None:
    """List and end sessions of browsers."""


@sessions.command("list")
@command
def list_sessions(session: Session) -> int:
    """List the sessions, the newest first."""
    found = session.client.sessions()
    session.show({"sessions": found}, *(_describe_session(one) for one in found))
    return Exit.DONE


@sessions.command()
@click.argument("id")
@YES
@command
def end(session: Session, id: str, yes: bool) -> int:
    """End the session ID: its browser has to sign in again."""
    confirm(lambda: f"End the session {id}?", yes)
    session.client.end_session(id)
    session.show({"id": id, "ended": True}, f"the session {id} is ended")
    return Exit.DONE


@admin.command()
@click.option("--client", metavar="NAME", help="Only what this client did.")
@click.option("--act", metavar="OPERATION", help="Only this operation, such as stop_import.")
@click.option("--target", metavar="ID", help="Only what was done to this: an id or a name.")
@click.option("--outcome", type=click.Choice(["done", "denied"]), help="Only what was done, or denied.")
@click.option("--address", help="Only what came from this address.")
@click.option("--since", metavar="INSTANT", help="Only from this instant on: 2026-11-30 or 2026-11-30T08:00:00Z.")
@click.option("--until", metavar="INSTANT", help="Only before this instant.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="At most so many, the newest.")
@command
def audit(session: Session, limit: int, **filters: str | None) -> int:
    """List who changed what and who was denied what, newest first."""
    given = {name: text for name, text in filters.items() if text}
    found = list(islice(session.client.audit(**given), limit))
    session.show({"audit": found}, *(_describe_line(one) for one in found))
    return Exit.DONE


def _show_new(session: Session, token: dict[str, Any]) -> int:
    session.report(_describe(token))
    session.show(token, token["token"])
    return Exit.DONE


def _describe(token: dict[str, Any]) -> str:
    end = f"revoked {token['revoked_at']}" if token["revoked_at"] else f"until {token['expires_at']}"
    where = f" in {', '.join(token['datasets'])}" if token["datasets"] else ""
    return f"{token['id']}  {token['name']}  {end}  {' '.join(token['scopes'])}{where}"


def _describe_session(one: dict[str, Any]) -> str:
    end = f"ended {one['ended_at']}" if one["ended_at"] else f"until {one['expires_at']}"
    by = f" by {one['ended_by']}" if one["ended_by"] else ""
    groups = one.get("groups")  # a server of before has none
    stands_for = "groups " + ", ".join(groups) if groups else one["token"] or "key of the file"
    return f"{one['id']}  {one['client']}  {end}{by}  {one['address']}  {stands_for}"


def _describe_line(one: dict[str, Any]) -> str:
    said = (one["at"], one["outcome"], one["act"] or "-", one["client"] or "-", one["address"], one["target"] or "-")
    times = f"  {one['times']} times" if one["times"] > 1 else ""
    reason = f"  {one['reason']}" if one["reason"] else ""
    return f"{'  '.join(said)}{times}{reason}"
