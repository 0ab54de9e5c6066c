"""Sessions: every command gets a client for the server and prints its answer through one."""

import contextlib
import functools
import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backout.client import BackoutError, Unreachable
from backout.client.defaults import DEFAULT_URL, RETRY_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from backout.client import BackoutClient

_DURATION = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s?)?")
_UNITS = (86400, 3600, 60, 1)


class Group(click.Group):
    """A group of commands; without a command it prints its help on standard output."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse no arguments as `--help`."""
        return super().parse_args(context, args or ["--help"])


class Duration(click.ParamType[float]):
    """Seconds: `90`, `90s`, `15m`, `1h30m`."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Convert to seconds; raises `click.BadParameter` for an invalid duration."""
        if isinstance(value, float | int):
            return float(value)
        found = _DURATION.fullmatch(value)
        if not value or not found:
            self.fail(f"{value!r} is not a duration: write 90, 90s, 15m or 1h30m", parameter, context)
        return float(sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part))


@dataclass(frozen=True)
class Session:
    """One run of a command."""

    client: "BackoutClient"
    as_json: bool

    def show(self, document: Any, *lines: str) -> None:
        """Print the command's answer on standard output: the document, or the lines with the same content."""
        click.echo(json.dumps(document, indent=1) if self.as_json else "\n".join(map(printable, lines)))

    def report(self, line: str, *, only_people: bool = False) -> None:
        """Print a line on standard error; not with --json, and with `only_people` only on a terminal."""
        if not self.as_json and not (only_people and not is_watched()):
            click.echo(printable(line), err=True)


def is_watched() -> bool:
    """Whether standard error is a terminal. Else there is no bar, no colour and no extra output."""
    return sys.stderr.isatty()


def printable(text: str) -> str:
    """The text without control characters."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def confirm(ask: Callable[[], str], yes: bool) -> None:
    """Ask for confirmation, unless `yes`. `ask` makes the question.

    Raises `click.ClickException` if the answer is no, and `click.UsageError` without a terminal.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and is_watched()):
        raise click.UsageError("there is no terminal to ask for confirmation: use --yes")
    if not click.confirm(ask(), err=True):
        raise click.ClickException("nothing was done")


YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal.")
DATASET = click.option("--dataset", default="orders", show_default=True, metavar="NAME", help="The table.")


def command(run: Callable[..., int]) -> Callable[..., int]:
    """Make a command of a function that gets a session and returns the exit code. `main.run` prints its errors."""

    @click.option(
        "--url",
        envvar="BACKOUT_URL",
        show_envvar=True,
        show_default=DEFAULT_URL,
        help="The server's address. In a checkout the default is its running stack.",
    )
    @click.option(
        "--api-key-file",
        envvar="BACKOUT_API_KEY_FILE",
        show_envvar=True,
        type=click.Path(path_type=Path),
        help="A file with the API key, if the server requires one. BACKOUT_API_KEY may have the key itself.",
    )
    @click.option(
        "--retry-timeout",
        envvar="BACKOUT_RETRY_TIMEOUT",
        show_default=f"{RETRY_TIMEOUT_SECONDS:g}s",
        show_envvar=True,
        type=Duration(),
        help="How long to retry a request that got no answer. If set, it also waits for a server to start.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document, also for errors.")
    @click.option("--api-key", envvar="BACKOUT_API_KEY", hidden=True, expose_value=True)
    @functools.wraps(run)
    def wrapped(
        url: str | None,
        api_key_file: Path | None,
        api_key: str | None,
        retry_timeout: float | None,
        as_json: bool,
        **arguments: Any,
    ) -> int:
        from backout.client import BackoutClient  # noqa: PLC0415 — importing httpx is too slow for `--help`

        if "BACKOUT_PATIENCE" in os.environ:
            raise click.UsageError("BACKOUT_PATIENCE is now BACKOUT_RETRY_TIMEOUT: rename it")
        checkout: Path | None = click.get_current_context().obj
        url = url or (checkout and find_stack(checkout)) or DEFAULT_URL
        try:
            key = check_key(api_key) if api_key else read_key(api_key_file) if api_key_file else None
            client = BackoutClient(url, api_key=key, retry_timeout=retry_timeout, on_retry=_report_retry)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        with client:
            try:
                return run(Session(client, as_json), **arguments)
            except Unreachable as error:
                if error.never_reached:
                    error.message += "; set BACKOUT_URL to the server's address, or start a server here: make up"
                raise

    return wrapped


def find_stack(checkout: Path) -> str | None:
    """The address of a checkout's running stack, from its `.run/`; None if none runs or it is not readable."""
    run = checkout / ".run"
    with contextlib.suppress(OSError, ValueError, KeyError):
        if json.loads((run / "state.json").read_text(encoding="utf-8"))["phase"] != "ended":
            words = shlex.split((run / "env").read_text(encoding="utf-8"))
            return dict(word.split("=", 1) for word in words)["BACKOUT_URL"]
    return None


def read_key(path: Path) -> str:
    """Read the key from a file; raises ValueError with a message."""
    try:
        return check_key(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the key can't be read from {path}: {error}") from None


def check_key(text: str) -> str:
    """The key without blanks around it; raises ValueError if it is invalid."""
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ValueError("a key is one line of ASCII characters")
    return key


def _report_retry(error: BackoutError, pause: float) -> None:
    if is_watched():
        click.echo(printable(f"{error.message}; retrying in {pause:.1f} s"), err=True)
