"""HTTP only: a route parses, calls the lifecycle and shapes the answer; one table turns errors into statuses."""

from flask import current_app

from app.lifecycle.services import Services


def services() -> Services:
    """What the running application works with."""
    found = current_app.extensions["backout"]
    assert isinstance(found, Services)
    return found
