"""Reverts as the subject of a cell: of one import, of one with an import that depends on it, and of a revert."""

from typing import TYPE_CHECKING, Any

from app.db.reverts import claims
from app.domain.states import State
from app.formats.generate.orders import write_csv_sample

if TYPE_CHECKING:
    from tests.crash.harness import Harness

BASE_ROWS, NEW_ROWS = 300, 1200
REVERT, CASCADE, RETURN = "revert", "cascade", "revert of a revert"
COLUMNS = "marketplace, order_number, customer, email, ship_to, sku, quantity, unit_price, currency, status, ordered_at"


class RevertSubject:
    """Imports that are reverted, and what the table held at each step.

    The target updates rows of another import and brings new ones. In a cascade a third import has updated the first
    rows of both; of a revert of a revert, the target is reverted before.
    """

    def __init__(self, harness: "Harness", of: str) -> None:
        self._harness, self._of = harness, of
        self._before: Any = None  # the table before the revert
        self._after: Any = None
        self.target = ""
        self._reverted: list[str] = []  # imports that the revert takes
        self._first = ""  # the revert that is reverted

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
        path = self._harness.folder / "orders.csv"
        write_csv_sample(path, BASE_ROWS + NEW_ROWS, seed)
        header, *lines = path.read_bytes().splitlines(keepends=True)
        self._load(header, [line.replace(b"EUR", b"USD") for line in lines[:BASE_ROWS]], "")
        self._after = self._read()
        self.target = self._load(header, lines, "?on_conflict=update")
        found = self._harness.find(self.target)
        assert found.rows_done == NEW_ROWS and found.rows_updated == BASE_ROWS
        self._reverted = [self.target]
        if self._of == CASCADE:
            others = [line.replace(b"EUR", b"CHF") for line in (*lines[:100], *lines[BASE_ROWS : BASE_ROWS + 100])]
            self._reverted.append(self._load(header, others, "?on_conflict=update"))
        self._before = self._read()
        if self._of == RETURN:
            self._first = self._send(f"/v1/imports/{self.target}/revert", {"keep_images": True})
            self._wait_committed(self._first)
            assert self._read() == self._after
            self._before, self._after = self._after, self._before

    def submit(self) -> str:
        """The revert's id."""
        if self._of == RETURN:
            return self._send(f"/v1/imports/{self._first}/revert", {})
        asked = {"dependents": "cascade", "keep_images": True} if self._of == CASCADE else {}
        return self._send(f"/v1/imports/{self.target}/revert", asked)

    def check(self, id: str) -> None:
        """The table is what it was before the revert, or after it; and the imports say which."""
        row = self._harness.find(id)
        done = row.state is State.COMMITTED
        assert self._read() == (self._after if done else self._before), f"the revert is {row.state}, the table is not"
        gone = done != (self._of == RETURN)
        holder = id if self._of != RETURN else self._first
        for target in self._reverted:
            found = self._harness.find(target)
            said = f"the revert is {row.state}, the import says {found.reverted_by}"
            assert found.reverted_by == (holder if gone else None), said
            assert found.rows_kept == (0 if gone else found.rows_done), f"{found.rows_kept} rows are said to be kept"
            self._check_holder(found.number, holder if gone else None)
        if self._of == RETURN:
            self._check_holder(self._harness.find(self._first).number, id if done else None)

    def _check_holder(self, number: int, expected: str | None) -> None:
        with self._harness.services.database.begin() as connection:
            found = claims.find_holder(connection, number)
        assert (found and found[0]) == expected, f"import number {number} is held by {found}, and not by {expected}"

    def _load(self, header: bytes, lines: list[bytes], options: str) -> str:
        stack = self._harness.stack
        url, content = f"{stack.url}/v1/imports{options}", header + b"".join(lines)
        answer = stack.http.post(url, data=content, headers={"Content-Type": "text/csv"})
        assert answer.status_code == 202, answer.text
        id = str(answer.json()["id"])
        self._wait_committed(id)
        return id

    def _send(self, path: str, body: dict[str, Any]) -> str:
        stack = self._harness.stack
        answer = stack.http.post(f"{stack.url}{path}", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def _wait_committed(self, id: str) -> None:
        self._harness.wait_final(id)
        found = self._harness.find(id)
        assert found.state is State.COMMITTED, found.error

    def _read(self) -> list[Any]:
        with self._harness.database.root() as cursor:
            cursor.execute(f"SELECT import_no, row_no, {COLUMNS}, import_changed_at FROM orders ORDER BY 1, 2")
            return list(cursor.fetchall())
