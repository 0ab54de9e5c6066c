"""Spans: images of one import that are neighbours in the index, looked at and put back by a few statements for all.

An update of a million rows leaves a million images; where nothing stands in the way of a span, no row of it is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymysql

from app.db.datasets.assignments import Place
from app.db.datasets.rows import RowsDiffer
from app.db.reverts.images import Image, read_image
from app.db.reverts.rows import quoted
from app.domain.changes import CHANGED_AT
from app.domain.dataset import ORDERS, Dataset
from app.domain.requests.revert import Act

IMAGES = 1000  # in a span

_SAME_ROW = "t.import_no = b.old_import_no AND t.row_no = b.old_row_no"


@dataclass(frozen=True)
class Spot:
    """A row of which there is an image, as it is now.

    Attributes:
        place: where the row is in its table.
        left_changed_at: what it said of changes after that, if a revert did it.
        is_there: whether there is a row at its place now.
        changed_at: what that row says of changes now.
    """

    place: Place
    left_changed_at: datetime | None
    is_there: bool
    changed_at: datetime | None


@dataclass(frozen=True)
class Span:
    """Images that an import or a revert has kept when it did `act`, by the places of their rows: from beyond `after` up
    to `last`."""

    number: int
    act: Act
    after: Place
    last: Place

    @property
    def condition(self) -> str:
        """Of the images `b` in a statement."""
        (first, row_after), (last, row_last) = self.after, self.last
        of_first = f"b.old_import_no = {first:d} AND b.old_row_no > {row_after:d}"
        if first == last:
            places = f"{of_first} AND b.old_row_no <= {row_last:d}"
        else:
            between = f"b.old_import_no > {first:d} AND b.old_import_no < {last:d}"
            of_last = f"b.old_import_no = {last:d} AND b.old_row_no <= {row_last:d}"
            places = f"({of_first} OR {between} OR {of_last})"
        return f"b.import_no = {self.number:d} AND {places} AND b.consumed_by IS NULL AND b.act = {self.act:d}"


def list_spans(connection: "pymysql.Connection[Any]", number: int, act: Act) -> Iterator[Span]:
    """All images of this act that are not consumed, so many at a time."""
    span = _find_span(connection, number, act, (0, 0))
    while span is not None:
        yield span
        span = _find_span(connection, number, act, span.last)


def _find_span(connection: "pymysql.Connection[Any]", number: int, act: Act, after: Place) -> Span | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n, r FROM (SELECT old_import_no AS n, old_row_no AS r FROM before_images b"
            f" WHERE b.import_no = %s AND b.consumed_by IS NULL AND b.act = {act:d}"
            " AND (b.old_import_no > %s OR (b.old_import_no = %s AND b.old_row_no > %s))"
            f" ORDER BY old_import_no, old_row_no LIMIT {IMAGES:d}) AS next ORDER BY n DESC, r DESC LIMIT 1",
            (number, after[0], after[0], after[1]),
        )
        last = cursor.fetchone()
    return None if last is None else Span(number, act, after, (int(last[0]), int(last[1])))


def lock_spots(connection: "pymysql.Connection[Any]", dataset: Dataset, span: Span) -> list[Spot]:
    """Lock the images and their rows, and read what there is at each place, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT b.old_import_no, b.old_row_no, b.put_changed_at, t.import_no IS NOT NULL, t.{CHANGED_AT}"
            f" FROM before_images b LEFT JOIN {quoted(dataset.name)} t ON {_SAME_ROW}"
            f" WHERE {span.condition} ORDER BY b.old_import_no, b.old_row_no FOR UPDATE"
        )
        return [Spot((int(row[0]), int(row[1])), row[2], bool(row[3]), row[4]) for row in cursor.fetchall()]


def lock_span(connection: "pymysql.Connection[Any]", dataset: Dataset, span: Span, stamp: datetime) -> tuple[int, int]:
    """Lock the images and their rows; returns how many images there are, and how many of the rows were last changed by
    what bears this stamp and are no orders that are being handled or were shipped."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COUNT(*), COALESCE(SUM(t.{CHANGED_AT} <=> %s AND t.import_no <> {span.number:d}), 0)"
            f" FROM before_images b FORCE INDEX (PRIMARY) LEFT JOIN {quoted(dataset.name)} t ON {_SAME_ROW}"
            f" WHERE {span.condition} FOR UPDATE",
            (stamp,),
        )
        count, plain = cursor.fetchone() or (0, 0)
        if dataset == ORDERS:
            # a locking read: a handling that is just being recorded is waited for
            cursor.execute(
                "SELECT COUNT(*) FROM before_images b FORCE INDEX (PRIMARY) STRAIGHT_JOIN handled_orders h"
                " ON h.import_no = b.old_import_no AND h.row_no = b.old_row_no"
                f" WHERE {span.condition} AND (h.active = 1 OR h.shipped_at IS NOT NULL) LOCK IN SHARE MODE"
            )
            plain -= (cursor.fetchone() or (0,))[0]
    return int(count), int(plain)


def read_span(connection: "pymysql.Connection[Any]", span: Span) -> list[Image]:
    """The images, in the order of places."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.old_import_no, b.old_row_no, b.`row`, b.old_changed_at FROM before_images b FORCE INDEX (PRIMARY)"
            f" WHERE {span.condition} ORDER BY b.old_import_no, b.old_row_no"
        )
        return [read_image(row) for row in cursor.fetchall()]


def consume_span(connection: "pymysql.Connection[Any]", span: Span, revert: int, wanted: int) -> None:
    """Mark the images. Raises `RowsDiffer` unless they are as many as `wanted`."""
    with connection.cursor() as cursor:
        consumed = cursor.execute(
            f"UPDATE before_images b FORCE INDEX (PRIMARY) SET b.consumed_by = {revert:d} WHERE {span.condition}"
        )
    if consumed != wanted:
        raise RowsDiffer(wanted, consumed, ["a before-image was used meanwhile"])
