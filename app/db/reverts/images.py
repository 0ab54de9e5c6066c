"""Images inside a revert's branch: rows as they were before an import updated them, or before a revert took them.

An image is consumed once its row is as the
image says again, or is gone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymysql

from app.db.datasets.assignments import Place, assign
from app.db.datasets.rows import RowsDiffer
from app.db.datasets.tables import quote
from app.db.reverts.rows import key_faults, quoted
from app.domain.changes import CHANGED_AT
from app.domain.dataset import Dataset
from app.domain.requests.revert import Act

ANY_TEXT = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_PLACES = "import_no INT UNSIGNED PATH '$[0]' ERROR ON ERROR, row_no INT UNSIGNED PATH '$[1]' ERROR ON ERROR"
STATEMENT_LENGTH = 1024 * 1024  # characters; `max_allowed_packet` is 16 MB at least where it was not lowered

_SAME_ROW = "b.old_import_no = j.import_no AND b.old_row_no = j.row_no"


@dataclass(frozen=True)
class Image:
    """What a row was: its values as texts by column, and what it said of changes then."""

    place: Place
    values: Mapping[str, str | None]
    old_changed_at: datetime | None


# number, what the row said of changes before, and whether the image is erased
Updates = dict[Place, list[tuple[int, datetime | None, bool]]]
_OF_UPDATES = f"b.act IN ({Act.UPDATED:d}, {Act.ERASED:d})"


def list_updates_of(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, first: int, last: int
) -> Updates:
    """Which of an import's locked rows other imports have updated: place, and for each of these imports, whose images
    are not consumed, its number, what the row said of changes before, and whether the image is erased. A row that is
    gone is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT b.old_import_no, b.old_row_no, b.import_no, b.old_changed_at, b.act = {Act.ERASED:d}"
            " FROM before_images b"
            f" STRAIGHT_JOIN {quoted(dataset.name)} t ON t.import_no = b.old_import_no AND t.row_no = b.old_row_no"
            " WHERE b.old_import_no = %s AND b.old_row_no BETWEEN %s AND %s AND b.import_no <> %s"
            f" AND b.consumed_by IS NULL AND {_OF_UPDATES}",
            (number, first, last, number),
        )
        return _group(cursor.fetchall())


def list_updates(connection: "pymysql.Connection[Any]", places: Sequence[Place]) -> Updates:
    """`list_updates_of` for locked rows at these places."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT b.old_import_no, b.old_row_no, b.import_no, b.old_changed_at, b.act = {Act.ERASED:d}"
            f" FROM JSON_TABLE(%s, '$[*]' COLUMNS ({_PLACES})) j STRAIGHT_JOIN before_images b ON {_SAME_ROW}"
            f" WHERE b.consumed_by IS NULL AND {_OF_UPDATES}",
            (json.dumps(places),),
        )
        return _group(cursor.fetchall())


def _group(found: Sequence[tuple[Any, ...]]) -> Updates:
    grouped: Updates = {}
    for old_import, old_row, number, changed_at, is_erased in found:
        grouped.setdefault((int(old_import), int(old_row)), []).append((int(number), changed_at, bool(is_erased)))
    return grouped


def read_images(connection: "pymysql.Connection[Any]", wanted: Sequence[tuple[int, Place]]) -> list[Image]:
    """Images by the number of the import or revert that has kept them, and place; in the order of places."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.old_import_no, b.old_row_no, b.`row`, b.old_changed_at"
            f" FROM JSON_TABLE(%s, '$[*]' COLUMNS ({_PLACES}, keeper INT UNSIGNED PATH '$[2]' ERROR ON ERROR)) j"
            f" STRAIGHT_JOIN before_images b ON b.import_no = j.keeper AND {_SAME_ROW} ORDER BY 1, 2",
            (json.dumps([[*place, keeper] for keeper, place in wanted]),),
        )
        found = [read_image(row) for row in cursor.fetchall()]
    if len(found) != len(wanted):
        raise RowsDiffer(len(wanted), len(found), ["a before-image is gone"])
    return found


def read_image(row: Sequence[Any]) -> Image:
    """An image from its place's two numbers, its JSON and what the row said of changes."""
    return Image((int(row[0]), int(row[1])), json.loads(row[2]), row[3])


def keep_updated(connection: "pymysql.Connection[Any]", dataset: Dataset, revert: int, images: Sequence[Image]) -> None:
    """Keep locked rows as they are before they get these images back. Raises `RowsDiffer`."""
    members, names = _members(dataset)
    document = json.dumps([[*image.place, _instant(image.old_changed_at)] for image in images])
    with connection.cursor() as cursor:
        kept = cursor.execute(
            "INSERT INTO before_images"
            " (import_no, dataset, old_import_no, old_row_no, `row`, old_changed_at, act, put_changed_at)"
            f" SELECT %s, %s, t.import_no, t.row_no, JSON_OBJECT({members}), t.{CHANGED_AT}, {Act.PUT_BACK:d},"
            " j.changed_at"
            f" FROM JSON_TABLE(%s, '$[*]' COLUMNS ({_PLACES}, changed_at VARCHAR(26) PATH '$[2]' ERROR ON ERROR)) j"
            f" STRAIGHT_JOIN {quoted(dataset.name)} t ON t.import_no = j.import_no AND t.row_no = j.row_no",
            (revert, dataset.name, *names, document),
        )
    if kept != len(images):
        raise RowsDiffer(len(images), kept, ["a row is gone that was locked"])


