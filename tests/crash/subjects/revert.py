"""A revert as the subject of a cell: of an import that brought rows and updated those of another."""

from typing import TYPE_CHECKING, Any

from app.db.reverts import claims
from app.domain.states import State
from app.formats.generate.orders import write_csv_sample

if TYPE_CHECKING:
    from tests.crash.harness import Harness

BASE_ROWS, NEW_ROWS = 300, 1200
COLUMNS = "marketplace, order_number, customer, email, ship_to, sku, quantity, unit_price, currency, status, ordered_at"


class RevertSubject:
    """Two imports, of which the second is reverted, and what the table held after each."""

    def __init__(self, harness: "Harness") -> None:
        self._harness = harness
        self._tables: list[Any] = []
        self.target = ""

    @property
    def counts(self) -> tuple[set[int], set[int]]:
        """How many rows a reader may see: of the target, and in all."""
        return {0, NEW_ROWS}, {BASE_ROWS, BASE_ROWS + NEW_ROWS}

    @property
    def number(self) -> int:
        """The target's."""
        return self._harness.find(self.target).number

    def prepare(self, seed: str) -> None:
        """Import the rows, and then a file that has them with other values, and new ones."""
        harness = self._harness
        path = harness.folder / "orders.csv"
        write_csv_sample(path, BASE_ROWS + NEW_ROWS, seed)
        header, *lines = path.read_bytes().splitlines(keepends=True)
        base = [line.replace(b"EUR", b"USD") for line in lines[:BASE_ROWS]]
        self._tables = []
        for content, options in ((base, ""), (lines, "?on_conflict=update")):
            answer = harness.stack.http.post(
                f"{harness.stack.url}/v1/imports{options}",
                data=header + b"".join(content),
                headers={"Content-Type": "text/csv"},
            )
            assert answer.status_code == 202, answer.text
            self.target = str(answer.json()["id"])
            harness.wait_final(self.target)
            found = harness.find(self.target)
            assert found.state is State.COMMITTED, found.error
            self._tables.append(self._read())
        assert found.rows_done == NEW_ROWS and found.rows_updated == BASE_ROWS

    def submit(self) -> str:
        """Revert the target; the revert's id."""
        answer = self._harness.stack.post(f"/v1/imports/{self.target}/revert")
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def check(self, id: str) -> None:
        """The table is what it was before the target, or after it; and the target says which."""
        row, target = self._harness.find(id), self._harness.find(self.target)
        done = row.state is State.COMMITTED
        assert self._read() == self._tables[0 if done else 1], f"the revert is {row.state}, the table is not"
        assert (target.reverted_by == id) == done, f"the revert is {row.state}, the import says {target.reverted_by}"
        assert target.rows_kept == (0 if done else NEW_ROWS), f"{target.rows_kept} rows are said to be kept"
        with self._harness.services.database.begin() as connection:
            holder = claims.find_holder(connection, target.number)
        assert (holder is not None) == done, f"the revert is {row.state}, the import is held by {holder}"

    def _read(self) -> list[Any]:
        with self._harness.database.root() as cursor:
            cursor.execute(f"SELECT import_no, row_no, {COLUMNS}, import_changed_at FROM orders ORDER BY 1, 2")
            return list(cursor.fetchall())
