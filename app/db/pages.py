"""Pages of a list, newest first: each reads about as many rows as it shows, however long the history is.

For each combination of the values that are asked for, the newest numbers are read from one index. The newest of those
are the page. A filter on states that no index has beside the others is replaced by all states there are.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import product
from typing import Any

from sqlalchemy import FromClause, Select, Table, and_, select, union_all

Wanted = Mapping[str, Collection[str] | None]  # by column: one of these values, or any


def select_page(
    table: Table,
    indexes: Mapping[frozenset[str], str],
    wanted: Wanted,
    every: Mapping[str, Iterable[str]],
    *,
    before: int | None,
    limit: int,
) -> FromClause:
    """The numbers of a page, as a table `page` to join.

    `indexes` names the index for each set of columns; `every` has all values of those columns that an index may have
    where they are not asked for. Raises LookupError for a set of filters without an index.
    """
    asked = {name: sorted(values) for name, values in wanted.items() if values is not None}
    if frozenset(asked) not in indexes:
        asked |= {name: sorted(values) for name, values in every.items() if name not in asked}
    index = indexes[frozenset(asked)]
    parts = [
        _newest(table, index, dict(zip(asked, values, strict=True)), before, limit)
        for values in product(*asked.values())
    ] or [select(table.c.number).where(table.c.number < 0)]
    if len(parts) == 1:
        return parts[0].subquery("page")
    found = union_all(*parts).subquery()
    return select(found.c.number).order_by(found.c.number.desc()).limit(limit).subquery("page")


def _newest(table: Table, index: str, values: Mapping[str, str], before: int | None, limit: int) -> Select[Any]:
    where = [table.c[name] == value for name, value in values.items()]
    if before is not None:
        where.append(table.c.number < before)
    query = select(table.c.number).with_hint(table, f"FORCE INDEX ({index})")
    return query.where(and_(True, *where)).order_by(table.c.number.desc()).limit(limit)


def both(one: Iterable[str] | None, other: Iterable[str] | None) -> set[str] | None:
    """What both of two filters let through; None where neither is given."""
    given = [set(values) for values in (one, other) if values is not None]
    return set.intersection(*given) if given else None
