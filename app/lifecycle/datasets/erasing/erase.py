"""Erase: finds a person's data in everything that is kept of a dataset, and removes it.

One call works for some seconds and returns a cursor where there is more. Each step is a transaction of its own and
finds nothing the second time, so an erasure that was cut off is begun anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from app.db.access import audit
from app.db.erasures import history
from app.domain.requests.erasure import Person, parse_person
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog
from app.lifecycle.datasets.erasing.files import erase_files
from app.lifecycle.datasets.erasing.images import erase_images
from app.lifecycle.datasets.erasing.progress import MAX_NAMED, PLACES, Progress, Stage, read_progress
from app.lifecycle.datasets.erasing.rows import erase_rows
from app.lifecycle.datasets.erasing.texts import erase_texts
from app.lifecycle.services import Services

MAX_LOOKS = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Erasure:
    """How far it has come; `cursor` is None at the end."""

    person: Person
    progress: Progress
    cursor: str | None

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the person is left."""
        return self.cursor is None and not self.progress.left


def erase(
    services: Services, name: str, where: Mapping[str, Any], *, dry_run: bool = False, cursor: str | None = None
) -> Erasure:
    """Erase those rows of a dataset that have these values of columns, and what else is kept of them, for some seconds;
    a dry run counts. Raises `InvalidContent`, `BadRequest`, `LedgerFrozen` and `DatasetBeingCleared`."""
    freeze.require_sweeping(services)
    person = parse_person(catalog.find_import_dataset(services.database, name), where)
    progress = _begin(services, person) if cursor is None else read_progress(cursor, person, dry_run=dry_run)
    before = progress.counts.copy()
    if not dry_run:
        with services.database.begin() as connection:
            audit.record(connection, name, f"by {person.columns}")  # a crash after this leaves a part of it erased
    while goes_on := _step(services, person, progress, dry_run=dry_run):
        if progress.is_over:
            break
    done = progress.counts - before
    if done and not dry_run:
        said = ", ".join(f"{place} {done[place]}" for place in PLACES if done[place])
        with services.database.begin() as connection:
            audit.record(connection, name, f"by {person.columns}: {said}")
        log.info("erased", dataset=name, columns=person.columns, counts=dict(done))
    return Erasure(person, progress, progress.write(person, dry_run=dry_run) if goes_on else None)


def _begin(services: Services, person: Person) -> Progress:
    with services.database.begin() as connection:
        last = history.find_last_number(connection, person.dataset.name)
        return Progress(last, history.read_clock(connection))


def _step(services: Services, person: Person, progress: Progress, *, dry_run: bool) -> bool:
    """Go on with the stage; returns whether there is more to do."""
    if progress.stage is Stage.END:
        return _end(services, person, progress, dry_run=dry_run)
    if _STAGES[progress.stage](services, person, progress, dry_run=dry_run):
        progress.go_on(Stage(progress.stage + 1))
    return True


def _erase_extensions(services: Services, person: Person, progress: Progress, *, dry_run: bool) -> bool:
    which, *at = progress.at or (0, 0, 0)
    while which < len(services.extensions):
        extension = services.extensions[which]
        counts, after = extension.erase_rest(services.database, services.spool, person, (at[0], at[1]), dry_run=dry_run)
        for place, count in counts.items():
            progress.add(place, count)
        which, at = (which, list(after)) if after is not None else (which + 1, [0, 0])
        progress.at = [which, *at]
        if progress.is_over:
            return False
    return True


_STAGES: dict[Stage, Callable[..., bool]] = {
    Stage.ROWS: erase_rows,
    Stage.IMAGES: erase_images,
    Stage.FILES: erase_files,
    Stage.TEXTS: erase_texts,
    Stage.EXTENSIONS: _erase_extensions,
}


def _end(services: Services, person: Person, progress: Progress, *, dry_run: bool) -> bool:
    """Whether to look again: an import or a revert that ended meanwhile may have brought back what was looked at.
    One that runs now may do so, too, and is named."""
    name = person.dataset.name
    with services.database.begin() as connection:
        now = history.read_clock(connection)
        unfinished = history.list_unfinished(connection, name, progress.last, MAX_NAMED)
        has_ended = history.has_ended_since(connection, name, progress.last, progress.since)
    if has_ended and not dry_run and progress.looks < MAX_LOOKS:
        progress.look_again(now)
        return True
    for id, state in unfinished:
        reason = (
            f"it is {state}, and its file or its rows may be the person's: stop it, or erase again when it has ended"
        )
        progress.leave("imports", reason, id)
    if has_ended and not dry_run:
        progress.leave("imports", "imports and reverts went on ending meanwhile: pause the dataset, then erase again")
    return False
