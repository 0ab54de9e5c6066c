"""Names for a table's columns, from those that a file has."""

import unicodedata
from collections.abc import Sequence

from app.domain.definition import NAME_LENGTH, OWN_COLUMNS

_SUFFIX = 8  # characters that make a name unique


def make_names(names: Sequence[str]) -> list[str]:
    """A column name for each of the file's: its own where it can be, and where another has it or it can't, one like it.

    Names are 1 to 64 printable characters of the basic plane, without blanks around them, and differ by more than
    capitals and accents: the servers make no difference there.
    """
    taken = set(OWN_COLUMNS)
    made = []
    # the names that can stay as they are come first, or one that was mended would take theirs
    staying: dict[int, str] = {}
    for at, name in enumerate(names):
        if _cleaned(name) == name and _folded(name) not in taken:
            taken.add(_folded(name))
            staying[at] = name
    for at, name in enumerate(names):
        made.append(staying.get(at) or _unique(_cleaned(name) or f"column_{at + 1}", taken))
    return made


def _cleaned(name: str) -> str:
    """The name with what can't be in it as `_`; nothing where nothing is left of it."""
    characters = "".join(each if each.isprintable() and each <= "\uffff" else "_" for each in name)
    cleaned = characters.strip()[:NAME_LENGTH].strip()
    return cleaned if cleaned.strip("_") else ""


def _unique(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while _folded(found) in taken:
        number += 1
        found = f"{name[: NAME_LENGTH - _SUFFIX].strip()}_{number}"
    taken.add(_folded(found))
    return found


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in plain if not unicodedata.combining(each)).strip()
