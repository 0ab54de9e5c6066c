"""A long history, made by the database itself: imports that have ended, with their events, and some that wait."""

from typing import Any

_DIGITS = "(SELECT 0 n" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"
EVENTS = 10  # of each import
RARE = 480  # a third of so many, the oldest, differ from all others: more than a page of each kind


def numbers(cursor: Any, count: int) -> None:
    """Make a table of the numbers from 0, for the statements that follow."""
    places = max(1, len(str(count - 1)))
    joined = ", ".join(f"{_DIGITS} d{place}" for place in range(places))
    number = " + ".join(f"d{place}.n * {10**place}" for place in range(places))
    cursor.execute("CREATE TABLE IF NOT EXISTS numbers (n INT UNSIGNED PRIMARY KEY)")
    cursor.execute("DELETE FROM numbers")
    cursor.execute(f"INSERT INTO numbers SELECT {number} AS n FROM {joined} WHERE {number} < {count:d}")


def fill(cursor: Any, ended: int, queued: int, *, days: int = 30, handlings: int = 0, events: int = EVENTS) -> None:
    """Add imports that ended within so many days before yesterday, oldest first, and then some that are queued. What is
    rare among them is found nowhere near the newest ones."""
    numbers(cursor, max(ended, queued, handlings, 1))
    rare = f"n % 3 = 1 AND n < {RARE:d}"
    at = f"NOW(6) - INTERVAL ({(days + 2) * 86400:d} - n * {days * 86300 / max(ended, 1):.6f}) SECOND"
    columns = "id, dataset, client, state, phase, rows_done, rows_total, attempts, created_at, started_at"
    cursor.execute(
        f"INSERT INTO imports ({columns}, attempt_started_at, finished_at, updated_at)"
        f" SELECT UUID(), IF({rare}, 'others', 'orders'), IF({rare}, 'seldom', 'often'),"
        f" IF({rare}, ELT(1 + n DIV 3 % 3, 'failed', 'stopped', 'checked'), 'committed'), '', 20, 20, 1,"
        f" {at}, {at}, {at}, {at}, {at} FROM numbers WHERE n < {ended:d} ORDER BY n"
    )
    for kind in range(events):
        cursor.execute(
            f"INSERT IGNORE INTO events (import_no, sequence, at, kind) SELECT number, {kind:d}, created_at, 'told'"
            " FROM imports WHERE finished_at IS NOT NULL"
        )
    cursor.execute(
        "INSERT INTO imports (id, dataset, client, state, phase, bytes_total, created_at)"
        " SELECT UUID(), 'orders', 'often', 'queued', 'waiting', 1000, NOW(6) FROM numbers"
        f" WHERE n < {queued:d} ORDER BY n"
    )
    if handlings:
        cursor.execute(
            "INSERT INTO handlings (id, client, state, mode, concurrency, pipeline, orders_total, created_at,"
            f" finished_at, updated_at) SELECT UUID(), IF({rare}, 'seldom', 'often'), IF({rare}, 'stopped', 'done'),"
            f" 'ordered', 1, '[]', 1, {at}, {at}, {at} FROM numbers WHERE n < {handlings:d} ORDER BY n"
        )
    cursor.execute("DROP TABLE numbers")
    cursor.execute("ANALYZE TABLE imports, events, handlings")
    cursor.fetchall()


def rows_read(cursor: Any) -> int:
    """How many rows the server has read so far, for everybody."""
    cursor.execute("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
    return sum(int(value) for _, value in cursor.fetchall())