def put_back(connection: "pymysql.Connection[Any]", dataset: Dataset, images: Sequence[Image]) -> None:
    """Give locked rows their values of before, what they said of changes included. Raises `RowsDiffer` where the server
    did not take each of them exactly so, and `KeyTaken`."""
    names = [f"v{at}" for at in range(len(dataset.column_names))]
    pairs = zip((*dataset.column_names, CHANGED_AT), (*names, "changed_at"), strict=True)
    settings = ", ".join(f"t.{quote(name)} = j.{value}" for name, value in pairs)
    for lines in _list_lines(connection, dataset, images):
        with key_faults():
            assign(connection, dataset, lines, ["changed_at", *names], settings)


def _list_lines(
    connection: "pymysql.Connection[Any]", dataset: Dataset, images: Sequence[Image]
) -> Iterator[dict[Place, str]]:
    """Images as literals, as many at a time as a server takes in one statement, however long their texts are."""
    lines: dict[Place, str] = {}
    length = 0
    for image in images:
        values = (_instant(image.old_changed_at), *(image.values[name] for name in dataset.column_names))
        line = ",".join("NULL" if value is None else connection.escape(value) for value in values)
        if lines and length + len(line) > STATEMENT_LENGTH:
            yield lines
            lines, length = {}, 0
        lines[image.place] = line
        length += len(line)
    if lines:
        yield lines


def consume(
    connection: "pymysql.Connection[Any]", keepers: Sequence[int], revert: int, places: Sequence[Place]
) -> None:
    """Mark the images that these imports or reverts have of rows at these places, each of which has one at least.
    Raises `RowsDiffer`."""
    numbers = ", ".join(str(int(number)) for number in keepers)
    with connection.cursor() as cursor:
        consumed = cursor.execute(
            f"UPDATE before_images b JOIN JSON_TABLE(%s, '$[*]' COLUMNS ({_PLACES})) j ON {_SAME_ROW}"
            f" SET b.consumed_by = %s WHERE b.import_no IN ({numbers}) AND b.consumed_by IS NULL",
            (json.dumps(places), revert),
        )
    if consumed < len(places):
        raise RowsDiffer(len(places), consumed, ["a before-image was used meanwhile"])


def count_erased(connection: "pymysql.Connection[Any]", keeper: int) -> int:
    """How many images of an import's updates are erased, of those that are not consumed; they are locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM before_images b FORCE INDEX (PRIMARY)"
            f" WHERE b.import_no = %s AND b.act = {Act.ERASED:d} AND b.consumed_by IS NULL FOR UPDATE",
            (keeper,),
        )
        return int((cursor.fetchone() or (0,))[0])


def settle_erased(
    connection: "pymysql.Connection[Any]", dataset: Dataset, keeper: int, stamp: datetime, revert: int
) -> None:
    """Take back an import's updates whose images are erased: their rows keep their values, and say of changes what they
    said before."""
    of_keeper = f"b.import_no = {keeper:d} AND b.act = {Act.ERASED:d}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE before_images b FORCE INDEX (PRIMARY) SET b.consumed_by = {revert:d}"
            f" WHERE {of_keeper} AND b.consumed_by IS NULL"
        )
        cursor.execute(
            f"UPDATE before_images b FORCE INDEX (PRIMARY) STRAIGHT_JOIN {quoted(dataset.name)} t"
            " ON t.import_no = b.old_import_no AND t.row_no = b.old_row_no"
            f" SET t.{CHANGED_AT} = b.old_changed_at"
            f" WHERE {of_keeper} AND b.consumed_by = {revert:d} AND t.{CHANGED_AT} = %s",
            (stamp,),
        )
        # or the import that updated the row next says it, once that is reverted
        cursor.execute(
            f"UPDATE before_images b FORCE INDEX (PRIMARY) STRAIGHT_JOIN before_images later"
            " ON later.old_import_no = b.old_import_no AND later.old_row_no = b.old_row_no"
            " SET later.old_changed_at = b.old_changed_at"
            f" WHERE {of_keeper} AND b.consumed_by = {revert:d} AND later.old_changed_at = %s",
            (stamp,),
        )


def restore_images(connection: "pymysql.Connection[Any]", consumer: int, places: Sequence[Place]) -> None:
    """What a revert has consumed of rows at these places counts again."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE before_images b JOIN JSON_TABLE(%s, '$[*]' COLUMNS ({_PLACES})) j ON {_SAME_ROW}"
            " SET b.consumed_by = NULL WHERE b.consumed_by = %s",
            (json.dumps(places), consumer),
        )


def _members(dataset: Dataset) -> tuple[str, tuple[str, ...]]:
    """What makes a row's JSON: for the statement, and the names in it."""
    members = ", ".join(f"%s, CAST(t.{quoted(name)} AS CHAR)" for name in dataset.column_names)
    return members, dataset.column_names


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(" ", "microseconds")
