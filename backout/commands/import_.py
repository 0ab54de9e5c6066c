"""`backout import`: send a file, print its id, and wait for its end if that is wanted."""

import sys
from typing import IO, Any, cast
from uuid import uuid4

import click

from backout.client import Import
from backout.commands.context import Duration, Session, command
from backout.commands.exit_codes import Exit, Interrupted, code_of_import
from backout.commands.progress import Bar, follow, interrupt, tell_end

FOREVER = -1.0


class WaitOption(click.Command):
    """A command whose `--wait` may stand without a value, which then is not taken from what follows."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Reads `--wait` as a wait without end."""
        own = args.index("--") if "--" in args else len(args)
        filled = [f"--wait={FOREVER:g}s" if word == "--wait" else word for word in args[:own]]
        return super().parse_args(context, filled + args[own:])


class Wait(Duration):
    """A duration, or no end."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """`FOREVER` for a `--wait` without a value."""
        return FOREVER if value == f"{FOREVER:g}s" else super().convert(value, parameter, context)


@click.command("import", cls=WaitOption)
@click.argument("source", metavar="FILE|-", required=False)
@click.option("--generate", type=click.IntRange(min=1), metavar="ROWS", help="Generated orders instead of a file.")
@click.option("--wait", type=Wait(), metavar="[=DURATION]", help="Wait for its end, or no longer than 90s, 15m, 1h30m.")
@click.option("--stop-on-interrupt", is_flag=True, help="Ctrl-C stops the import; without this it goes on.")
@click.option("--idempotency-key", metavar="KEY", help="The same key and content again are the same import.")
@click.option("--dataset", metavar="NAME", help="The table; without it the template's, or orders.")
@click.option("--template", metavar="NAME", help="Options of an import template; those given here win.")
@click.option("--file-name", metavar="NAME", help="The name to show; that of FILE without it.")
@click.option("--format", type=click.Choice(["csv", "tsv", "ndjson", "json", "xlsx", "parquet"]))
@click.option("--encoding", metavar="NAME", help="Of text: utf-8, utf-16, latin-1, cp1252 …")
@click.option("--delimiter", metavar="TEXT", help="1 to 8 characters, or tab, comma, semicolon, pipe, space.")
@click.option("--quote", metavar="CHARACTER")
@click.option("--escape", metavar="CHARACTER", help=r"\ where quotes inside quotes are escaped.")
@click.option("--header/--no-header", default=None, help="Whether the columns' names come first.")
@click.option("--first-line", type=click.IntRange(min=1), metavar="LINE", help="Where the header stands.")
@click.option("--columns", metavar="JSON|LIST", help='{"Order No": "order_number"}, or all names in their order.')
@click.option("--null", metavar="TEXT", help="What stands for no value.")
@click.option("--sheet", metavar="NAME", help="Of XLSX.")
@click.option("--on-error", type=click.Choice(["abort", "reject"]), help="What one row that is not in order means.")
@click.option("--max-rejects", metavar="N|N%", help="With reject: beyond this nothing is loaded.")
@click.option("--on-conflict", type=click.Choice(["fail", "skip", "update"]), help="What a key that is there means.")
@click.option("--dry-run", is_flag=True, default=None, help="Load everything and roll it back.")
@click.option("--priority", type=int, help="Higher ones are loaded first.")
@click.option("--stream", is_flag=True, default=None, help="Begin to load while the file still arrives.")
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

    With --wait a bar shows how far it is, and the exit code how it ended: 0 done, 1 failed, 3 done with rejects,
    5 stopped, 6 not ended in time.
    """
    if (source is None) is (generate is None):
        raise click.UsageError("say what to import: FILE, - for standard input, or --generate ROWS")
    given = {name: value for name, value in options.items() if value is not None}
    if generate is not None and (given.keys() - {"priority"} or file_name):
        raise click.UsageError("--generate goes with --dataset and --priority only: there is no file to be read")
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
            click.echo(accepted.id)  # at once: whoever waits may be killed
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
    tell_end(session, ended)
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
                _stdin() if source == "-" else source,
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
        told = f"interrupted before it was accepted; if it was, after all, --idempotency-key {key} finds it"
        raise Interrupted(told) from None


def _stdin() -> IO[bytes]:
    if sys.stdin.isatty():
        raise click.UsageError("standard input is a terminal: give it a file, as in `backout import - < orders.csv`")
    return sys.stdin.buffer
