"""The operator's commands: list branches in doubt, resolve them where the protocol allows it, freeze sweeping.

They need only the database: BACKOUT_DATABASE_URL, or else this checkout's local stack.
Exit codes: 1 failed, 2 usage, 4 not allowed, 7 the database is not reachable.
"""

import functools
import getpass
import json
import os
import shlex
import socket
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.config import read_settings
from app.domain.audit.actor import Actor, acting
from app.domain.errors import BadRequest, DatabaseUnavailable, InvalidContent, NotAllowed, Refused
from app.domain.generation import Installation
from app.domain.imports import RecoveryAction
from app.lifecycle import freeze
from app.lifecycle.recovery import audit, in_doubt, resolve as resolving
from app.lifecycle.recovery.in_doubt import Doubt, Listed
from app.lifecycle.services import Services, open_services
from app.logs import configure_logs

LOCAL_ADDRESSES = Path(__file__).resolve().parents[2] / ".run" / "env"
NO_BROKER = "amqp://none@127.0.0.1:1//"  # a required setting; these commands publish nothing
EXIT_CODES: dict[type[Refused], int] = {BadRequest: 2, InvalidContent: 2, NotAllowed: 4, DatabaseUnavailable: 7}
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document, also for errors.")

Document = dict[str, Any]


def operator_command(run: Callable[..., tuple[Document, list[str]]]) -> Callable[..., None]:
    """Make a command of a function that returns a document and the same as lines; errors become exit codes."""

    @functools.wraps(run)
    def command(as_json: bool, **arguments: Any) -> None:
        configure_logs("warning")  # to standard error; a heuristic decision without an import is only in the log
        try:
            services = open_services(read_settings(broker_url=NO_BROKER, **_local_address()))
            with acting(_find_actor(services, run)):
                document, lines = run(services, **arguments)
        except Refused as error:
            kind = type(error).__name__
            click.echo(
                json.dumps({"error": kind, "detail": error.detail}) if as_json else f"Error: {error.detail}",
                err=not as_json,
            )
            raise SystemExit(EXIT_CODES.get(type(error), 1)) from None
        click.echo(json.dumps(document, indent=1) if as_json else "\n".join(lines))

    return AS_JSON(command)


@click.command()
@operator_command
def branches(services: Services) -> tuple[Document, list[str]]:
    """List every prepared branch of the server, and what will happen to it."""
    doubt = in_doubt.list_in_doubt(services.database)
    return _show_doubt(doubt), _describe_doubt(doubt)


@click.command()
@click.argument("target", metavar="IMPORT_OR_BRANCH")
@click.argument("verdict", type=click.Choice(["commit", "rollback"]))
@YES
@operator_command
def resolve(services: Services, target: str, verdict: str, yes: bool) -> tuple[Document, list[str]]:
    """Finish a branch, an import's branches or an import with a lost branch, if the protocol allows it.

    IMPORT_OR_BRANCH is a branch as `branches` lists it, an import's number or its id. The import's history records
    each action.
    """
    confirm(f"Force the {verdict} of {target}?", yes)
    done = resolving.resolve(services.database, services.installation, target, RecoveryAction(verdict), name_person())
    return {"done": done}, done


@click.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def decide(arguments: tuple[str, ...]) -> None:
    """The old name of `resolve`."""
    raise click.UsageError("`decide` is now `resolve`: run `python -m app.cli resolve` with the same arguments")


@click.group(invoke_without_command=True)
@click.pass_context
def sweeping(context: click.Context) -> None:
    """Show whether sweeping is frozen; `resume` and `freeze` change it."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@sweeping.command()
@operator_command
def show(services: Services) -> tuple[Document, list[str]]:
    """Show whether sweeping is frozen, and why."""
    here = in_doubt.list_in_doubt(services.database).installation
    return _show_installation(here), _describe_installation(here)


@sweeping.command()
@YES
@operator_command
def resume(services: Services, yes: bool) -> tuple[Document, list[str]]:
    """Continue sweeping with this ledger, after you have examined it."""
    here = in_doubt.list_in_doubt(services.database).installation
    if here.frozen_reason is not None:
        click.echo(f"It was frozen because {here.frozen_reason}.", err=True)
    confirm("Continue with this ledger?", yes)
    was = freeze.resume(services.database)
    lines = ["Sweeping continues with the sweeper's next round."]
    if was.is_copy:
        lines.append("The copy has its own id now: restart its web servers, workers and sweepers.")
    return {"resumed": True, "was_frozen": was.frozen_reason, "new_id": was.is_copy}, lines


@sweeping.command(name="freeze")
@click.option("--reason", default="", help="Shown with the state and in error messages.")
@YES
@operator_command
def freeze_(services: Services, reason: str, yes: bool) -> tuple[Document, list[str]]:
    """Accept, load and sweep nothing until `resume`."""
    confirm("Accept, load and sweep nothing until `sweeping resume`?", yes)
    freeze.freeze(services.database, f"{name_person()} froze it" + (f": {reason}" if reason else ""), by_person=True)
    return {"frozen": True}, ["Sweeping is frozen. Running imports still end; stops work."]


def _local_address() -> dict[str, str]:
    """The local stack's database, if the environment names none and there is a stack."""
    if os.environ.get("BACKOUT_DATABASE_URL") or not LOCAL_ADDRESSES.is_file():
        return {}
    words = shlex.split(LOCAL_ADDRESSES.read_text(encoding="utf-8"))
    addresses = dict(word.split("=", 1) for word in words)
    here = {"database_url": addresses["BACKOUT_DATABASE_URL"]}
    if not os.environ.get("BACKOUT_SPOOL_DIR"):
        here["spool_dir"] = str(LOCAL_ADDRESSES.parent / "spool")
    return here


