"""Makes names for a table's columns from the names in a file."""

import unicodedata
from collections.abc import Sequence

from app.domain.definition import NAME_LENGTH, OWN_COLUMNS

_SUFFIX = 8  # characters that make a name unique


def make_names(names: Sequence[str]) -> list[str]:
    """A column name for each name of the file: the same if it is valid and unique, else a similar one.

    Names have 1 to 64 printable characters of the basic plane without blanks around them, and differ by more than
    capitals and accents, which the servers ignore.
    """
    taken = set(OWN_COLUMNS)
    tried: dict[str, int] = {}
    made = []
    # valid names come first, else a cleaned one could take theirs
    staying: dict[int, str] = {}
    for at, name in enumerate(names):
        if _cleaned(name) == name and _folded(name) not in taken:
            taken.add(_folded(name))
            staying[at] = name
    for at, name in enumerate(names):
        made.append(staying.get(at) or _unique(_cleaned(name) or f"column_{at + 1}", taken, tried))
    return made


def _cleaned(name: str) -> str:
    """The name with `_` for invalid characters; empty if nothing else is left."""
    characters = "".join(each if each.isprintable() and each <= "\uffff" else "_" for each in name)
    cleaned = characters.strip()[:NAME_LENGTH].strip()
    return cleaned if cleaned.strip("_") else ""


def _unique(name: str, taken: set[str], tried: dict[str, int]) -> str:
    """The name, or its beginning with a number; `tried` has the last number of each beginning, since thousands of
    columns may have one name."""
    found = name
    beginning = name[: NAME_LENGTH - _SUFFIX].strip()
    while _folded(found) in taken:
        tried[beginning] = tried.get(beginning, 1) + 1
        found = f"{beginning}_{tried[beginning]}"
    taken.add(_folded(found))
    return found


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in plain if not unicodedata.combining(each)).strip()
