"""Before-images of a person: blanked where a later change refers to them, else deleted.

A blanked image of an update still says which import has updated the row, and after what: reverts need that to judge the
row, and pass it over. See `Act.ERASED`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import mysql

from app.db.datasets.tables import table_of
from app.db.datasets.upserts import sql_type
from app.db.erasures.rows import match, quoted
from app.domain.requests.erasure import Person
from app.domain.requests.revert import Act

STEP = 500  # images that one statement names

Place = tuple[int, int]


@dataclass(frozen=True)
class Key:
    """Which image: of the import or revert `keeper`, of the row at `place`."""

    keeper: int
    place: Place
    act: int


def find_next_keeper(connection: Connection, dataset: str, after: int) -> int | None:
    """The next import or revert above `after` that has kept images of the dataset's rows."""
    while True:
        found = connection.exec_driver_sql(
            "SELECT import_no, dataset FROM before_images WHERE import_no > %s ORDER BY import_no LIMIT 1", (after,)
        ).first()
        if found is None:
            return None
        if found[1] == dataset:
            return int(found[0])
        after = int(found[0])  # all of one import's are of one dataset


def find_step(connection: Connection, keeper: int, after: Place, size: int) -> Place | None:
    """Up to which place the next images of a keeper reach, `size` of them at most; None where there are no more."""
    number, row = after
    found = connection.exec_driver_sql(
        "SELECT n, r FROM (SELECT old_import_no AS n, old_row_no AS r FROM before_images WHERE import_no = %s"
        " AND (old_import_no > %s OR (old_import_no = %s AND old_row_no > %s))"
        f" ORDER BY old_import_no, old_row_no LIMIT {size:d}) AS next ORDER BY n DESC, r DESC LIMIT 1",
        (keeper, number, number, row),
    ).first()
    return None if found is None else (int(found[0]), int(found[1]))


def list_matching(connection: Connection, person: Person, keeper: int, after: Place, until: Place) -> list[Key]:
    """The images of a keeper, beyond one place up to another, that show the person; not those of rows that are the
    person's now, which go with their rows."""
    (first, row_after), (last, row_last) = after, until
    in_table, table_values = match(person, "t")
    values, typed = _matching(person)
    found = connection.exec_driver_sql(
        f"SELECT b.old_import_no, b.old_row_no, b.act FROM before_images b STRAIGHT_JOIN {typed}"
        " WHERE b.import_no = %s AND (b.old_import_no > %s OR (b.old_import_no = %s AND b.old_row_no > %s))"
        " AND (b.old_import_no < %s OR (b.old_import_no = %s AND b.old_row_no <= %s))"
        f" AND {_condition(person)}"
        f" AND NOT EXISTS (SELECT 1 FROM {quoted(person.dataset.name)} t WHERE t.import_no = b.old_import_no"
        f" AND t.row_no = b.old_row_no AND {in_table})",
        (keeper, first, first, row_after, last, last, row_last, *values, *table_values),
    )
    return [Key(keeper, (int(number), int(row)), int(act)) for number, row, act in found]


def list_siblings(connection: Connection, person: Person, places: Sequence[Place]) -> list[Key]:
    """The images of rows at these places that don't show the person: of rows that were the person's when they went."""
    found: list[Key] = []
    values, typed = _matching(person)
    for start in range(0, len(places), STEP):
        found += (
            Key(int(keeper), (int(number), int(row)), int(act))
            for keeper, number, row, act in connection.exec_driver_sql(
                f"SELECT b.import_no, b.old_import_no, b.old_row_no, b.act FROM before_images b STRAIGHT_JOIN {typed}"
                f" WHERE (b.old_import_no, b.old_row_no) IN ({_places(places[start : start + STEP])})"
                f" AND ({_condition(person)}) IS NOT TRUE",
                tuple(values),
            )
        )
    return found


def list_at(connection: Connection, places: Sequence[Place]) -> list[Key]:
    """All images of rows at these places."""
    found: list[Key] = []
    for start in range(0, len(places), STEP):
        found += (
            Key(int(keeper), (int(number), int(row)), int(act))
            for keeper, number, row, act in connection.exec_driver_sql(
                "SELECT import_no, old_import_no, old_row_no, act FROM before_images"
                f" WHERE (old_import_no, old_row_no) IN ({_places(places[start : start + STEP])})"
            )
        )
    return found


def delete(connection: Connection, keys: Sequence[Key]) -> None:
    """Delete images, by their primary key."""
    _each(connection, "DELETE b FROM before_images b", keys)


def blank(connection: Connection, keys: Sequence[Key]) -> None:
    """Empty images of updates, by their primary key."""
    _each(connection, f"UPDATE before_images b SET b.`row` = '{{}}', b.act = {Act.ERASED:d}", keys)


def _each(connection: Connection, statement: str, keys: Sequence[Key]) -> None:
    for start in range(0, len(keys), STEP):
        named = ", ".join(f"({one.keeper:d}, {_places([one.place])[1:]}" for one in keys[start : start + STEP])
        connection.exec_driver_sql(f"{statement} WHERE (b.import_no, b.old_import_no, b.old_row_no) IN ({named})")


def _places(places: Sequence[Place]) -> str:
    return ", ".join(f"({number:d}, {row:d})" for number, row in places)


def _matching(person: Person) -> tuple[list[Any], str]:
    """The values to compare with, and the images as a table `j`: `o` from the objects, `a` from the arrays in which a
    revert keeps rows that it deletes."""
    table, dialect, names = table_of(person.dataset), mysql.dialect(), person.dataset.column_names
    columns = []
    for at, (name, _) in enumerate(person.equal):
        kind = sql_type(table.c[name], dialect)
        member = name.replace("\\", "\\\\").replace('"', '\\"').replace("'", "''").replace("%", "%%")
        member = member.replace("\\", "\\\\")  # once for the path, once for the literal
        columns += [
            f"o{at} {kind} PATH '$.\"{member}\"' NULL ON EMPTY NULL ON ERROR",
            f"a{at} {kind} PATH '$[{names.index(name)}]' NULL ON EMPTY NULL ON ERROR",
        ]
    return [value for _, value in person.equal], f"JSON_TABLE(b.`row`, '$' COLUMNS ({', '.join(columns)})) j"


def _condition(person: Person) -> str:
    return " AND ".join(f"IF(b.act = {Act.DELETED:d}, j.a{at}, j.o{at}) = %s" for at in range(len(person.equal)))
