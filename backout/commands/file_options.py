"""Options of the commands that send a file: how it is read."""

import sys
from collections.abc import Callable
from typing import IO, Any

import click

_OPTIONS = (
    click.option("--dataset", metavar="NAME", help="The table; by default that of the template, or orders."),
    click.option(
        "--template", metavar="NAME[@VERSION]", help="An import template; options given here win over its own."
    ),
    click.option("--file-name", metavar="NAME", help="The name to show; by default that of FILE."),
    click.option("--format", type=click.Choice(["csv", "tsv", "ndjson", "json", "xlsx", "ods", "parquet"])),
    click.option("--encoding", metavar="NAME", help="The encoding of text: utf-8, utf-16, latin-1, cp1252 …"),
    click.option("--delimiter", metavar="TEXT", help="1 to 8 characters, or tab, comma, semicolon, pipe, space."),
    click.option("--quote", metavar="CHARACTER"),
    click.option("--escape", metavar="CHARACTER", help=r"\ if quotes inside quotes are escaped with it."),
    click.option("--header/--no-header", default=None, help="Whether the file begins with the columns' names."),
    click.option("--first-line", type=click.IntRange(min=1), metavar="LINE", help="The line of the header."),
    click.option(
        "--columns",
        metavar="JSON|LIST",
        help='{"Order No": "order_number", "shop": {"value": "A"}}, or all names in order.',
    ),
    click.option(
        "--formats", metavar="FORMAT|JSON", help="How dates are written: %d.%m.%Y, or a list of such formats."
    ),
    click.option("--zones", metavar="JSON", help='Offsets of time zones by abbreviation: {"CET": "+01:00"}.'),
    click.option("--decimal-mark", type=click.Choice([".", ","]), help="The mark before the decimals of numbers."),
    click.option("--grouping-mark", metavar="MARK", help="The mark between groups of digits."),
    click.option("--currency", metavar="true|TEXT", help="A currency beside numbers: any, or this one."),
    click.option("--percent", type=click.Choice(["true", "fraction"]), help="Load 12.5% as 12.5, or as 0.125."),
    click.option("--negative", metavar="WAY|JSON", help="trailing_minus, parentheses, or a list of both."),
    click.option("--null", metavar="TEXT", help="The text that means NULL."),
    click.option("--comment", metavar="TEXT", help="Skip lines of CSV that begin with this; none: skip no line."),
    click.option("--trim/--no-trim", default=None, help="Of CSV: remove spaces around fields."),
    click.option("--sheet", metavar="NAME|*", help="The sheet of a workbook, or * for all visible sheets."),
    click.option("--records", metavar="PATH", help="The path to the array with the rows of a JSON file: data.orders."),
)


def file_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def stdin() -> IO[bytes]:
    if sys.stdin.isatty():
        raise click.UsageError("standard input is a terminal: give it a file, as in `backout import - < orders.csv`")
    return sys.stdin.buffer
