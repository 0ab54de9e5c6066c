"""HTTP only: a route parses, calls the lifecycle and shapes the answer; one table turns errors into statuses."""

from flask import current_app

from app.lifecycle.imports.row_counter import RowCounter
from app.lifecycle.services import Services


def services() -> Services:
    """What the running application works with."""
    found = current_app.extensions["backout"]
    assert isinstance(found, Services)
    return found


def row_counter() -> RowCounter:
    """What counts the rows of an import that somebody looks at."""
    found = current_app.extensions["backout_counter"]
    assert isinstance(found, RowCounter)
    return found
