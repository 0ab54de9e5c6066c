"""The commands of the page on files by origin are those with which the corpus reads these files."""

import pytest

from tests.files.origins import Command, read_page

COMMANDS = read_page()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.case.path.name)
def test_a_command_reads_the_file_as_the_corpus_does(command: Command) -> None:
    assert command.options == command.case.options
    assert command.case.rows and not command.case.rejects and command.case.error is None


def test_every_file_of_an_origin_has_a_command() -> None:
    names = {command.case.path.name for command in COMMANDS}
    assert {path.name for path in COMMANDS[0].case.path.parent.glob("origin-*") if path.suffix != ".json"} <= names
    assert len(COMMANDS) >= 15
