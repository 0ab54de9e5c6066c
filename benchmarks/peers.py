"""What programs do that do not use LOAD DATA, each as its documentation recommends."""

import csv
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pymysql
from sqlalchemy import create_engine, insert
from sqlalchemy.engine import Engine

from app.domain.dataset import ORDERS
from benchmarks.places import Place

CHUNK = 1000
PLAIN: dict[str, Any] = {"ssl_disabled": True}  # as ours does on one machine


def load_with_pandas(place: Place, path: Path) -> float:
    """`to_sql` with multi-row INSERTs, in chunks."""
    import pandas  # noqa: PLC0415 — installed for `make bench` alone

    engine = _engine(place)
    begun = perf_counter()
    first = 1
    with engine.begin() as connection:
        for frame in pandas.read_csv(path, chunksize=CHUNK * 10):
            frame.insert(0, "import_no", 1)
            frame.insert(1, "row_no", range(first, first + len(frame)))
            first += len(frame)
            frame.to_sql("peer", connection, if_exists="append", index=False, method="multi", chunksize=CHUNK)
    return _ended(place, engine, begun)


def load_with_sqlalchemy(place: Place, path: Path) -> float:
    """`insert()` with lists of rows, which SQLAlchemy makes multi-row INSERTs of."""
    from app.db.schema import metadata, orders  # noqa: PLC0415

    engine = _engine(place)
    table = metadata.tables["peer"] if "peer" in metadata.tables else orders.to_metadata(metadata, name="peer")
    begun = perf_counter()
    with engine.begin() as connection:
        for rows in _chunks(path):
            connection.execute(insert(table), rows)
    return _ended(place, engine, begun)


def load_row_by_row(place: Place, path: Path) -> float:
    """One INSERT a row, in one transaction."""
    engine = _engine(place)
    names = ("import_no", "row_no", *ORDERS.column_names)
    statement = f"INSERT INTO peer ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
    begun = perf_counter()
    connection = pymysql.connect(
        host="127.0.0.1",
        port=place.server.port,
        user="root",
        password=place.server.password,
        database="backout",
        **PLAIN,
    )
    with connection, connection.cursor() as cursor:
        for rows in _chunks(path):
            for row in rows:
                cursor.execute(statement, [row[name] for name in names])
        connection.commit()
    return _ended(place, engine, begun)


PEERS: dict[str, Callable[[Place, Path], float]] = {
    "pandas to_sql(method='multi')": load_with_pandas,
    "SQLAlchemy insert() of lists": load_with_sqlalchemy,
    "one INSERT a row": load_row_by_row,
}


def _engine(place: Place) -> Engine:
    place.sql("TRUNCATE TABLE peer")
    return create_engine(place.server.url("backout"), connect_args=PLAIN)


def _ended(place: Place, engine: Engine, begun: float) -> float:
    taken = perf_counter() - begun
    engine.dispose()
    place.sql("TRUNCATE TABLE peer")
    return taken


def _chunks(path: Path) -> Any:
    rows: list[dict[str, Any]] = []
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            rows.append({"import_no": 1, "row_no": number, **row})
            if len(rows) == CHUNK:
                yield rows
                rows = []
    if rows:
        yield rows
