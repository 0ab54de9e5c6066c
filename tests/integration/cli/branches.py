"""Branches in doubt, as the command line lists them."""

import json
from typing import Any

from app.db import xa
from app.db.imports import queries
from app.domain.xid import Xid
from app.lifecycle.services import Services
from tests.integration.conftest import Run


def list_branches(run: Run) -> dict[str, Any]:
    result = run("branches", "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def kinds(services: Services, number: int) -> list[str]:
    with services.database.begin() as connection:
        return [event.kind for event in queries.list_events(connection, number)]


def lose(services: Services, xid: Xid) -> None:
    """As a person who finishes by hand what the sweeper would have finished."""
    with services.database.session() as session:
        assert xa.release(session, [xid]) and xa.roll_back_prepared(session, xid)
