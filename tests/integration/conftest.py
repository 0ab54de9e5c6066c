"""The command line and the web server in this process, on the database of the test."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from app import create_app
from app.cli.__main__ import main
from app.lifecycle.services import Services

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _logs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program does to the logs of its process would outlive the test."""
    for place in ("app.logs", "app.cli.recovery"):
        monkeypatch.setattr(f"{place}.configure_logs", lambda level: None)


@pytest.fixture
def run(services: Services) -> Run:
    """Runs a command against the test's database, without a terminal."""

    def run(*arguments: str, url: str = "") -> Result:
        address = url or services.settings.database_url.get_secret_value()
        return CliRunner().invoke(main, arguments, env={"BACKOUT_DATABASE_URL": address})

    return run


@pytest.fixture
def web(services: Services) -> FlaskClient:
    return create_app(services.settings).test_client()
