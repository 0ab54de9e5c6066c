"""The commands of the how-to page on files by origin."""

import shlex
from dataclasses import dataclass

from tests.corpus.cases import FILES, Case, read_cases
from tests.servers import ROOT

PAGE = ROOT / "docs" / "how-to" / "files-by-origin.md"


@dataclass(frozen=True)
class Command:
    """A command of the page: the case of its file, the dataset that it names, and its other arguments."""

    case: Case
    dataset: str
    arguments: tuple[str, ...]

    @property
    def options(self) -> dict[str, str]:
        """The options of the file, as the interface takes them."""
        waiting = list(self.arguments)
        options = {}
        while waiting:
            name = waiting.pop(0).removeprefix("--").replace("-", "_")
            options[name] = waiting.pop(0) if waiting and not waiting[0].startswith("--") else "true"
        return options


def read_page() -> list[Command]:
    """The page's commands, in its order."""
    cases = {case.path: case for case in read_cases()}
    commands = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("backout import "):
            _, _, file, _, dataset, *arguments = shlex.split(line)
            commands.append(Command(cases[FILES / file], dataset, tuple(arguments)))
    return commands
