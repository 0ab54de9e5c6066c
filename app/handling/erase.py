"""Erase: what handlings keep of a person."""

from collections import Counter
from collections.abc import Sequence

from app.db.database import Connection, Database
from app.db.erasures import history
from app.db.handlings import erasing
from app.domain.handling import OrderId
from app.domain.requests.erasure import Person, Traces
from app.handling import slip_files
from app.lifecycle.extension import Counts
from app.spool import Spool

SLIPS, TEXTS = range(2)  # what a step of the rest is about
PAGE = 200


def erase_orders(connection: Connection, spool: Spool, ids: Sequence[OrderId], *, dry_run: bool) -> Counts:
    """Forget the steps of locked orders, and delete their slips; a crash before the commit leaves orders whose slips
    can be drawn again."""
    counts = {"handlings": erasing.count_handled(connection, ids)}
    kept = [name for name in map(slip_files.name_of, ids) if spool.exists(name)]
    if not dry_run:
        erasing.forget_steps(connection, ids)
        for name in kept:
            spool.delete(name)
    return counts | {"slips": len(kept)}


def erase_rest(
    database: Database, spool: Spool, person: Person, at: tuple[int, int], *, dry_run: bool
) -> tuple[Counts, tuple[int, int] | None]:
    """One import's slips whose orders are gone, which may have been anyone's; then the texts of some handlings."""
    kind, after = at
    if kind == SLIPS:
        number = slip_files.find_next(spool, after)
        if number is None:
            return {}, (TEXTS, 0)
        return {"slips": _delete_stray(database, spool, number, dry_run=dry_run)}, (SLIPS, number)
    with database.begin() as connection:
        told = erasing.list_told(connection, after, PAGE)
        if not told:
            return {}, None
        counts = Counter[str]()
        traces = Traces(person)
        for one in told:
            changed = {name: new for name, old in one.texts.items() if (new := traces.cover(old)) is not old}
            counts["texts"] += len(changed)
            if changed and not dry_run:
                erasing.set_texts(connection, one.number, **changed)
        for number, sequence, detail in history.list_details(connection, [one.number for one in told]):
            if (covered := traces.cover(detail)) is not detail:
                counts["texts"] += 1
                if not dry_run:
                    history.set_detail(connection, number, sequence, covered)
    return counts, (TEXTS, told[-1].number)


def _delete_stray(database: Database, spool: Spool, number: int, *, dry_run: bool) -> int:
    deleted = 0
    ids = slip_files.list_of_import(spool, number)
    for start in range(0, len(ids), PAGE):
        with database.begin() as connection:
            gone = erasing.list_gone(connection, ids[start : start + PAGE])
        for id in gone:
            if not dry_run:
                spool.delete(slip_files.name_of(id))
        deleted += len(gone)
    return deleted
