"""Scans JSON text from a stream, value after value."""

import codecs
import json
import re
from typing import Any

from app.domain.errors import ImportFailed
from app.formats.json.values import Decoder
from app.formats.streams import blocks
from app.formats.streams.source import Readable
from app.formats.validate.columns import excerpt

_SPACES = " \t\r\n"
_SPACE = re.compile(f"[{_SPACES}]*+")
_COMMA = re.compile(f"[{_SPACES}]*+,[{_SPACES}]*+(?={{)")  # between two objects
_LONGEST_TOKEN = 6  # characters that mean nothing before they are complete: an escape like \u00e9
_MAX_EXCERPT = 300  # more than any error shows


class Broken(Exception):
    """The rest of the array can't be parsed."""

    def __init__(self, failure: ImportFailed) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class JsonText:
    """The stream's text. `rest[at:]` has been read but not taken, and begins on `line`. `taken` counts the characters
    before it."""

    def __init__(self, source: Readable, piece_bytes: int) -> None:
        self._source = source
        self._piece_bytes = piece_bytes
        self._values = Decoder()
        # Invalid bytes become surrogates, so that only their row is refused.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self.rest = ""
        self.at = self.taken = 0
        self.line = 1
        self.ended = False
        while not self.rest and not self.ended:
            self.read_on()
        self.rest = self.rest.removeprefix("\ufeff")

    def read_on(self) -> None:
        """Read more, at least as much as the rest has, so that a long element takes linear time. Drops the text before
        it."""
        self.rest = self.rest[self.at :]
        self.at = 0
        missing = max(self._piece_bytes, len(self.rest))
        parts = [self.rest]
        while missing > 0 and not self.ended:
            data = self._source.read(missing)
            self.ended = not data
            parts.append(self._decoder.decode(data, final=self.ended))
            missing -= len(data)
        self.rest = "".join(parts)

    def take(self, end: int) -> str:
        """Take the text up to `end`."""
        taken = self.rest[self.at : end]
        self.line += taken.count("\n")
        self.taken += len(taken)
        self.at = end
        return taken

    def take_comma(self) -> bool:
        """Take the comma and blanks between two objects, if they are in the text already."""
        found = _COMMA.match(self.rest, self.at)
        if found is None:
            return False
        self.take(found.end())
        return True

    def next_character(self) -> str:
        """The next character that is not a blank, without taking it; "" at the end of the file."""
        character = self.rest[self.at : self.at + 1]
        if character and character not in _SPACES:
            return character
        while True:
            space = _SPACE.match(self.rest, self.at)
            if space and space.end() > self.at:
                self.take(space.end())
            if self.at < len(self.rest):
                return self.rest[self.at]
            if self.ended:
                return ""
            self.read_on()

    def begin_array(self) -> None:
        """Take the opening bracket. Raises ImportFailed (empty_file, not_an_array, no_rows)."""
        first = self.next_character()
        if not first:
            raise ImportFailed("empty_file", "the file is empty")
        if first != "[":
            reason = "the file is not JSON: it must begin with [ or {, and contain one object for every row"
            raise ImportFailed("not_an_array", reason, self.line, value=self.excerpt())
        self.take(self.at + 1)
        if self.next_character() == "]":
            raise ImportFailed("no_rows", "the array is empty", self.line)

    @property
    def constant(self) -> str | None:
        """NaN or Infinity, if the last value contains one: then it is not JSON."""
        return self._values.constant

    def value(self) -> tuple[Any, str]:
        """Take the next JSON value; returns it and its text. Check `constant` then. Raises Broken (not_json, not_utf8,
        truncated_json, record_too_long)."""
        while True:
            error: Exception | None = None
            try:
                value, end = self._values.raw_decode(self.rest, self.at)
            except RecursionError as deep:
                raise Broken(self._not_json(deep)) from None
            except ValueError as bad:
                error, end = bad, len(self.rest)
            if end - self.at > blocks.RECORD_BYTES:
                reason = f"the element is longer than {blocks.RECORD_BYTES:,} bytes, or a quote or brace never closes"
                raise Broken(ImportFailed("record_too_long", reason, self.line, value=self.excerpt()))
            if self.ended or end < len(self.rest):
                if error is not None:
                    raise Broken(self._not_json(error))
                return value, self.take(end)
            self.read_on()  # the value may go on: 12 may become 123

    def excerpt(self) -> str:
        return excerpt(self.rest[self.at : self.at + _MAX_EXCERPT])

    def _not_json(self, error: Exception) -> ImportFailed:
        if not isinstance(error, json.JSONDecodeError):
            what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            return ImportFailed("not_json", f"the element is not JSON: {what}", self.line, value=self.excerpt())
        whole = self.rest.rstrip()
        unfinished = error.msg.startswith("Unterminated") or error.pos >= len(whole) - _LONGEST_TOKEN
        if unfinished and not whole.endswith("]"):
            return truncated("inside this element", self.line, self.excerpt())
        line = self.line + self.rest.count("\n", self.at, error.pos)
        around = self.rest[max(self.at, error.pos - 1) : error.pos + 1]
        if any("\udc80" <= character <= "\udcff" for character in around):
            return ImportFailed("not_utf8", f"the element is not valid UTF-8 on line {line}", self.line)
        reason = f"the element is not JSON: {error.msg} on line {line}"
        return ImportFailed("not_json", reason, self.line, value=self.excerpt())


def truncated(where: str, line: int, value: str | None = None) -> ImportFailed:
    """The error for a file that ends before its array."""
    reason = f"the file ends {where}, and its array never closes with ]; it may have been cut off"
    return ImportFailed("truncated_json", reason, line, value=value)
