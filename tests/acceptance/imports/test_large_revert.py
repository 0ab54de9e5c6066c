"""A million orders: reverted around ten that were edited, reverted back to the letter, and once more over a crash."""

from typing import Any

import pytest

from tests.acceptance.conftest import Servers
from tests.backout import Backout
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.long

ROWS, EDITED, BESIDE = 1_000_000, 10, 1000
SUM = (
    "SELECT COUNT(*), BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT_WS('|', row_no, marketplace, order_number, customer, email,"
    " ship_to, sku, quantity, unit_price, currency, status, ordered_at, COALESCE(import_changed_at, '-')), 256), 15),"
    " 16, 10) AS UNSIGNED)) FROM orders WHERE import_no = %s"
)


@pytest.mark.timeout(900)
def test_a_million_orders(backout: Backout, stack: Stack, servers: Servers) -> None:
    def ask(statement: str, *values: Any) -> Any:
        with servers[0].root() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()

    row = backout.ask("import", f"--generate={ROWS}", "--wait")
    id, number, before = row["id"], row["number"], stack.count()
    ask("UPDATE orders SET customer = 'edited' WHERE import_no = %s AND row_no %% 100000 = 7", number)
    whole = ask(SUM, number)
    refused = revert(stack, id)
    assert refused["state"] == "failed" and refused["rows_rejected"] == EDITED
    skipped = revert(stack, id, on_changed="skip", keep_images=True)
    assert skipped["state"] == "committed" and skipped["rows_done"] == ROWS - EDITED
    assert stack.count() == before - ROWS + EDITED
    returned = revert(stack, skipped["id"])
    assert (returned["state"], returned["rows_done"]) == ("committed", ROWS - EDITED), returned["error"]
    assert stack.count() == before and ask(SUM, number) == whole

    begun = stack.post(f"/v1/imports/{id}/revert", json={"on_changed": "skip"}).json()
    wait_for(lambda: stack.find(begun["id"])["rows_done"] > 0, "rows go")
    beside = backout.ask("import", f"--generate={BESIDE}", "--wait")
    assert beside["state"] == "committed" and beside["attempt"]["number"] == 1  # the next import loads beside it
    stack.kill("worker")
    stack.start("worker")
    done = wait_ended(stack, begun["id"])
    assert done["state"] == "committed" and done["rows_done"] == ROWS - EDITED
    assert stack.count() == before - ROWS + EDITED + BESIDE


def revert(stack: Stack, id: str, **options: Any) -> Any:
    """Revert and wait for the end."""
    answer = stack.post(f"/v1/imports/{id}/revert", json=options)
    assert answer.status_code == 202, answer.text
    return wait_ended(stack, answer.json()["id"])


def wait_ended(stack: Stack, id: str) -> Any:
    wait_for(lambda: stack.find(id)["state"] in ("committed", "failed"), "it ends", seconds=300)
    return stack.find(id)
