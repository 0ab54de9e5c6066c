"""Erase files: the uploads of ended imports, and a person's rows among those that were rejected.

An upload is not searched: a value may be quoted, encoded, compressed, or in a column that the import left out. It is
kept for a retry only, and its sender can send it again. A reject file has each row as text, and is written anew.
"""

from collections.abc import Sequence
from typing import Any

from app.db.database import Connection
from app.db.erasures import history
from app.db.erasures.history import Kept
from app.db.imports import retention
from app.domain.imports import reject_name
from app.domain.requests.erasure import Person, Traces
from app.formats.reject_file import split_rejects
from app.lifecycle.datasets.erasing.progress import Progress
from app.lifecycle.datasets.erasing.texts import cover_error
from app.lifecycle.services import Services

BATCH = 100
OWNERLESS_SECONDS = 60.0  # an upload on its way is written to more often
MAX_REJECTS_BYTES = 64 * 1024**2  # a larger file is deleted as a whole

OWNERLESS = "an upload belongs to no import, and is deleted within an hour: erase again then"


def erase_files(services: Services, person: Person, progress: Progress, *, dry_run: bool) -> bool:
    """Go on until all files were looked at (True), or the step is over."""
    after = progress.at[0] if progress.at else ""
    names = sorted(name for name in services.spool.list_untouched(-1) if name > after)
    deserted = set(services.spool.list_untouched(OWNERLESS_SECONDS))
    for start in range(0, len(names), BATCH):
        some = names[start : start + BATCH]
        with services.database.begin() as connection:
            known = history.list_kept(connection, {name.partition(".")[0] for name in some})
        for name in some:
            row = known.get(name.partition(".")[0])
            if row is None:
                if name in deserted:
                    progress.leave("files", OWNERLESS)
            elif row.dataset == person.dataset.name and row.is_final:  # of those that are not, the end speaks
                _erase_file(services, person, name, row, progress, dry_run=dry_run)
            progress.at = [name]
        if progress.is_over:
            return False
    if not dry_run:
        services.spool.delete_temporary(OWNERLESS_SECONDS)
    return True


def _erase_file(services: Services, person: Person, name: str, row: Kept, progress: Progress, *, dry_run: bool) -> None:
    if name.endswith(".rejects"):
        if row.rows_rejected and name == reject_name(row.id, row.epoch):
            _erase_rejects(services, person, name, row, progress, dry_run=dry_run)
        elif not dry_run:
            services.spool.delete(name)  # of an attempt that died
        return
    progress.add("files", 1, row.number)
    if dry_run:
        return
    services.spool.delete(name)
    # a crash here leaves a name without a file: the sweeper forgets it
    with services.database.begin() as connection:
        retention.forget_spools(connection, [row.number])
        history.note(connection, row.number, {"file": True})


def _erase_rejects(
    services: Services, person: Person, name: str, row: Kept, progress: Progress, *, dry_run: bool
) -> None:
    traces = Traces(person)
    kept: Sequence[bytes] = []
    try:
        if services.spool.size(name) > MAX_REJECTS_BYTES:
            count, gone = row.rows_rejected, None
        else:
            with services.spool.local(name) as path:
                kept, removed = split_rejects(path, lambda text: not traces.may_be_of(text))
            count, gone = len(removed), {(one["line"], one["row"]) for one in removed}
    except FileNotFoundError:
        return  # the sweeper deleted it
    if not count:
        return
    progress.add("rejects", count, row.number)
    if dry_run:
        return
    if kept:
        services.spool.write_whole(name, b"".join(kept), durable=True)
    else:
        services.spool.delete(name)
    # a crash here leaves a timeline that does not say so, and an error that may quote what is gone: the texts are next
    with services.database.begin() as connection:
        _note_rejects(connection, row, count, gone)


def _note_rejects(connection: Connection, row: Kept, count: int, gone: set[tuple[int, int]] | None) -> None:
    changed: dict[str, Any] = {}
    # the error of an aborted import quotes its first reject
    if row.error and (gone is None or (row.error.get("line"), row.error.get("row")) in gone):
        changed["error"] = cover_error(row.error)
    history.note(connection, row.number, {"rejects": count}, **changed)
