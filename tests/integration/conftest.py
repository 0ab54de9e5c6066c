"""The command line and the web server in this process, on the database of the test's site."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from app import create_app
from app.cli.__main__ import main
from app.lifecycle.site import Site

Run = Callable[..., Result]


@pytest.fixture
def run(site: Site) -> Run:
    """Runs a command against the site's database, where nobody can be asked."""

    def run(*arguments: str, url: str = "") -> Result:
        address = url or site.settings.database_url.get_secret_value()
        return CliRunner().invoke(main, arguments, env={"BACKOUT_DATABASE_URL": address})

    return run


@pytest.fixture
def web(site: Site, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr("app.logs.configure_logs", lambda level: None)  # it would outlive the test
    return create_app(site.settings).test_client()
