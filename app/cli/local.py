"""The commands of the local stack."""

import os
import shutil
import sys
from pathlib import Path

import click

from app.cli.daemon import Background, log_end
from app.cli.processes import wait_until
from app.cli.servers import ServerFailed
from app.cli.stack import Plan, PlanRefused, Stack, make_plan
from app.cli.supervisor import Supervisor
from app.config import list_mistakes


def up(checkout: Path) -> Stack:
    """Start the stack. Idempotent: a running one stays, unless it has other settings; then it is restarted."""
    _require_right_settings()
    background = _background(checkout)
    with background.locked():
        plan, state = Plan.read(background.folder), background.state()
        try:
            is_current = plan is not None and plan.asked_by(os.environ) == plan
            if plan is None or not is_current or not state.is_alive or state.phase == "stopping":
                plan = _start(checkout, background, plan)
            elif state.is_ready:
                click.echo("The stack is running already.")
            stack = Stack(checkout, plan)
        except (PlanRefused, ServerFailed) as error:
            raise click.ClickException(str(error)) from error
        if not background.state().is_ready and not background.follow(click.echo):
            raise click.ClickException(_why_not(background))
    _describe(stack)
    return stack


def down(checkout: Path) -> None:
    run = checkout / ".run"
    if not run.exists():
        click.echo("Nothing runs.")
        return
    background = _background(checkout)
    with background.locked():
        stopped = _stop(background, Plan.read(run))
    click.echo("Stopped. The data stays in .run/ (make clean deletes it)." if stopped else "Nothing runs.")


def status(checkout: Path) -> None:
    background = Background(checkout / ".run")
    state, plan = background.state(), Plan.read(background.folder)
    if plan is None or not state.is_alive:
        click.echo("The stack does not run. (make up)")
        if state.failure:
            click.echo(f"It ended at {state.at}: {state.failed_child} {state.failure}. See .run/logs/.")
        if left := background.orphans() if background.folder.exists() else []:
            click.echo(f"Its supervisor was killed and left processes behind: {left}. `make down` clears up.")
        raise SystemExit(1)
    for child in state.children:
        if not child.once:
            again = f"   restarts: {child.restarts}" if child.restarts else ""
            click.echo(f"  {child.name:<10} {child.state:<10} pid {child.identity.pid}{again}")
    _describe(Stack(checkout, plan))
    if any(child.state not in ("ready", "done") for child in state.children):
        raise SystemExit(1)


def clean(checkout: Path) -> None:
    run = checkout / ".run"
    if run.exists():
        down(checkout)
        shutil.rmtree(run)
    click.echo(".run/ was deleted.")


def supervise(checkout: Path) -> int:
    """Run the supervisor in the background. `up` has made the plan and starts this."""
    plan = Plan.read(checkout / ".run")
    if plan is None:
        raise click.ClickException("`up` starts this command: run `make up`")
    return Supervisor(Stack(checkout, plan).children(), checkout / ".run").run()


def _require_right_settings() -> None:
    """Check the settings before anything is stopped. Without addresses of servers the stack starts its own."""
    own = {"database_url": "mysql+pymysql://own", "broker_url": "amqp://own"}
    missing = {name: url for name, url in own.items() if not os.environ.get(f"BACKOUT_{name.upper()}")}
    if mistakes := list_mistakes(**missing):
        raise click.ClickException("\n".join(["these settings are invalid, and nothing was changed:", *mistakes]))


def _background(checkout: Path) -> Background:
    """The supervisor of `.run/`. As root, other accounts may pass through the folder, for servers, but not list it."""
    run = checkout / ".run"
    run.mkdir(exist_ok=True)
    run.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return Background(run)


def _start(checkout: Path, background: Background, before: Plan | None) -> Plan:
    """Start the stack, after all that runs with other settings or was left by a killed supervisor has ended."""
    if background.state().is_alive:
        click.echo("The stack runs with other settings: restarting it.")
    _stop(background, before)
    stack = Stack(checkout, make_plan(before, os.environ))
    stack.plan.write(background.folder)
    stack.write_addresses()
    (background.folder / "spool").mkdir(mode=0o700, exist_ok=True)
    click.echo("Starting the stack:")
    for server in stack.servers:
        if os.geteuid() == 0 and server.account is None:
            accounts = " or ".join(server.accounts)
            click.echo(f"  {server.name} runs as root: no account {accounts} here that can reach {background.folder}")
    background.start([sys.executable, "-m", "app.cli", "supervise"], os.environ)
    return stack.plan


def _stop(background: Background, plan: Plan | None) -> bool:
    if background.state().is_alive:
        click.echo("Stopping the stack ...")
    stopped = background.stop()
    if stopped and plan is not None:
        for server in Stack(background.folder.parent, plan).servers:
            server.clear_leftovers()
    if not wait_until(lambda: not background.orphans(), 5):
        raise click.ClickException(f"these processes of the stack could not be ended: {background.orphans()}")
    return stopped


def _why_not(background: Background) -> str:
    state = background.state()
    log = background.folder / "logs" / f"{state.failed_child}.log" if state.failed_child else background.log
    reason = f"{state.failed_child} {state.failure}" if state.failure else "its supervisor ended"
    path = log.relative_to(background.folder.parent)
    return f"the stack did not start: {reason}. The end of {path}:\n\n{log_end(log)}"


def _describe(stack: Stack) -> None:
    click.echo(f"Backout: {stack.web.url}")
    click.echo("  addresses and credentials: .run/env    logs: .run/logs/    stop: make down")
