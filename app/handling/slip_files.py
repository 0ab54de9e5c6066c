"""Slip files: where packing slips are in the spool."""

from pathlib import PurePosixPath

from app.domain.handling import OrderId, parse_order_id
from app.spool import Spool

FOLDER = "slips"  # below the spool folder, which web servers and workers share


def name_of(id: OrderId) -> str:
    """The name in the spool of an order's slip."""
    return f"{FOLDER}/{id.import_no}/{id}.pdf"


def find_next(spool: Spool, after: int) -> int | None:
    """The next import number above `after` that has a folder of slips."""
    names = spool.list_names(FOLDER)
    return min((int(name) for name in names if name.isdecimal() and int(name) > after), default=None)


def list_of_import(spool: Spool, number: int) -> list[OrderId]:
    """The orders of an import of which there is a slip."""
    names = map(PurePosixPath, spool.list_names(f"{FOLDER}/{number}"))
    ids = (parse_order_id(name.stem) for name in names if name.suffix == ".pdf")
    return sorted((id for id in ids if id is not None), key=lambda id: id.row_no)
