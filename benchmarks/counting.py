"""What our count costs beside a bare one, when nothing is committing and when something is."""

from time import perf_counter

from sqlalchemy.engine import make_url

from app.db.database import Database
from app.db.datasets.rows import count_rows
from app.domain.dataset import ORDERS
from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import CLIENT_LOAD, sample
from benchmarks.places import Place

RUNS = 5


def measure(place: Place, scale: Scale, report: Report) -> None:
    """Both counts of the same table, in pairs."""
    place.sql("TRUNCATE TABLE orders; " + CLIENT_LOAD.format(path=sample(place, scale.rows), table="orders"))
    database = Database(make_url(f"mysql+pymysql://app:app-secret@127.0.0.1:{place.server.port}/backout"))
    row = "(id, number, dataset, state, phase, created_at) VALUES (UUID(), 4000000000, 'orders', '{}', '', NOW(6))"
    for when, state, target in (("nothing commits", "stopped", 1.05), ("an import commits", "committing", 1.4)):
        place.sql(f"INSERT INTO imports {row.format(state)}")
        ours, theirs = [], []
        for _ in range(scale.pairs * RUNS):
            theirs.append(_bare(database))
            ours.append(_ours(database))
        place.sql("DELETE FROM imports WHERE number = 4000000000")
        report.add(
            Figure(place.name, f"count while {when}", "a bare COUNT(*)", tuple(ours), tuple(theirs), Goal.PRICE, target)
        )
    database.dispose()
    place.sql("TRUNCATE TABLE orders")


def _bare(database: Database) -> float:
    begun = perf_counter()
    with database.snapshot() as connection:
        connection.exec_driver_sql("SELECT COUNT(*) FROM orders").scalar_one()
    return perf_counter() - begun


def _ours(database: Database) -> float:
    begun = perf_counter()
    with database.snapshot() as connection:
        count_rows(connection, ORDERS)
    return perf_counter() - begun
