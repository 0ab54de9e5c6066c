"""`backout`: the group of commands; prints errors and sets the exit code."""

import io
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from backout.client import BackoutError
from backout.commands import admin, datasets, doctor, import_, pause, preview, revert, show, templates
from backout.commands.context import Group, printable
from backout.commands.exit_codes import Exit, show_error, show_failure


def _show_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"backout {_find_version(context.obj)}")
        context.exit()


@click.group(cls=Group)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Import files into MySQL and MariaDB, and back out of it.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with rejects, 4 not allowed, 5 stopped, 6 waited too long,
    7 server not reachable, 8 rows in the way of a revert or left by an erasure, 130 Ctrl-C.
    """


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script for SHELL: eval "$(backout completion bash)"."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "backout", "_BACKOUT_COMPLETE").source())
    return Exit.DONE


for part in (
    import_.import_,
    preview.preview,
    show.status,
    show.watch,
    show.stop,
    pause.pause,
    pause.resume,
    revert.revert,
    show.list_,
    show.rejects,
    show.count,
    datasets.delete,
    datasets.datasets,
    templates.templates,
    doctor.doctor,
    admin.admin,
):
    main.add_command(part)


def run(checkout: str | None = None) -> NoReturn:
    """The console script; in a checkout it gets the checkout's path."""
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # its own command, half of what httpx imports
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without a letter gets an escape
    try:
        sys.exit(main.main(prog_name="backout", standalone_mode=False, obj=checkout and Path(checkout)))
    except BackoutError as error:
        _end(show_error(error), error.message)
    except click.UsageError as error:
        if "--json" not in sys.argv and error.ctx is not None:
            click.echo(error.ctx.get_usage(), err=True)
        _end(show_failure("usage", error.format_message(), Exit.USAGE), error.format_message())
    except click.ClickException as error:
        _end(show_failure("failed", error.format_message(), Exit.FAILED), error.format_message())
    except click.Abort:  # Ctrl-C without a message of its own
        _end(show_failure("interrupted", "interrupted", Exit.INTERRUPTED), "interrupted")
    except UnicodeEncodeError as error:
        text = ascii(error.object)[1:41]
        message = f"{text} is not valid UTF-8: only the path of a file may contain such bytes"
        _end(show_failure("usage", message, Exit.USAGE), message)
    except BrokenPipeError:  # the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FAILED)


def _find_version(checkout: Path | None) -> str:
    """The version of the installed package, or of the checkout."""
    if checkout is None:
        from importlib.metadata import version  # noqa: PLC0415

        return version("backout")
    import tomllib  # noqa: PLC0415

    return str(tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _end(document: dict[str, Any], message: str) -> NoReturn:
    """Print one JSON document, or one message on standard error, and exit."""
    if "--json" in sys.argv:
        click.echo(json.dumps(document, indent=None if "watch" in sys.argv else 1))
    else:
        click.echo(printable(f"Error: {message}"), err=True)
    sys.exit(document["exit_code"])
