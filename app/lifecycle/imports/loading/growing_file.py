"""Arriving: a file is read while its upload still writes it."""

from io import FileIO
from pathlib import Path, PosixPath
from threading import Event
from typing import Any

from app.db.database import Database
from app.db.imports import uploads
from app.domain.errors import AttemptLost, ImportFailed
from app.domain.imports import Import
from app.spool import Spool, part_of

POLL_SECONDS = 0.1


class GrowingFile(PosixPath):
    """A path whose file, when it is opened, ends only when the ledger says that the upload is whole.

    Reading raises `AttemptLost` when the attempt no longer holds the import, or `ended` was set.
    """

    _more: "_More"

    def __new__(cls, database: Database, spool: Spool, row: Import, ended: Event) -> "GrowingFile":
        """The file of an import that was claimed while its file arrived."""
        assert row.source.spool_name is not None
        path = super().__new__(cls, spool.path(row.source.spool_name))
        path._more = _More(database, row, ended)
        return path

    def open(self, *_: Any, **__: Any) -> Any:
        """The bytes that are there, and those that will be."""
        for path in (part_of(Path(self)), Path(self)):  # it gets its own name when it is whole
            try:
                return _Stream(path, self._more)
            except FileNotFoundError:
                continue
        raise ImportFailed("file_missing", "the upload is no longer in the spool folder: send the file again")


class _More:
    """Whether more is to come."""

    def __init__(self, database: Database, row: Import, ended: Event) -> None:
        self._database, self._row, self._ended = database, row, ended

    def await_some(self) -> bool:
        """Wait for a moment; False when all has arrived."""
        with self._database.begin() as connection:
            arrives = uploads.is_uploading(connection, self._row.number, self._row.epoch)
        if arrives is None or (arrives and self._ended.wait(POLL_SECONDS)):
            raise AttemptLost("the import was stopped, or its upload broke, while its file arrived")
        return arrives


class _Stream(FileIO):
    def __init__(self, path: Path, more: _More) -> None:
        super().__init__(path, "rb")
        self._more, self._whole = more, False

    def read(self, size: int | None = -1, /) -> bytes:
        while not (data := super().read(-1 if size is None else size) or b"") and not self._whole:
            self._whole = not self._more.await_some()  # what came before that was said is still to be read
        return data
