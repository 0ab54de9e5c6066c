"""Imports to crash, and attempts that are run where the test can see into them."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.formats.generate.orders import write_csv_sample
from app.lifecycle.services import Services, open_services
from tests.servers import DatabaseServer, make_settings
from tests.uploads import accept_file

ROWS = 3000


@pytest.fixture(params=[1, 2], ids=["1-branch", "2-branches"])
def branches(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def settings_values(branches: int, tmp_path: Path) -> dict[str, object]:
    """Small batches, so that a load has a middle; a lease that is soon over."""
    return {
        "branches": branches,
        "batch_bytes": 64 * 1024,
        "lease_seconds": 1.5,
        "lock_wait_seconds": 1,
        "spool_dir": tmp_path / "spool",
    }


@pytest.fixture
def services(
    database: DatabaseServer, tmp_path: Path, settings_values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> Services:
    monkeypatch.setattr("app.lifecycle.imports.requeue.RETRY_SECONDS", 0.01)
    return open_services(make_settings(database.url, tmp_path / "spool", **settings_values))


@pytest.fixture(scope="session")
def orders_csv(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("crash") / "orders.csv"
    write_csv_sample(path, ROWS, "crash")
    return path.read_bytes()


@pytest.fixture
def accept_import(services: Services, orders_csv: bytes) -> Callable[[], int]:
    """Accepts a file of `ROWS` orders; returns the import's number."""

    def make() -> int:
        caller = Caller(key=uuid4().hex)  # the same orders again, and meant
        return accept_file(services, ORDERS, orders_csv, caller=caller).row.number

    return make
