"""Receipts: written first inside each branch, so that one's presence proves that its branch committed."""

from typing import Any

import pymysql
from sqlalchemy import Connection, Integer, bindparam, func, select

from app.db.schema import receipts
from app.domain.xid import Xid

LOAD = "load"

_COUNTED = select(func.count(), func.coalesce(func.sum(receipts.c.row_count), 0)).where(
    receipts.c.import_no == bindparam("wanted", type_=Integer),
    receipts.c.kind == LOAD,
    receipts.c.epoch == bindparam("at_epoch", type_=Integer),
)


def write_receipt(connection: "pymysql.Connection[Any]", xid: Xid) -> None:
    """The first statement inside a branch. It commits and rolls back with the rows that follow."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receipts (import_no, branch, kind, epoch) VALUES (%s, %s, %s, %s)",
            (xid.number, xid.branch, LOAD, xid.epoch),
        )


def seal_receipt(connection: "pymysql.Connection[Any]", xid: Xid, rows: int) -> bool:
    """The last statement inside a branch: the receipt takes the row count. False when it is not there, which says that
    this connection is no longer in the transaction that it began."""
    with connection.cursor() as cursor:
        found = cursor.execute(
            "UPDATE receipts SET row_count = %s"
            " WHERE import_no = %s AND branch = %s AND kind = %s AND epoch = %s AND row_count IS NULL",
            (rows, xid.number, xid.branch, LOAD, xid.epoch),
        )
    return bool(found == 1)


def count_receipts(connection: Connection, number: int, epoch: int) -> tuple[int, int]:
    """How many branches of this attempt have committed, and the rows that they brought."""
    committed, rows = connection.execute(_COUNTED, {"wanted": number, "at_epoch": epoch}).one()
    return int(committed), int(rows)
