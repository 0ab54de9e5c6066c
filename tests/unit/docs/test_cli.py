"""The reference pages cli.md and python-client.md list every command, option, exit code and method."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import backout.client
from backout.client import BackoutClient, BackoutError
from backout.commands.exit_codes import Exit
from backout.commands.file_options import file_options
from backout.commands.main import main

DOCS = Path(__file__).parents[3] / "docs" / "reference"
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")
CLIENT = (DOCS / "python-client.md").read_text(encoding="utf-8")


def list_commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield from list_commands(command) if isinstance(command, click.Group) else [command]


def sections() -> dict[str, str]:
    """The text about each command, by its name."""
    parts = re.split(r"^## `backout ([a-z]+).*`$", CLI, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def options_of(command: click.Command) -> set[str]:
    if isinstance(command, click.Group):
        return set().union(*(options_of(one) for one in command.commands.values()))
    shown = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return {name for one in shown for name in (*one.opts, *one.secondary_opts)} | {"--help"}


COMMON = {"--url", "--api-key-file", "--retry-timeout", "--json", "--help"}


def test_every_command_has_a_section() -> None:
    assert set(sections()) == set(main.commands)


@pytest.mark.parametrize("name", main.commands)
def test_a_section_has_the_options_that_the_command_has(name: str) -> None:
    text = sections()[name].replace("`--json`", "")
    listed = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    if "`--format` …" in text:  # they are named as the options of a file, which have a page of their own
        listed |= options_of(file_options(click.Command("file"))) - COMMON
    assert listed == options_of(main.commands[name]) - COMMON
    if name != "completion":
        assert options_of(main.commands[name]) >= COMMON


def test_what_all_have_is_said_once() -> None:
    (_, rest) = CLI.split("Every command has these:")
    table = rest.partition("A duration is")[0]
    assert set(re.findall(r"`(--[a-z-]+)`", table)) == COMMON
    variables = {
        one.envvar
        for command in list_commands(main)
        for one in command.params
        if isinstance(one, click.Option) and one.envvar
    }
    assert set(re.findall(r"`(BACKOUT_[A-Z_]+)`", table)) == variables


def test_the_exit_codes_are_those_of_the_program() -> None:
    codes = re.findall(r"^\| (\d+) \|", CLI, flags=re.MULTILINE)
    assert [int(code) for code in codes] == list(Exit)
    assert main.help is not None
    assert re.findall(r"\d+", main.help.partition("Exit codes:")[2]) == [str(int(code)) for code in Exit]


@pytest.mark.parametrize("name", ["datasets", "templates"])
def test_the_groups_commands_are_named(name: str) -> None:
    group = main.commands[name]
    assert isinstance(group, click.Group)
    assert set(re.findall(rf"`backout {name} ([a-z]+)", sections()[name])) == set(group.commands)


def test_every_method_error_and_parameter_of_the_client_is_described() -> None:
    methods = {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(BackoutClient, inspect.isfunction)
        if not name.startswith("_") and name != "close"
    }
    described = dict(re.findall(r"`([a-z_]+)\(([^)`]*)\)`", CLIENT.partition("## Retries")[0]))
    assert set(described) == set(methods)
    for name, parameters in described.items():
        for parameter in re.findall(r"[a-z_]+", parameters):
            assert parameter in methods[name].parameters, (name, parameter)
    errors = {
        name
        for name in backout.client.__all__
        if isinstance(found := getattr(backout.client, name), type) and issubclass(found, BackoutError)
    }
    assert set(re.findall(r"`([A-Z]\w+)`", CLIENT.partition("## Errors")[2])) == errors
