"""Nights: imports of orders whose rows a test names, what the table holds then, and reverts of them."""

from collections.abc import Sequence
from typing import Any

from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.imports import Import, reject_name
from app.domain.states import FINAL
from app.formats.reject_file import read_rejects
from app.lifecycle.imports.reverting import accept
from app.lifecycle.services import Services
from app.routes.api.revert_request import parse_request
from tests.invariants import converge, find
from tests.uploads import accept_file

HEADER = ",".join(ORDERS.column_names) + "\n"


def line(number: int, customer: str = "first") -> str:
    return f"Bay,N-{number},{customer},j@x.de,Weg 1,S-1,2,1.50,EUR,paid,2026-01-02 03:04:05\n"


class Nights:
    """One installation's imports, told apart by whose name their rows bear."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def load(self, *numbers: int, customer: str = "first", key: str | None = None, **options: str) -> Import:
        """An import that has ended: brought there now, or before under the same key."""
        number = self.accept_file(*numbers, customer=customer, key=key, **options)
        found = find(self.services, number)
        return found if found.state in FINAL else converge(self.services, number)

    def accept_file(self, *numbers: int, customer: str = "first", key: str | None = None, **options: str) -> int:
        """The number of an import that waits for a worker."""
        body = HEADER + "".join(line(number, customer) for number in numbers)
        caller = Caller(client="night", key=key)
        return accept_file(self.services, ORDERS, body.encode(), caller=caller, **options).row.number

    def accept(self, row: Import, **options: Any) -> Import:
        """A revert that waits for a worker."""
        return self.accept_all([row], **options)

    def accept_all(self, imports: Sequence[Import], **options: Any) -> Import:
        """A revert of several, that waits for a worker."""
        request = parse_request(options)
        return accept.accept_revert(self.services, [row.id for row in imports], Caller(client="night"), request)

    def revert(self, row: Import, **options: Any) -> Import:
        """A revert that is brought to its end."""
        return converge(self.services, self.accept(row, **options).number)

    def table(self) -> dict[int, str]:
        """Order number → customer."""
        found = self.ask("SELECT order_number, customer FROM orders")
        return {int(number.removeprefix("N-")): customer for number, customer in found}

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.services.database.begin() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query, values)]

    def do(self, statement: str, *values: Any) -> None:
        """As another program."""
        with self.services.database.begin() as connection:
            connection.exec_driver_sql(statement, values)

    def list_obstacles(self, revert: Import) -> list[tuple[int, str]]:
        """What stood in the way: row number and class."""
        path = self.services.spool.path(reject_name(revert.id, revert.epoch))
        return [(one["row"], one["code"]) for one in read_rejects(path)] if revert.rows_rejected else []
