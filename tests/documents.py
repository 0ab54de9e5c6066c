"""Documents as programs: the commands that a Markdown page shows, and the answers, shortened with …, that follow."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SENDING = re.compile(r"(?:head [^|]*\| )?curl ")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|-?[0-9][0-9.]*|true|false|null|[][{}:,…])', re.DOTALL)
_SHORT_ID = re.compile("([0-9a-f]{8})-…")
_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LATER = {"stopping": "stopped", "undoing": "undone"}  # which of them it is depends on the moment
_PASSING = ("at", "worker", "request_id", "created_at", "started_at", "decided_at", "finished_at")


@dataclass(frozen=True)
class Shown:
    """A command, and what the page says that it answers; None where it says nothing."""

    command: str
    answer: str | None


@dataclass
class Part:
    """An object or a list of an answer; `is_cut` where … stands for more of it."""

    members: dict[str, Any] | list[Any]
    is_cut: bool = False


def read_commands(page: Path) -> Iterator[Shown]:
    """The curl commands of a page, in its order, and the blocks that prepare them (those that write files)."""
    whole = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for language, block in _BLOCK.findall(whole):
        if language == "sh" and "cat >" in block:
            yield Shown(block, None)
        elif language == "sh":
            yield from (Shown(line, None) for line in block.splitlines() if _SENDING.match(line))
        elif language in ("", "console"):
            for text in block.split("\n\n"):
                if text.startswith("$ curl "):
                    command, _, answer = text.partition("\n")
                    yield Shown(command.removeprefix("$ "), answer.strip())


@dataclass
class Ids:
    """What the ids of a page, `97731469-…`, are in this run."""

    known: dict[str, str] = field(default_factory=dict)

    def fill(self, command: str) -> str:
        """The command with real ids."""
        return _SHORT_ID.sub(lambda found: self.known[found[1]], command)

    def agree(self, shown: str, real: str) -> bool:
        """Whether a text is as shown; … stands for any text, and a new id is learned."""
        pattern = ""
        for piece in re.split(r"([0-9a-f]{8}-…|…)", " ".join(shown.split())):
            short = _SHORT_ID.fullmatch(piece)
            if short and short[1] in self.known:
                pattern += re.escape(self.known[short[1]])
            else:
                pattern += f"(?P<id{short[1]}>{_ID.pattern})" if short else ".*" if piece == "…" else re.escape(piece)
        found = re.fullmatch(pattern, " ".join(real.split()), re.DOTALL)
        if found:
            self.known |= {name.removeprefix("id"): value for name, value in found.groupdict().items()}
        return found is not None


def read_answer(text: str) -> Any:
    """A shown body: objects and lists as `Part`, all else as in JSON. Raises ValueError where it is none."""
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"this is no shown answer, from {text[at : at + 40]!r} on: {text}")
        tokens.append(found[1])
        at = found.end()
    place = 0

    def take() -> str:
        nonlocal place
        place += 1
        return tokens[place - 1]

    def value() -> Any:
        token = take()
        if token in "{[":
            return members(token == "{")
        return json.loads(re.sub(r"\s*\n\s*", " ", token))

    def members(named: bool) -> Part:
        part = Part({} if named else [])
        while (token := take()) not in "}]":
            if token == "…":
                part.is_cut = True
            elif token != ",":
                nonlocal place
                place -= 1
                if isinstance(part.members, dict):
                    name = json.loads(take())
                    if take() != ":":
                        raise ValueError(f"a colon is missing after {name!r}: {text}")
                    part.members[name] = value()
                else:
                    part.members.append(value())
        return part

    return value()


def find_difference(shown: Any, real: Any, ids: Ids, where: str = "$") -> str | None:
    """Where a real answer has another shape than the shown one, in words; None where it has not.

    Names and texts are compared to the letter; numbers and times by their type, since they differ from run to run.
    """
    name = where.rpartition(".")[2]
    if isinstance(shown, Part):
        return _compare_parts(shown, real, ids, where)
    if isinstance(shown, str):
        agrees = isinstance(real, str) and (name in _PASSING or ids.agree(shown, real) or _LATER.get(shown) == real)
        return None if agrees else f"{where} is {real!r}, not {shown!r}"
    if isinstance(shown, bool) or shown is None or name in ("status", "line", "row"):
        return None if shown == real else f"{where} is {real!r}, not {shown!r}"
    is_number = isinstance(real, int | float) and not isinstance(real, bool)
    return None if is_number else f"{where} is {real!r}, no number"


def _compare_parts(shown: Part, real: Any, ids: Ids, where: str) -> str | None:
    if not isinstance(real, type(shown.members)):
        return f"{where} is {real!r}"
    if isinstance(shown.members, list):
        if len(real) < len(shown.members) or (not shown.members and real and not shown.is_cut):
            return f"{where} has {len(real)} elements"
        pairs = [(f"{where}[{at}]", part, real[at]) for at, part in enumerate(shown.members)]
    else:
        lacking = [name for name in shown.members if name not in real]
        more = [] if shown.is_cut else [name for name in real if name not in shown.members]
        if lacking or more:
            return f"{where} lacks {lacking} and has {more}, which is not shown"
        pairs = [(f"{where}.{name}", part, real[name]) for name, part in shown.members.items()]
    differences: Iterator[str | None] = (find_difference(part, found, ids, place) for place, part, found in pairs)
    return next(filter(None, differences), None)


def find_header_difference(shown: str, real: str, ids: Ids) -> str | None:
    """As `find_difference`, for the lines that `curl -i` shows before the body."""
    lines = real.splitlines()
    for line in shown.splitlines():
        if line.strip() != "…" and not any(ids.agree(line, found) for found in lines):
            return f"no line is as {line!r}: {lines}"
    return None
