"""Unpacks a file that can't be read while it is unpacked: a workbook, Parquet."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from app.domain.file_format import FileFormat
from app.formats.streams.decompression import Limited, open_source

_COPY_BYTES = 1024 * 1024
_MAX_UNPACKED_BYTES = 4 * 1024**3


@contextmanager
def temporary_beside(path: Path) -> Iterator[IO[bytes]]:
    """A temporary file in the folder of `path`, deleted at the end. Its lock keeps sweepers from deleting it
    earlier."""
    with NamedTemporaryFile(dir=path.parent, prefix=".") as file:
        with suppress(OSError):  # some file systems have no locks: there its age protects it
            fcntl.flock(file, fcntl.LOCK_SH)
        yield file


@contextmanager
def unpacked(path: Path, file_format: FileFormat, max_bytes: int = _MAX_UNPACKED_BYTES) -> Iterator[Path]:
    """The file itself, or a decompressed temporary copy beside it. Raises ImportFailed (unpacked_too_large)."""
    if file_format.compression == "none":
        yield path
        return
    with open_source(path, file_format.compression) as source, temporary_beside(path) as file:
        limited = Limited(source, max_bytes)
        while data := limited.read(_COPY_BYTES):
            file.write(data)
        file.flush()
        yield Path(file.name)
