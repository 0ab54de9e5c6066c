"""Erasures: whose data goes, how the rows are known, and where in texts the values are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import InvalidContent
from app.domain.requests.selection import find_column, read_value
from app.domain.row_size import text_length

MAX_COLUMNS = 20
TEXTS = frozenset({ColumnType.TEXT, ColumnType.EMAIL})  # what is written in one way only
WORDLESS = frozenset({ColumnType.ENUM, ColumnType.CURRENCY, ColumnType.BOOLEAN})  # no text is about someone for these
LETTERS = 4  # fewer are in many words
MESSAGE = 24  # so many letters of a value are in a message, however it was cut
ERASED = "erased"  # what is written instead

_NO_LETTER = re.compile("[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Person:
    """Whose rows: those with these values of columns. `written` are the values as the client wrote them."""

    dataset: Dataset
    equal: tuple[tuple[str, Any], ...]
    written: tuple[str, ...]

    @property
    def columns(self) -> str:
        """The names of the columns, which may be shown; the values never are."""
        return ", ".join(name for name, _ in self.equal)


def parse_person(dataset: Dataset, where: Mapping[str, Any]) -> Person:
    """Parse columns with values, which are written as in an export. Raises `InvalidContent`, which names the column and
    never shows the value."""
    if not where:
        raise _refused("where", "where needs a column with a value: nothing erases all rows")
    if len(where) > MAX_COLUMNS:
        raise _refused("where", f"where has at most {MAX_COLUMNS} columns")
    equal, written = [], []
    for name, value in where.items():
        column = find_column(dataset, name)
        if column is None:
            raise _refused("where", f"there is no column {name[:64]!r} in {dataset.name}")
        if not isinstance(value, str | int | float):
            raise _refused(f"where.{name}", f"{name} needs a text, a number, true or false")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not text.strip():
            raise _refused(f"where.{name}", f"the value of {name} is empty, which is no one's: name a value")
        equal.append((name, _read(column, text)))
        written.append(text)
    return Person(dataset, tuple(equal), tuple(written))


def _read(column: Column, text: str) -> Any:
    length = text_length(column)
    if column.type in TEXTS and length and len(text) > length:
        raise _refused(f"where.{column.name}", f"the value of {column.name} has over {length} characters")
    if (column.type is ColumnType.EMAIL and "@" not in text) or (
        column.type is ColumnType.ENUM and text not in column.choices
    ):
        raise _refused(f"where.{column.name}", f"the value of {column.name} is not a valid {column.type}")
    try:
        return read_value(column, text)
    except ValueError:
        raise _refused(f"where.{column.name}", f"the value of {column.name} is not a valid {column.type}") from None


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])


class Traces:
    """Finds a person's values in texts, which may have them in other capitals, quoted, or in a wrong encoding: only the
    letters a to z and digits count."""

    def __init__(self, person: Person) -> None:
        columns = [find_column(person.dataset, name) for name, _ in person.equal]
        pairs = [(column, text) for column, text in zip(columns, person.written, strict=True) if column is not None]
        self._texts = [text.strip() for column, text in pairs if column.type not in WORDLESS]
        # a number or a date may be written in many ways: a row never lacks it for sure
        self._sure = [
            letters for column, text in pairs if column.type in TEXTS and len(letters := _spell(text)) >= LETTERS
        ]

    def are_in(self, text: str) -> bool:
        """Whether a message or a name has one of the values, or the beginning of it."""
        spelled = _spell(text)
        return any(_has(text, spelled, value) for value in self._texts)

    def may_be_of(self, line: str) -> bool:
        """Whether a row, as it is in a file, may be the person's: False only where a value is surely not in it."""
        spelled = _spell(line)
        return all(letters in spelled for letters in self._sure)

    def cover(self, value: Any) -> Any:
        """JSON with `ERASED` for each text that has one of the values; the same object where there is none."""
        if isinstance(value, str):
            return ERASED if self.are_in(value) else value
        if isinstance(value, list):
            found: list[Any] = [self.cover(one) for one in value]
            return found if any(new is not old for new, old in zip(found, value, strict=True)) else value
        if isinstance(value, dict):
            made = {name: self.cover(one) for name, one in value.items()}
            return made if any(made[name] is not value[name] for name in value) else value
        return value


def _has(text: str, spelled: str, value: str) -> bool:
    letters = _spell(value)
    if len(letters) >= LETTERS and not letters.isdigit():
        return letters[:MESSAGE] in spelled
    # short, in another script, or a number: as a word of its own
    return re.search(rf"(?<!\w){re.escape(value.casefold())}(?!\w)", text.casefold()) is not None


def _spell(text: str) -> str:
    return _NO_LETTER.sub("", text).lower()
