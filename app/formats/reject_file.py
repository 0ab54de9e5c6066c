"""Reject files: the invalid rows of an import as NDJSON, in a file beside its upload."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from fcntl import LOCK_SH, flock
from pathlib import Path
from typing import Any, BinaryIO

from app.domain.dataset import Dataset
from app.formats.batch import Reject
from app.formats.column_names import REJECT_COLUMNS

_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_QUOTED = re.compile('[",\r\n]|^ |^$')


class RejectWriter:
    """Writes one attempt's reject file. Without rejects there is no file."""

    def __init__(self, path: Path, keep: Callable[[Path], None] = lambda path: None) -> None:
        """`keep` takes the file once it is whole."""
        self._path, self._keep = path, keep
        self._file: BinaryIO | None = None

    def write(self, rejects: Iterable[Reject]) -> None:
        """Append. Raises OSError, for example if the disk is full."""
        if self._file is None:
            self._file = self._path.open("wb")
            flock(self._file, LOCK_SH)  # it is in use, however long nothing is added
        for reject in rejects:
            # invalid bytes are lone surrogates here, which UTF-8 can't encode but JSON's escapes can
            self._file.write(json.dumps(asdict(reject)).encode() + b"\n")

    def close(self) -> None:
        """Make the file durable; call this before the decision, which counts its rows. Raises OSError: then call
        `discard`."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._keep(self._path)
            self._file = None

    def discard(self) -> None:
        """Remove a file that `close` has not made durable. Raises nothing."""
        if self._file is not None:
            with suppress(OSError):  # the disk may have no space for buffered data
                self._file.close()
            self._file = None
            with suppress(OSError):  # the sweeper will delete it
                self._path.unlink()


def read_rejects(path: Path) -> Iterator[dict[str, Any]]:
    """The rejects in a file as dicts of `Reject`'s fields, streamed. Raises FileNotFoundError at once."""
    file = path.open("rb")

    def read() -> Iterator[dict[str, Any]]:
        with file:
            for line in file:
                yield json.loads(line)

    return read()


def split_rejects(path: Path, is_kept: Callable[[str], bool]) -> tuple[list[bytes], list[dict[str, Any]]]:
    """The lines of a file that are kept, as they are, and the rejects of the others; `is_kept` gets all that is quoted
    of a row. Raises FileNotFoundError."""
    kept: list[bytes] = []
    others: list[dict[str, Any]] = []
    with path.open("rb") as file:
        for line in file:
            reject = json.loads(line)
            quoted = [reject["reason"], reject["value"], reject["text"], *(reject["values"] or ())]
            if is_kept("\n".join(str(one) for one in quoted if one is not None)):
                kept.append(line)
            else:
                others.append(reject)
    return kept, others


def write_csv(rejects: Iterator[dict[str, Any]], dataset: Dataset) -> Iterator[bytes]:
    """The rejects as CSV, to be fixed and sent again: the dataset's columns, then columns with the reasons, which an
    import ignores."""
    yield _line((*dataset.column_names, *REJECT_COLUMNS))
    for reject in rejects:
        values = reject["values"] or [None] * len(dataset.columns)
        reasons = [
            str(reject[name]) if reject[name] is not None else None for name in ("line", "code", "column", "reason")
        ]
        # a row that could not be parsed is there as a whole
        yield _line((*values, *reasons, reject["text"] if reject["values"] is None else None))


def _line(fields: Sequence[str | None]) -> bytes:
    """The fields as a line of CSV. Only None is an unquoted empty field, so an empty text stays a text."""
    written = (
        "" if field is None else '"' + field.replace('"', '""') + '"' if _QUOTED.search(field) else field
        for field in fields
    )
    # invalid bytes are written as they were; lone surrogates from JSON's escapes stay invalid, as escaped bytes
    whole = _LONE_SURROGATE.sub(_as_escaped_bytes, ",".join(written) + "\r\n")
    return whole.encode("utf-8", "surrogateescape")


def _as_escaped_bytes(half: re.Match[str]) -> str:
    return half[0].encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
