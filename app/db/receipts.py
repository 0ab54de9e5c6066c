"""Receipts: written first inside each branch, so that one's presence proves that its branch committed."""

from datetime import datetime
from typing import Any

import pymysql
from sqlalchemy import Connection, Integer, bindparam, func, select

from app.db.schema import receipts
from app.domain.xid import Xid

LOAD, REVERT = "load", "revert"

_COUNTED = select(func.count(), func.coalesce(func.sum(receipts.c.row_count), 0)).where(
    receipts.c.import_no == bindparam("wanted", type_=Integer),
    receipts.c.epoch == bindparam("at_epoch", type_=Integer),
)


def write_receipt(
    connection: "pymysql.Connection[Any]", xid: Xid, stamp: datetime | None = None, kind: str = LOAD
) -> None:
    """The first statement inside a branch. It commits and rolls back with the rows that follow. Without a `stamp`,
    which is for those that update rows, the receipt gets the present time: it says that the table marks changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receipts (import_no, branch, kind, epoch, stamp)"
            " VALUES (%s, %s, %s, %s, COALESCE(%s, NOW(6)))",
            (xid.number, xid.branch, kind, xid.epoch, stamp),
        )


def seal_receipt(connection: "pymysql.Connection[Any]", xid: Xid, rows: int, kind: str = LOAD) -> bool:
    """The last statement inside a branch: the receipt takes the row count. False when it is not there, which says that
    this connection is no longer in the transaction that it began."""
    with connection.cursor() as cursor:
        found = cursor.execute(
            # by the whole key: with a part of it the server would lock the gap where the next import's receipt goes
            "UPDATE receipts SET row_count = %s"
            " WHERE import_no = %s AND branch = %s AND kind = %s AND epoch = %s AND row_count IS NULL",
            (rows, xid.number, xid.branch, kind, xid.epoch),
        )
    return bool(found == 1)


def count_receipts(connection: Connection, number: int, epoch: int) -> tuple[int, int]:
    """How many branches of this attempt have committed, and the rows that they brought."""
    committed, rows = connection.execute(_COUNTED, {"wanted": number, "at_epoch": epoch}).one()
    return int(committed), int(rows)


def find_stamp(connection: Connection, number: int) -> datetime | None:
    """The stamp of the attempt that committed; None for an import from before there were stamps, or without a receipt
    in one of its branches."""
    found = list(connection.scalars(select(receipts.c.stamp).where(receipts.c.import_no == number)))
    return None if not found or None in found else max(found)
