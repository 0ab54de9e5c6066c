"""Erase images: what rows were before imports and reverts changed them never comes back."""

from collections import Counter

from app.db.database import Connection
from app.db.datasets import deletions
from app.db.erasures import history, images
from app.domain.requests.erasure import Person
from app.domain.requests.revert import Act
from app.lifecycle.datasets.erasing.progress import Progress
from app.lifecycle.services import Services

WINDOW = 5000  # images that one statement looks at


def erase_images(services: Services, person: Person, progress: Progress, *, dry_run: bool) -> bool:
    """Go on until all images were looked at (True), or the step is over."""
    keeper, *after = progress.at or (1, 0, 0)
    while True:
        with services.database.begin() as connection:
            found = images.find_next_keeper(connection, person.dataset.name, keeper - 1)
            if found is None:
                return True
            place = (after[0], after[1]) if found == keeper else (0, 0)
            keeper = found
            until = images.find_step(connection, keeper, place, WINDOW)
            keys = images.list_matching(connection, person, keeper, place, until) if until is not None else []
        if keys:
            _erase(services, person, keeper, keys, progress, dry_run=dry_run)
        progress.at = [keeper, *until] if until is not None else [keeper + 1, 0, 0]
        keeper, *after = progress.at
        if progress.is_over:
            return False


def _erase(
    services: Services, person: Person, keeper: int, keys: list[images.Key], progress: Progress, *, dry_run: bool
) -> None:
    """One transaction: a crash leaves all of these images, or none."""
    try:
        with services.database.begin_long() as connection, deletions.needing_rows():
            counts = _erase_keys(connection, person, keys, dry_run=dry_run)
    except deletions.RowsInUse:
        progress.leave("images", "a revert is using images of rows: erase again when it has ended")
        return
    for number, count in counts.items():
        progress.add("images", count, number)


def _erase_keys(connection: Connection, person: Person, keys: list[images.Key], *, dry_run: bool) -> Counter[int]:
    """Returns how many images of each import or revert."""
    # a row that a revert has deleted as the person's is gone with all that it was before
    gone = {key.place for key in keys if key.act == Act.DELETED}
    siblings = images.list_siblings(connection, person, sorted(gone)) if gone else []
    counts = Counter(key.keeper for key in (*keys, *siblings))
    if not dry_run:
        blanked = [key for key in keys if key.act == Act.UPDATED and key.place not in gone]
        kept = set(blanked)
        images.blank(connection, blanked)
        images.delete(connection, [key for key in (*keys, *siblings) if key not in kept])
        for number, count in counts.items():
            history.note(connection, number, {"images": count})
    return counts
