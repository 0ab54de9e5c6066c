"""`backout import`: sends a file, prints the import's id, and waits for its end on request."""

from typing import Any, cast
from uuid import uuid4

import click

from backout.client import Import
from backout.commands.context import Duration, Session, command
from backout.commands.exit_codes import Exit, Interrupted, code_of_import
from backout.commands.file_options import file_options, stdin
from backout.commands.progress import Bar, follow, interrupt, report_end

FOREVER = -1.0


class WaitOption(click.Command):
    """A command whose `--wait` may have no value; the next argument is never taken as its value."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse `--wait` alone as a wait without a limit."""
        own = args.index("--") if "--" in args else len(args)
        filled = [f"--wait={FOREVER:g}s" if word == "--wait" else word for word in args[:own]]
        return super().parse_args(context, filled + args[own:])


class Wait(Duration):
    """A duration, or no limit."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """`FOREVER` for a `--wait` without a value."""
        return FOREVER if value == f"{FOREVER:g}s" else super().convert(value, parameter, context)


class Total(click.ParamType[tuple[str, str]]):
    """A control total, as `rows=48211`."""

    name = "total"

    def convert(self, value: str, parameter: click.Parameter | None, context: click.Context | None) -> tuple[str, str]:
        """Its name and its number."""
        name, equals, number = value.rpartition("=")
        if not equals:
            self.fail(f"{value!r} must have a name and a number, such as rows=48211", parameter, context)
        return name.strip(), number.strip()


@click.command("import", cls=WaitOption)
@click.argument("source", metavar="FILE|-", required=False)
@click.option(
    "--generate", type=click.IntRange(min=1), metavar="ROWS", help="Import generated orders instead of a file."
)
@click.option("--wait", type=Wait(), metavar="[=DURATION]", help="Wait for its end, at most for 90s, 15m, 1h30m.")
@click.option("--stop-on-interrupt", is_flag=True, help="Ctrl-C stops the import; by default it goes on.")
@click.option(
    "--idempotency-key", metavar="KEY", help="Sending the same key and content again returns the same import."
)
@file_options
@click.option(
    "--on-error", type=click.Choice(["abort", "reject"]), help="After an invalid row, load nothing or the other rows."
)
@click.option("--max-rejects", metavar="N|N%", help="With reject: load nothing if there are more.")
@click.option(
    "--on-conflict", type=click.Choice(["fail", "skip", "update"]), help="For a row whose key exists already."
)
@click.option("--dry-run", is_flag=True, default=None, help="Load all rows and roll them back.")
@click.option(
    "--control-total",
    "control_totals",
    type=Total(),
    multiple=True,
    metavar="NAME=NUMBER",
    help='Load nothing unless it is right: rows=48211, "sum(quantity)=99120". May be given several times.',
)
@click.option("--min-rows", type=click.IntRange(min=0), help="Load nothing if there are fewer rows.")
@click.option("--max-rows", type=click.IntRange(min=0), help="Load nothing if there are more rows.")
@click.option("--like-last", metavar="N%", help="Load nothing if the last ten imports had other numbers of rows.")
@click.option("--priority", type=int, help="Imports with a higher priority begin first.")
@click.option("--stream", is_flag=True, default=None, help="Begin to load while the file is still being sent.")
@command
def import_(
    session: Session,
    source: str | None,
    generate: int | None,
    wait: float | None,
    stop_on_interrupt: bool,
    idempotency_key: str | None,
    dataset: str | None,
    file_name: str | None,
    **options: Any,
) -> int:
    """Import FILE, or standard input for `-`. Prints the id and returns; the import goes on.

    With --wait a bar shows the progress, and the exit code shows the result: 0 done, 1 failed, 3 done with rejects,
    5 stopped, 6 not ended in time.
    """
    if (source is None) is (generate is None):
        raise click.UsageError("choose what to import: FILE, - for standard input, or --generate ROWS")
    given = {name: value for name, value in options.items() if value not in (None, ())}
    totals = given.get("control_totals", ())
    if totals:
        given["control_totals"] = dict(totals)
    if len(given.get("control_totals", ())) < len(totals):
        raise click.UsageError("--control-total names a total twice")
    if generate is not None and (given.keys() - {"priority"} or file_name):
        raise click.UsageError("--generate allows only --dataset and --priority: there is no file to read")
    accepted = _send(
        session,
        source,
        generate,
        dataset,
        file_name,
        str(uuid4()) if idempotency_key is None else idempotency_key,
        given,
    )
    try:
        if not session.as_json:
            click.echo(accepted.id)  # at once: a waiting command may be killed
        elif wait is None:
            session.show(accepted.document)
    except KeyboardInterrupt:
        raise interrupt(session, accepted.id, accepted, stop=stop_on_interrupt) from None
    if wait is None:
        return Exit.DONE
    timeout = None if wait == FOREVER else wait
    ended = follow(session, accepted.id, timeout=timeout, stop_on_interrupt=stop_on_interrupt)
    if session.as_json:
        session.show(ended.document)
    report_end(session, ended)
    return code_of_import(ended)


def _send(
    session: Session,
    source: str | None,
    generate: int | None,
    dataset: str | None,
    file_name: str | None,
    key: str,
    options: dict[str, Any],
) -> Import:
    try:
        if source is None:
            return session.client.import_generated(
                generate or 0, dataset=dataset or "orders", priority=options.get("priority"), idempotency_key=key
            )
        with Bar(session) as bar:
            return session.client.import_file(
                stdin() if source == "-" else source,
                dataset=dataset,
                file_name=file_name,
                idempotency_key=key,
                on_sent=bar.show_sent,
                **cast("Any", options),
            )
    except UnicodeEncodeError:
        raise  # as for every command
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        message = f"interrupted before the answer; if the import was accepted, --idempotency-key {key} finds it"
        raise Interrupted(message) from None
