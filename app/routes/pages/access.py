"""The page of access, for administrators: tokens and sessions. Its script reads and changes them through `/v1`."""

from flask import Blueprint, render_template

from app.domain.caller import Scope
from app.domain.errors import NotEnabled, Refused
from app.lifecycle.access.tokens import DAYS, MAX_DAYS, OVERLAP_HOURS
from app.lifecycle.datasets import catalog
from app.routes import services
from app.routes.access import access
from app.routes.api.access import require_enabled
from app.routes.openapi.operations import describe
from app.routes.pages import access_words
from app.routes.pages.imports import PAGE, show_problem

blueprint = Blueprint("access_page", __name__)
blueprint.register_error_handler(Refused, show_problem)


@blueprint.get("/access")
@describe("show_access_page", "page", PAGE, refuses=(NotEnabled,), scope=Scope.ADMIN)
def show() -> str:
    """Who may use the server: create, rotate and revoke tokens, end sessions."""
    require_enabled()
    return render_template(
        "access.html",
        more_words={"access": access_words.PHRASES},
        access_words=access_words,
        datasets=[known.dataset.name for known in catalog.list_datasets(services().database)],
        scopes=[scope for scope in Scope if scope is not Scope.ADMIN],
        days=f"{DAYS:g}",
        max_days=f"{MAX_DAYS:g}",
        overlap=f"{OVERLAP_HOURS:g}",
        max_overlap=f"{MAX_DAYS * 24:g}",
        session=access().session,
    )