def _find_actor(services: Services, run: Callable[..., Any]) -> Actor | None:
    """Who changes something, where that is recorded: here no one says whether callers are asked who they are."""
    module = run.__module__.rpartition(".")[2]
    act = f"{module} {run.__name__.strip('_')}" if module in ("tokens", "audit") else run.__name__.strip("_")
    if module == "tokens" or services.settings.asks_who:
        return Actor(act, name_person())
    try:
        return Actor(act, name_person()) if audit.is_in_use(services.database) else None
    except DatabaseUnavailable:
        return None  # the command says so


def confirm(question: str, yes: bool) -> None:
    """Ask; raises `click.Abort` for a no, `click.UsageError` without a terminal to ask at."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for confirmation: use --yes")
    click.confirm(question, abort=True)


def name_person() -> str:
    """Who runs this command, for the records."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def show_time(at: datetime | None) -> str | None:
    """An instant of the ledger in ISO 8601, or None."""
    return None if at is None else at.isoformat(timespec="seconds") + "Z"


def _show_installation(here: Installation) -> Document:
    return {
        "installation": here.id,
        "database": here.database,
        "generation": here.generation,
        "frozen": None
        if here.frozen_reason is None
        else {"at": show_time(here.frozen_at), "reason": here.frozen_reason},
    }


def _describe_installation(here: Installation) -> list[str]:
    where = f"installation {here.id} in database {here.database}"
    if here.frozen_reason is None:
        return [f"Sweeping is not frozen: {where}."]
    return [
        f"SWEEPING IS FROZEN since {show_time(here.frozen_at)}: {where}.",
        f"  {here.frozen_reason}",
        "  Nothing is accepted, loaded or swept until `sweeping resume`; stops work.",
    ]


def _show_doubt(doubt: Doubt) -> Document:
    return {
        **_show_installation(doubt.installation),
        "branches": [_show_branch(listed) for listed in doubt.branches],
        "foreign": [
            {"format_id": raw.format_id, "gtrid": raw.gtrid.hex(), "bqual": raw.bqual.hex()} for raw in doubt.foreign
        ],
        "lost_branches": [{"number": row.number, "id": row.id} for row in doubt.lost],
    }


def _show_branch(listed: Listed) -> Document:
    xid, row = listed.xid, listed.row
    return {
        "name": xid.lock_name(),
        "number": xid.number,
        "epoch": xid.epoch,
        "branch": xid.branch,
        "import": None
        if row is None
        else {"id": row.id, "state": row.state, "epoch": row.epoch, "lease_live": row.lease_live},
        "owner": listed.owner,
        "recovery_action": listed.recovery_action,
        "meaning": listed.meaning,
    }


def _describe_doubt(doubt: Doubt) -> list[str]:
    lines = _describe_installation(doubt.installation)
    lines.append(f"{len(doubt.branches)} prepared branch(es) of this installation, {len(doubt.foreign)} foreign.")
    for listed in doubt.branches:
        xid, row = listed.xid, listed.row
        owner = f"connection {listed.owner} owns it" if listed.owner is not None else "no owner is connected"
        known = "no such import" if row is None else f"import {row.id}, {row.state}, epoch {row.epoch}"
        lines += [
            f"  {xid.lock_name()}",
            f"    number {xid.number}, epoch {xid.epoch}, branch {xid.branch}: {known}; {owner}",
            f"    {listed.recovery_action}: {listed.meaning}",
        ]
    for raw in doubt.foreign:
        lines.append(
            f"  foreign, never touched: {_printable(raw.gtrid)} / {_printable(raw.bqual)} (format {raw.format_id})"
        )
    lines += [
        f"  lost branch: import {row.id} (number {row.number}); roll it back: resolve {row.number} rollback"
        for row in doubt.lost
    ]
    return lines


def _printable(name: bytes) -> str:
    return repr(name)[2:-1]  # without control characters for the terminal
