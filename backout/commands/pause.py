"""`backout pause` and `backout resume`: hold imports back, and let them begin again."""

import click

from backout.commands.context import Session, command
from backout.commands.exit_codes import Exit


def _choose(ids: tuple[str, ...], dataset: str | None, everything: bool) -> None:
    if (bool(ids), dataset is not None, everything).count(True) != 1:
        raise click.UsageError("choose what: ID …, --dataset NAME or --all")


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--dataset", metavar="NAME", help="All imports into this table.")
@click.option("--all", "everything", is_flag=True, help="All imports.")
@command
def pause(session: Session, ids: tuple[str, ...], dataset: str | None, everything: bool) -> int:
    """Pause imports. Those that run go back to the queue and begin again after `backout resume`; new ones wait.

    Exit code 4 if an import was decided before.
    """
    _choose(ids, dataset, everything)
    answers = [session.client.pause(id) for id in ids] or [session.client.pause(dataset=dataset)]
    session.show({"answers": answers}, *_describe(answers))
    return Exit.DONE


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--dataset", metavar="NAME", help="All imports into this table.")
@click.option("--all", "everything", is_flag=True, help="All imports.")
@command
def resume(session: Session, ids: tuple[str, ...], dataset: str | None, everything: bool) -> int:
    """Resume imports that were paused in the same way; those that another pause holds stay paused."""
    _choose(ids, dataset, everything)
    answers = [session.client.resume(id) for id in ids] or [session.client.resume(dataset=dataset)]
    session.show({"answers": answers}, *_describe(answers))
    return Exit.DONE


def _describe(answers: list[dict[str, object]]) -> list[str]:
    """Lines of text: what each import is now, or what is paused."""
    lines = []
    for answer in answers:
        if "id" in answer:
            lines.append(f"{answer['id']}  {'paused' if answer.get('paused') else answer['state']}")
        pauses = answer.get("pauses")
        for one in pauses if isinstance(pauses, list) else ():
            lines.append(f"paused: {' '.join(filter(None, (one['scope'], one['name'])))}, at {one['paused_at']}")
        if pauses == []:
            lines.append("nothing is paused")
    return lines
