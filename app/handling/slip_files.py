"""Slip files: where packing slips are in the spool."""

from contextlib import suppress
from pathlib import Path

from app.domain.handling import OrderId, parse_order_id
from app.spool import Spool

FOLDER = "slips"  # below the spool folder, which web servers and workers share


def path_of(spool: Spool, id: OrderId) -> Path:
    """Where an order's slip is, if it has one."""
    return spool.folder / FOLDER / str(id.import_no) / f"{id}.pdf"


def find_next(spool: Spool, after: int) -> int | None:
    """The next import number above `after` that has a folder of slips."""
    with suppress(FileNotFoundError):
        names = [path.name for path in (spool.folder / FOLDER).iterdir()]
        return min((int(name) for name in names if name.isdecimal() and int(name) > after), default=None)
    return None


def list_of_import(spool: Spool, number: int) -> list[OrderId]:
    """The orders of an import of which there is a slip."""
    with suppress(FileNotFoundError):
        folder = spool.folder / FOLDER / str(number)
        ids = (parse_order_id(path.stem) for path in folder.iterdir() if path.suffix == ".pdf")
        return sorted((id for id in ids if id is not None), key=lambda id: id.row_no)
    return []
