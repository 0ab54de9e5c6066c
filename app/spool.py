"""The spool: the folder where uploads wait for their import, one file an import, named by its id."""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from time import time
from typing import BinaryIO, Protocol

from app.domain.errors import ContentTooLarge, SpoolFull
from app.domain.mark import Mark

PART = ".part"  # the ending while the body still arrives
OURS = "."  # how names begin that are no upload's
COPY_BYTES = 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def part_of(path: Path) -> Path:
    """Where an upload's bytes are before it is whole."""
    return path.with_name(path.name + PART)


class Readable(Protocol):
    """Where an upload comes from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        ...


class Spool:
    """Files below `folder`, each durable before its import is accepted."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def path(self, name: str) -> Path:
        """Where the file of this name is."""
        return self.folder / name

    @contextmanager
    def receive(self, name: str, on_write: Callable[[], None]) -> Iterator["Upload"]:
        """A file that is being written, with a call after every piece. It becomes durable under `name` by
        `Upload.keep`, or leaves no trace."""
        with _space(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            upload = Upload(self.path(name), self.max_bytes, on_write)
        try:
            yield upload
        finally:
            upload.close()

    def share(self, name: str, new_name: str) -> bool:
        """Give a file a second name, durably: it is there until both are deleted. False where there is no such file."""
        with _space(self.folder):
            try:
                self.path(new_name).hardlink_to(self.path(name))
            except FileNotFoundError:
                return False
            # deleted by its age otherwise, before its import is recorded
            self.path(new_name).touch()
            _flush_folder(self.folder)
        return True

    def delete(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        self.path(name).unlink(missing_ok=True)

    def find_problem(self) -> str | None:
        """A sentence that says why no upload can be kept here; None where one can."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            return f"the spool folder can't be made: {error.strerror}"
        return None if os.access(self.folder, os.W_OK | os.X_OK) else "the spool folder can't be written to"

    def list_untouched(self, seconds: float) -> list[str]:
        """Names of files that nobody has written to for so long."""
        oldest = time() - seconds
        if not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            return [
                entry.name
                for entry in entries
                if not entry.name.startswith(OURS) and entry.is_file() and entry.stat().st_mtime < oldest
            ]

    def read_mark(self, installation: str) -> Mark | None:
        """What this installation's ledger had come to when it was looked at last; None where that is not known."""
        path = self._mark(installation)
        try:
            found = path.stat()
            return _read_mark(path, found.st_ino, found.st_mtime_ns)  # a mark that is written is another file
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_mark(self, installation: str, mark: Mark) -> None:
        """Keep a mark, whole or not at all; a higher one stays. Raises OSError where the folder can't be written to.

        It is not flushed to the disk: after a power failure an older one, or none, is as good as it gets.
        """
        kept = self.read_mark(installation)
        if kept is not None and kept.mark >= mark.mark:
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # several sweepers may write, in containers under one process id
        new = self.path(f"{self._mark(installation).name}.{secrets.token_hex(4)}")
        new.write_text(json.dumps({"mark": mark.mark, "number": mark.number}), encoding="utf-8")
        new.replace(self._mark(installation))

    def _mark(self, installation: str) -> Path:
        return self.path(f"{OURS}mark-{installation}")


@lru_cache(maxsize=4)  # every acceptance asks, and it changes once a sweep
def _read_mark(path: Path, inode: int, mtime_ns: int) -> Mark:
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Mark(int(kept["mark"]), int(kept["number"]))


class Upload:
    """One file on its way into the spool; also the stream that a multipart parser writes into."""

    def __init__(self, target: Path, max_bytes: int, on_write: Callable[[], None]) -> None:
        self._target = target
        self._on_write = on_write
        self._part = part_of(target)
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._file: BinaryIO = self._part.open("w+b")
        self.bytes = 0

    def write(self, data: bytes) -> int:
        """Append; raises `ContentTooLarge` beyond the limit and `SpoolFull` when the disk is."""
        self.bytes += len(data)
        self.expect(self.bytes)
        with _space(self._part.parent):
            self._file.write(data)
        self._digest.update(data)
        self._on_write()
        return len(data)

    def expect(self, size: int) -> None:
        """Raise `ContentTooLarge` for what is larger than the limit, best before it is sent."""
        if size > self._max_bytes:
            raise ContentTooLarge(
                f"the file is larger than {self._max_bytes:,} bytes: split it, or raise BACKOUT_MAX_UPLOAD_BYTES"
            )

    def copy_from(self, stream: Readable) -> None:
        """Append all of `stream`; memory stays flat."""
        while piece := stream.read(COPY_BYTES):
            self.write(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        """For the multipart parser, which rewinds a file when it has written it."""
        return self._file.seek(offset, whence)

    @property
    def part(self) -> Path:
        """Where the bytes are before `keep`."""
        return self._part

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes so far, in hex."""
        return self._digest.hexdigest()

    def flush(self) -> None:
        """Let other readers see what was written."""
        with _space(self._part.parent):
            self._file.flush()

    def keep(self) -> None:
        """Make the file durable under its name: after this it survives a crash of the machine."""
        self.flush()
        with _space(self._part.parent):
            os.fsync(self._file.fileno())
        self._part.rename(self._target)
        _flush_folder(self._target.parent)

    def close(self) -> None:
        """Forget the bytes unless they were kept."""
        try:
            with _space(self._part.parent):
                self._file.close()
        finally:
            self._part.unlink(missing_ok=True)


def _flush_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _space(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise SpoolFull(f"the disk of the spool folder ({folder.name}) is full: free some space, send again") from error
