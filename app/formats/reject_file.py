"""Reject files: the rows of an import that were not accepted, one JSON object a line, beside its upload."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from app.domain.dataset import Dataset
from app.formats.batch import Reject
from app.formats.column_mapping import REJECT_COLUMNS

_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_QUOTED = re.compile('[",\r\n]|^ |^$')


class RejectWriter:
    """Writes one attempt's reject file; there is none where nothing is rejected."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def write(self, rejects: Iterable[Reject]) -> None:
        """Append. Raises OSError, as where the disk is full."""
        if self._file is None:
            self._file = self._path.open("wb")
        for reject in rejects:
            # bytes that are no text are surrogates here, which only escapes can carry
            self._file.write(json.dumps(asdict(reject)).encode() + b"\n")

    def close(self) -> None:
        """Make what was written durable: before the decision, which counts it. Raises OSError, and then the file is
        still to be discarded."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Remove what was not made durable: no one reads a part of it. Raises nothing."""
        if self._file is not None:
            with suppress(OSError):  # what was not written yet may find no space
                self._file.close()
            self._file = None
            with suppress(OSError):  # the sweeper does it later
                self._path.unlink()


def read_rejects(path: Path) -> Iterator[dict[str, Any]]:
    """The rejects in a file, streamed. Raises FileNotFoundError, when called."""
    file = path.open("rb")

    def read() -> Iterator[dict[str, Any]]:
        with file:
            for line in file:
                yield json.loads(line)

    return read()


def write_csv(rejects: Iterator[dict[str, Any]], dataset: Dataset) -> Iterator[bytes]:
    """The rejects as a CSV file that can be mended and sent again: the dataset's columns, and what was wrong in columns
    that an import leaves out."""
    yield _line((*dataset.column_names, *REJECT_COLUMNS))
    for reject in rejects:
        values = reject["values"] or [None] * len(dataset.columns)
        told = [
            str(reject[name]) if reject[name] is not None else None for name in ("line", "code", "column", "reason")
        ]
        # a row that could not be taken apart is there as a whole
        yield _line((*values, *told, reject["text"] if reject["values"] is None else None))


def _line(fields: Sequence[str | None]) -> bytes:
    """The fields as a line of CSV; only None is empty without quotes, so that an empty text stays one."""
    written = (
        "" if field is None else '"' + field.replace('"', '""') + '"' if _QUOTED.search(field) else field
        for field in fields
    )
    # a byte that was no text is written as it was; half a character, of which JSON has escapes, so that it stays none
    whole = _HALF.sub(_as_escaped_bytes, ",".join(written) + "\r\n")
    return whole.encode("utf-8", "surrogateescape")


def _as_escaped_bytes(half: re.Match[str]) -> str:
    return half[0].encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
