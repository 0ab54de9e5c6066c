"""The page of the audit: drawn by the server, so that filters are a form and pages are links."""

from typing import Any

from flask import Blueprint, render_template, request, url_for

from app.domain.audit.entry import Entry
from app.domain.caller import Scope
from app.domain.errors import BadRequest, NotEnabled, Refused
from app.lifecycle.recovery import audit
from app.routes import services
from app.routes.audit import FILTERS, WANTED, parse_wanted, require_enabled
from app.routes.openapi.operations import describe, query
from app.routes.pages.imports import PAGE, show_problem
from app.routes.parameters import cut_page, parse_cursor

SHOWN = 50

blueprint = Blueprint("audit_page", __name__)
blueprint.register_error_handler(Refused, show_problem)


@blueprint.get("/audit")
@describe(
    "show_audit_page",
    "page",
    PAGE,
    refuses=(NotEnabled, BadRequest),
    parameters=(*WANTED, query("cursor", "Where the page begins; from the link to it.")),
    scope=Scope.ADMIN,
)
def show() -> tuple[str, int]:
    """A page of the audit; 400 with what is wrong in the form."""
    require_enabled()
    said = {name: request.args.get(name, "").strip() for name in FILTERS}
    given: dict[str, Any] = {name: text for name, text in said.items() if text}
    problem: str | None = None
    page: list[Entry] = []
    following: str | None = None

    def link(last: Entry) -> str:
        return url_for("audit_page.show", **given, cursor=last.number)

    try:
        found = audit.list_entries(services(), parse_wanted(), parse_cursor(), SHOWN + 1)
    except BadRequest as error:
        problem = error.detail
    else:
        entries, following = cut_page(found, SHOWN, link)
        page = list(entries)
    shown = render_template(
        "audit.html",
        said=said,
        entries=page,
        problem=problem,
        first=url_for("audit_page.show", **given) if request.args.get("cursor") else None,
        following=following,
        export=url_for("audit.list_audit", **given, format="ndjson"),
    )
    return shown, 200 if problem is None else 400
