"""A ledger that is set back, and what is read of it."""

from app.db import installation
from app.domain.generation import Installation
from app.lifecycle.services import Services


def read(services: Services) -> Installation:
    with services.database.begin() as connection:
        return installation.read_installation(connection)


def execute(services: Services, statement: str, *values: object) -> None:
    with services.database.begin() as connection:
        connection.exec_driver_sql(statement, values)


def go_back(services: Services, generations: int = 1) -> None:
    """Let the ledger be an older one."""
    execute(services, "UPDATE installation SET generation = generation - %s", generations)
