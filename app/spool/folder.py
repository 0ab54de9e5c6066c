"""The spool as a folder: one file an import, named by its id."""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from time import time
from typing import Any

from app.domain.generation import Generation
from app.spool.upload import COPY_BYTES, Upload, flush_folder, space

OURS = "."  # how names begin that are no upload's
GENERATION, AUDIT, FIGURES = f"{OURS}generation-", f"{OURS}audit-", f"{OURS}sweeper-"
SILLY = ".nfs"  # what NFS calls a file that was deleted while it is open
FIGURES_SECONDS = 60.0  # figures that no one has written for so long are those of a sweeper that has ended


class Spool:
    """Files below `folder`, each durable before its import is accepted. A name may have folders in it, with `/`."""

    grows = True  # whether an upload can be read while it arrives

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def path(self, name: str) -> Path:
        """Where the file of this name is."""
        return self.folder / name

    @contextmanager
    def receive(self, name: str, on_write: Callable[[], None]) -> Iterator["Upload"]:
        """A file that is being written, with a call after every piece. It becomes durable under `name` by
        `Upload.commit`, or leaves no trace."""
        with space(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            upload = Upload(self.path(name), self.max_bytes, on_write)
        try:
            yield upload
        finally:
            upload.close()

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The file of this name, as one of this machine, for as long as this lasts. Raises FileNotFoundError."""
        path = self.path(name)
        path.stat()
        yield path

    def read(self, name: str) -> bytes:
        """All of a file; raises FileNotFoundError."""
        return self.path(name).read_bytes()

    def size(self, name: str) -> int:
        """The bytes of a file; raises FileNotFoundError."""
        return self.path(name).stat().st_size

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self.path(name).is_file()

    def list_names(self, folder: str) -> list[str]:
        """Names of what is in a folder of the spool, without the folder's."""
        with suppress(FileNotFoundError):
            return [path.name for path in self.path(folder).iterdir()]
        return []

    def keep(self, path: Path) -> None:
        """Take a file that was written at `path(name)`, and is durable there, into the spool."""

    def hard_link(self, name: str, new_name: str) -> bool:
        """Give a file a second name, durably: it is there until both are deleted. False where there is no such file."""
        with space(self.folder):
            try:
                # first, for both names: by its age the new one would be deleted before its import is recorded
                os.utime(self.path(name))
                self.path(new_name).hardlink_to(self.path(name))
            except FileNotFoundError:
                return False
            flush_folder(self.folder)
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
        if not os.access(self.folder, os.W_OK | os.X_OK):
            return "the spool folder can't be written to"
        return "the disk of the spool folder is full: free some space" if self.is_short() else None

    def is_short(self) -> bool:
        """Whether the disk has too little space to begin with anything that writes to it."""
        try:
            disk = os.statvfs(self.folder)
        except OSError:
            return False
        return bool(disk.f_blocks) and disk.f_bavail * disk.f_frsize < COPY_BYTES

    def list_untouched(self, seconds: float) -> list[str]:
        """Names of files without a write for so long."""
        return [name for name in self._list_old(seconds) if not name.startswith(OURS)]

    def delete_temporary(self, seconds: float) -> list[str]:
        """Delete temporary files that no one has written to for so long and no process reads; returns their names."""
        names = [name for name in self._list_old(seconds) if name.startswith(OURS) and not is_kept(name)]
        return [name for name in names if self.delete_unused(name)]

    def delete_unused(self, name: str) -> bool:
        """Delete a file unless a process holds a lock on it (flock(2)), as those do that use one for long."""
        path = self.path(name)
        with suppress(OSError), path.open("r+b") as file:  # it vanished, or is in use
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return True
        return False

    def _list_old(self, seconds: float) -> list[str]:
        oldest = time() - seconds
        try:
            entries = os.scandir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = []
        with entries:
            for entry in entries:
                # others write and delete here: what has vanished since it was listed is no longer there
                with suppress(OSError):
                    if entry.is_file() and entry.stat().st_mtime < oldest:
                        found.append(entry.name)
        return found

    def write_whole(self, name: str, data: bytes, mode: int = 0o666, *, durable: bool = False) -> None:
        """Write a file, whole or not at all, readable as `mode` and the umask have it. A `durable`
        one is whole after a power failure, too. Raises `SpoolFull`, and OSError where the folder can't be written to;
        then nothing is left of it."""
        path = self.path(name)
        with space(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # in the folder itself, where what a crash leaves is found; several processes may write, in containers under
            # one process id
            new = self.path(f"{OURS}{path.name.removeprefix(OURS)}.{secrets.token_hex(4)}")
            try:
                with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                    file.write(data)
                    if durable:
                        file.flush()
                        os.fsync(file.fileno())
                new.replace(path)
            except BaseException:
                new.unlink(missing_ok=True)
                raise

    def write_figures(self, installation: str, sweeper: str, figures: Mapping[str, Any]) -> None:
        """Keep what a sweeper says of itself, for `read_figures`; raises as `write_whole`."""
        self.write_whole(f"{FIGURES}{installation}.{sweeper}", json.dumps(figures).encode())

    def read_figures(self, installation: str) -> list[dict[str, Any]]:
        """What the sweepers of an installation say of themselves: of each one that is running."""
        found = []
        for path in self.folder.glob(f"{FIGURES}{installation}.{'?' * 16}"):
            with suppress(OSError, ValueError):  # it vanished, or is none of ours
                if path.stat().st_mtime >= time() - FIGURES_SECONDS:
                    found.append(dict(json.loads(path.read_text(encoding="utf-8"))))
        return found

    def read_generation(self, installation: str) -> Generation | None:
        """The generation of this installation's ledger at the last sweep; None where it is unknown."""
        path = self.path(f"{GENERATION}{installation}")
        try:
            found = path.stat()
            return _read_generation(path, found.st_ino, found.st_mtime_ns)  # each write makes another file
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_generation(self, installation: str, generation: Generation) -> None:
        """Write the file of the generation, whole or not at all; a higher one stays. Raises as `write_whole`.

        It is not flushed to the disk: after a power failure an older one, or none, is as good as it gets.
        """
        kept = self.read_generation(installation)
        if kept is not None and kept.generation >= generation.generation:
            return
        self.write_whole(f"{GENERATION}{installation}", json.dumps(asdict(generation)).encode())


def is_kept(name: str) -> bool:
    """Whether a name of ours is no temporary file's."""
    marks = (GENERATION, AUDIT)  # with another dot it is what a write left behind
    return name.startswith(SILLY) or (name.startswith(marks) and "." not in name.removeprefix(OURS))


@lru_cache(maxsize=4)  # every acceptance asks, and it changes once a sweep
def _read_generation(path: Path, inode: int, mtime_ns: int) -> Generation:
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Generation(int(kept["generation"]), int(kept["last_number"]))
