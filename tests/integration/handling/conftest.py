"""The sandbox of other companies' services, and an installation that calls it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from app import create_app
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.handling.extension import HandlingExtension
from app.lifecycle.imports import accept
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services, open_services
from tests.integration.handling.handlings import QUICK, Load
from tests.sandbox import Sandbox
from tests.servers import DatabaseServer, make_settings


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        yield sandbox.start()
    finally:
        sandbox.kill()


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """Well, and without a memory of earlier tests."""
    sandbox_process.control(
        forget=True, failure_rate=0, hang_seconds=4, down=[], faults=["before", "after", "twice", "hang"]
    )
    return sandbox_process


@pytest.fixture
def services(database: DatabaseServer, tmp_path: Path, sandbox: Sandbox) -> Iterator[Services]:
    addresses = {name: SecretStr(url) for name, url in sandbox.services().items()}
    settings = make_settings(
        database.url, tmp_path / "spool", handling=True, handling_services=addresses, handling_rates={}, **QUICK
    )
    services = open_services(settings, extensions=(HandlingExtension(),))
    yield services
    services.database.dispose()


@pytest.fixture
def web(services: Services) -> FlaskClient:
    return create_app(services.settings).test_client()


@pytest.fixture
def load(services: Services) -> Load:
    """Imports so many pending orders and returns their ids."""

    def load(rows: int) -> list[str]:
        accepted = accept.accept_generated(services, ORDERS, rows, Caller())
        assert load_next(services, "test", GracefulShutdown(0)) == accepted.row.id
        with services.database.begin() as connection:
            connection.exec_driver_sql("UPDATE orders SET status = 'pending'")
        return [f"{accepted.row.number}-{row}" for row in range(1, rows + 1)]

    return load
