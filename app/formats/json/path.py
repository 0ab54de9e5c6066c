"""The path to a file's records: the keys that lead from its one object to the array with the rows.

The option `records` writes a path as `data.orders`, or as a JSON array of keys where a key has a dot.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.json.scanner import Broken, JsonText, truncated
from app.formats.json.values import Pairs
from app.formats.validate.columns import excerpt

MAX_KEYS = 16
_SEARCHED_DEPTH = 4
_MAX_SHOWN = 5
_OBJECTS = re.compile(r"\[\s*+\{")

Path = tuple[str, ...]


def parse_path(text: str) -> Path:
    """The keys of a path. Raises ValueError for what is no path."""
    keys: Any = text.split(".")
    if text.startswith("["):
        try:
            keys = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(text) from None
    if not 1 <= len(keys) <= MAX_KEYS or not all(isinstance(key, str) and key for key in keys):
        raise ValueError(text)
    return tuple(keys)


def records_path(file_format: FileFormat) -> Path | None:
    """The keys that lead to the rows; None if the file's array or objects are the rows."""
    return None if file_format.records is None else parse_path(file_format.records)


def write_path(path: Sequence[str]) -> str:
    """The path as `parse_path` reads it."""
    plain = all(key and "." not in key and not key.startswith("[") for key in path)
    return ".".join(path) if plain else json.dumps(list(path), ensure_ascii=False)


def find_arrays(pairs: Pairs, depth: int = _SEARCHED_DEPTH) -> list[Path]:
    """The paths to arrays of objects inside an object."""
    found: list[Path] = []
    for key, value in pairs:
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            found.append((key,))
        elif isinstance(value, tuple) and depth > 1:
            found += [(key, *rest) for rest in find_arrays(value, depth - 1)]
    return found


def find_first_array(text: JsonText, depth: int = _SEARCHED_DEPTH) -> Path | None:
    """The path to the first array of objects inside an object whose beginning is all there is of it."""
    try:
        for key in _members(text):
            following = text.next_character()
            if following == "[" and _OBJECTS.match(text.rest, text.at):
                return (key,)
            if following != "{" or depth == 1:
                text.value()
            elif (rest := find_first_array(text, depth - 1)) is not None:
                return (key, *rest)
    except Broken:
        return None  # the beginning ends there
    return None


def advice(paths: Sequence[Path]) -> str:
    """A sentence that names the option `records`; nothing where no path is known."""
    if not paths:
        return ""
    options = [f"records={excerpt(write_path(path))}" for path in paths[:_MAX_SHOWN]]
    return f". It contains an array of objects: set {' or '.join(options)} if these are the rows"


def enter(text: JsonText, path: Path) -> None:
    """Take all up to the first element of the array at `path`.

    Raises ImportFailed (records_not_found, no_rows), and Broken where the text is no JSON.
    """
    for at, wanted in enumerate(path):
        if text.next_character() != "{":
            if not at and text.next_character() == "[":
                raise _not_found(text, path, "the file is one array; leave out `records`", advised=True)
            raise _not_found(text, path, f"the value {_under(path[:at])} is no object")
        passed: list[str] = []
        arrays: list[Path] = []
        for key in _members(text):
            if key == wanted:
                break
            passed.append(key)
            value, _ = text.value()
            arrays += [(*path[:at], *found) for found in find_arrays(((key, value),))]
        else:
            shown = ", ".join(passed[:_MAX_SHOWN]) + ", …" * (len(passed) > _MAX_SHOWN)
            why = f"the object {_under(path[:at])} has the keys {excerpt(shown) or '(none)'}{advice(arrays)}"
            raise _not_found(text, path, why, advised=bool(arrays))
    if text.next_character() != "[":
        raise _not_found(text, path, "the value there is no array")
    text.begin_array()


def leave(text: JsonText, path: Path) -> None:
    """Take all that follows the array. Raises Broken (doubled_key, text_after_array, and where it is no JSON): another
    array under the same path would be lost."""
    for wanted in reversed(path):
        for key in _members(text, begun=True):
            if key == wanted:
                reason = f"the object has the key {excerpt(key)!r} twice, so that it is unclear which array is meant"
                raise Broken(ImportFailed("doubled_key", reason, text.line, column=excerpt(key)))
            text.value()
    if text.next_character():
        reason = "text follows the object that has the records; the file must hold one object only"
        raise Broken(ImportFailed("text_after_array", reason, text.line, value=text.excerpt()))


def _members(text: JsonText, *, begun: bool = False) -> Any:
    """The keys of an object, each once its value comes next; the caller takes the value. Raises Broken."""
    if not begun:
        text.take(text.at + 1)
    while True:
        following = text.next_character()
        if following == "}":
            text.take(text.at + 1)
            return
        if begun:
            if following != ",":
                raise _broken(text, "a comma or } is missing after a value")
            text.take(text.at + 1)
            following = text.next_character()
        begun = True
        if following != '"':
            raise _broken(text, "a key in quotes is missing")
        key, _ = text.value()
        if text.next_character() != ":":
            raise _broken(text, "a colon is missing after a key")
        text.take(text.at + 1)
        text.next_character()
        yield key


def _broken(text: JsonText, what: str) -> Broken:
    if not text.next_character():
        return Broken(truncated("inside the object that has the records", text.line))
    return Broken(ImportFailed("not_json", f"the file is not JSON: {what}", text.line, value=text.excerpt()))


def _under(path: Path) -> str:
    return f"under {excerpt(write_path(path))}" if path else "of the file"


def _not_found(text: JsonText, path: Path, why: str, *, advised: bool = False) -> ImportFailed:
    reason = f"the file has no records under {excerpt(write_path(path))}: {why}"
    reason += "" if advised else ". Set `records` to the path of an array"
    return ImportFailed("records_not_found", reason, text.line, value=excerpt(write_path(path)))
