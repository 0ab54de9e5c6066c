"""Erase rows: deleted in small transactions beside imports that run, with all that is kept of them."""

from collections.abc import Sequence

from app.db.database import Connection
from app.db.datasets import deletions, registry
from app.db.erasures import images, rows
from app.db.imports import transitions
from app.db.reverts import claims
from app.domain.errors import DatasetBeingCleared
from app.domain.requests.erasure import Person
from app.domain.states import FINAL
from app.lifecycle.datasets.erasing.progress import Progress
from app.lifecycle.services import Services

WINDOW = 100_000  # row numbers that one statement looks at
CHUNK = 500  # rows that one transaction deletes
TURN_SECONDS = 5.0

IN_USE = "rows are locked by an import, a revert or another program: erase again when that has ended"


def erase_rows(services: Services, person: Person, progress: Progress, *, dry_run: bool) -> bool:
    """Go on until all rows were looked at (True), or the step is over."""
    if person.dataset.adopted:
        with services.database.begin() as connection:
            if rows.has_any(connection, person):
                reason = f"{person.dataset.name} is an adopted table: delete its rows in the database, then erase again"
                progress.leave("rows", reason)
        return True
    number, row = progress.at or (1, 0)
    while True:
        with services.database.begin() as connection:
            found = rows.find_next_import(connection, person, number - 1)
            if found is None:
                return True
            if found[0] != number:
                number, row = found[0], 0
            until = min(row + WINDOW, found[1])
            some = rows.list_rows(connection, person, number, row + 1, until, CHUNK)
            if some and dry_run:
                _count(services, connection, person, number, some, progress)
        if some and not dry_run:
            _erase(services, person, number, some, progress)
        row = some[-1] if len(some) == CHUNK else until
        if row >= found[1]:
            number, row = number + 1, 0
        progress.at = [number, row]
        if progress.is_over:
            return False


def _count(
    services: Services, connection: Connection, person: Person, number: int, some: Sequence[int], progress: Progress
) -> None:
    places = [(number, row) for row in some]
    progress.add("rows", len(some), number)
    progress.add("images", len(images.list_at(connection, places)))
    for extension in services.extensions:
        counts = extension.erase_rows(connection, services.spool, person.dataset, places, dry_run=True)
        for place, count in counts.items():
            progress.add(place, count)


def _erase(services: Services, person: Person, number: int, some: Sequence[int], progress: Progress) -> None:
    """One transaction: a crash leaves these rows as they are, or nothing of them."""
    try:
        counts = _erase_chunk(services, person, number, some, progress)
    except deletions.RowsInUse:
        progress.leave("rows", IN_USE)
        return
    except rows.StillReferenced:
        reason = "a foreign key of another table refers to rows: delete the rows there first, then erase again"
        progress.leave("rows", reason)
        return
    for place, count in counts.items():
        progress.add(place, count, number if place == "rows" else None)


def _erase_chunk(
    services: Services, person: Person, number: int, some: Sequence[int], progress: Progress
) -> dict[str, int]:
    """Returns what was erased, by place. Raises `RowsInUse`, `StillReferenced`, and `DatasetBeingCleared`."""
    dataset = person.dataset
    with services.database.begin_long() as connection:
        if not deletions.begin(connection, services.installation, dataset.name, TURN_SECONDS) or (
            registry.is_being_cleared(connection, dataset.name)
        ):
            raise DatasetBeingCleared(f"another request is deleting rows of {dataset.name}: wait until it has ended")
        # From here on no revert of it is accepted; one that was has counted its rows, or is about to.
        row = deletions.lock_import(connection, number)
        holder = claims.find_holder(connection, number)
        if row is not None and row.state not in FINAL:
            progress.leave("rows", f"the import is {row.state}: erase again when it has ended", row.id)
            return {}
        if row is not None and holder is not None and holder[1] not in FINAL:
            reason = f"the import is being reverted by {holder[0]}: stop that, or erase again when it has ended"
            progress.leave("rows", reason, row.id)
            return {}
        with deletions.needing_rows():
            places = [(number, one) for one in rows.lock_rows(connection, person, number, some)]
            for extension in services.extensions:
                in_use = extension.list_in_use(connection, dataset, places)
                for reason in in_use.values():
                    progress.leave("rows", reason, None if row is None else row.id)
                places = [place for place in places if place not in in_use]
            if not places:
                return {}
            counts: dict[str, int] = {}
            for extension in services.extensions:
                counts |= extension.erase_rows(connection, services.spool, dataset, places, dry_run=False)
            # no one keeps another image of a locked row
            keys = images.list_at(connection, places)
            counts["rows"] = rows.delete_rows(connection, person, number, [place[1] for place in places])
            images.delete(connection, keys)
            counts["images"] = len(keys)
        transitions.note_erased(connection, number, counts["rows"])
    return counts
