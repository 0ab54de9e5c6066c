"""Where the minutes of a run go: for each folder its tests, their seconds, and the processor's seconds, with those of
all processes that the tests start. The last lines of a run show it."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

FILES = 12  # how many of the most expensive ones are named
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Seen:
    """A process: its parent, its own seconds of the processor, and those of its children that it has waited for."""

    parent: int
    own: float
    waited: float


class Meter:
    """The processor's seconds of this process and all below it, those that have ended included."""

    def __init__(self) -> None:
        self._alive: dict[tuple[int, str], Seen] = {}
        self._gone = 0.0

    def read(self) -> float:
        """The seconds until now. A process that began and ended between two readings counts if its parent, or
        one of its ancestors, waited for it."""
        alive = _list_below(os.getpid())
        parents = {pid for pid, _ in alive}
        for key, seen in self._alive.items():
            if key not in alive and seen.parent not in parents:  # else its parent's `waited` has it now
                self._gone += seen.own + seen.waited
        self._alive = alive
        return self._gone + sum(seen.own + seen.waited for seen in alive.values())


def _list_below(root: int) -> dict[tuple[int, str], Seen]:
    """By number and start: the process and its descendants."""
    found: dict[int, tuple[str, Seen]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            own, waited = (sum(map(int, fields[at : at + 2])) / _TICKS for at in (11, 13))
            found[int(folder.name)] = fields[19], Seen(int(fields[1]), own, waited)
    children: dict[int, list[int]] = {}
    for pid, (_, seen) in found.items():
        children.setdefault(seen.parent, []).append(pid)
    below, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        below[pid, found[pid][0]] = found[pid][1]
        waiting += children.get(pid, [])
    return below


class Minutes:
    """A plugin of each process that runs tests, and of the one that controls them."""

    def __init__(self) -> None:
        self._meter, self._name = Meter(), "collection"
        self._read, self._began = 0.0, monotonic()
        self.tests: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()
        self.cpu: Counter[str] = Counter()

    def turn_to(self, name: str) -> None:
        """What comes now is of this file."""
        if name == self._name:
            return
        now, read = monotonic(), self._meter.read()
        self.wall[self._name] += now - self._began
        self.cpu[self._name] += read - self._read
        self._name, self._began, self._read = name, now, read

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        self.turn_to(item.nodeid.partition("::")[0])
        self.tests[self._name] += 1
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        config = session.config
        if hasattr(config, "workeroutput") or config.getoption("dist", "no") == "no":  # this process runs tests
            self.turn_to("end")
        if hasattr(config, "workeroutput"):
            config.workeroutput["minutes"] = [dict(each) for each in (self.tests, self.wall, self.cpu)]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for mine, theirs in zip((self.tests, self.wall, self.cpu), node.workeroutput.get("minutes", ()), strict=False):
            mine.update(theirs)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if sum(self.tests.values()) < 2:
            return
        terminalreporter.section("where the minutes went")
        for title, names in (("folder", self._by_folder()), ("of these", self._dearest())):
            terminalreporter.write_line(f"{title:60} {'tests':>6} {'s':>7} {'cpu s':>7}")
            for name, files in names.items():
                figures = [sum(each[file] for file in files) for each in (self.tests, self.wall, self.cpu)]
                terminalreporter.write_line(f"{name:60} {figures[0]:6} {figures[1]:7.1f} {figures[2]:7.1f}")

    def _by_folder(self) -> dict[str, list[str]]:
        folders: dict[str, list[str]] = {}
        for name in sorted(self.wall):
            folders.setdefault("/".join(name.split("/")[:2]), []).append(name)
        return {**folders, "all": list(self.wall)}

    def _dearest(self) -> dict[str, list[str]]:
        return {name: [name] for name, _ in self.cpu.most_common(FILES)}
