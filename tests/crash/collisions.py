"""Collisions: somebody else's transaction meets the load half-way, for real, on its own rows."""

from app.domain.states import State
from tests.crash.harness import Harness
from tests.waiting import wait_for

STRANGER = 4_000_000_000  # an import number that nobody was given
# The server rolls back the transaction that has written less: a load of 1,500 rows. Many more take longer to write than
# a lease lasts that nobody renews yet.
HEAVY_ROWS = 10_000

_ORDER = (
    "INSERT INTO orders (import_no, row_no, marketplace, order_number, customer, email, ship_to, sku, quantity,"
    " unit_price, currency, status, ordered_at)"
    " VALUES (%s, %s, %s, %s, 'c', 'c@example.org', 's', 'k', 1, 1, 'EUR', 'pending', '2026-01-01')"
)


def meet_duplicate(harness: Harness, id: str) -> State:
    """One of the last orders is in the table already: the import fails and names it."""
    key = harness.keys()[-1]
    with harness.database.root() as cursor:
        cursor.execute(_ORDER, (STRANGER, 1, *key))
    harness.breakpoint.release()
    harness.wait_final(id)
    error = harness.find(id).error or {}
    assert error["code"] == "duplicate_key" and error["value"] == key[1], error
    return State.FAILED


def wait_too_long(harness: Harness, id: str) -> State:
    """Somebody else locks the place where one of the last orders belongs, for longer than a load waits: the attempt is
    broken, and the next one commits."""
    with harness.database.root() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT 1 FROM orders WHERE marketplace = %s AND order_number = %s FOR UPDATE", harness.keys()[-1]
        )
        harness.breakpoint.release()
        wait_for(lambda: harness.find(id).epoch > 1, "the attempt was broken")
        cursor.execute("ROLLBACK")
    harness.wait_final(id)
    _require_reason(harness, id, "1205")
    return State.COMMITTED


def deadlock(harness: Harness, id: str) -> State:
    """Somebody else has written the last order and wants one before it, which the load has, in the same branch, when it
    waits for the last: the load is the victim. The attempt is broken, and the next one commits."""
    before_last, last = harness.keys()[-2:]  # of one batch, which is one branch's
    with harness.database.root() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS heavy (number INT PRIMARY KEY)")
        cursor.execute("BEGIN")
        digits = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5)"
        tables = ", ".join(f"{digits} t{number}" for number in range(6))
        cursor.execute(
            f"INSERT INTO heavy SELECT t0.d + 6*t1.d + 36*t2.d + 216*t3.d + 1296*t4.d + 7776*t5.d FROM {tables}"
            f" LIMIT {HEAVY_ROWS}"
        )
        cursor.execute(_ORDER, (STRANGER, 2, *last))
        harness.breakpoint.release()
        # the server refreshes this view only when nobody has read it for 100 ms
        wait_for(lambda: _is_waiting(harness), "the load waits for the other transaction", every=0.15)
        cursor.execute(_ORDER, (STRANGER, 1, *before_last))
        cursor.execute("ROLLBACK")
    harness.wait_final(id)
    _require_reason(harness, id, "1213")
    return State.COMMITTED


def _is_waiting(harness: Harness) -> bool:
    with harness.database.root() as cursor:
        return cursor.execute("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'") > 0


def _require_reason(harness: Harness, id: str, code: str) -> None:
    reasons = [(event.detail or {}).get("reason", "") for event in harness.events(id)]
    assert any(code in reason for reason in reasons), f"{code} was not met: {reasons}"
