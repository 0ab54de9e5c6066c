"""The page: its first paint, drawn by the server. What it does and how it stays up to date goes through `/v1`."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState

from app.domain.caller import Scope
from app.domain.errors import ImportNotFound, Refused
from app.domain.file_format import FORMATS
from app.domain.states import State
from app.lifecycle import change_feed
from app.lifecycle.datasets import catalog
from app.lifecycle.imports import queries
from app.lifecycle.imports.reverting import show
from app.lifecycle.templates import list_templates
from app.routes import row_counter, services
from app.routes.access import access, has_scope, list_missing, reach
from app.routes.api.serializers import serialize_import
from app.routes.openapi.operations import Answer, describe, text
from app.routes.pages import formatting
from app.routes.parameters import parse_cursor
from app.routes.problems import STATUSES, refuse

SHOWN = 50
REJECTS_SHOWN = 100
PAGE = {200: Answer("A page.", {"text/html": text("HTML")})}
PATHS = ("/access", "/audit", "/docs", "/imports/", "/orders", "/rows")

# what the list can be narrowed to: the filter in the URL, and its words
FILTERS = {
    "": "All",
    "queued,running,committing,stopping,failing,checking": "In progress",
    "committed": "Committed",
    "stopped": "Stopped",
    "failed": "Failed",
    "checked": "Dry runs",
}

blueprint = Blueprint("pages", __name__)


def is_page() -> bool:
    """Whether a browser asks for something to look at."""
    is_path = request.path == "/" or request.path.startswith(PATHS)
    wanted = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return is_path and request.method in ("GET", "HEAD") and wanted == "text/html"


@blueprint.record
def _give_words(setup: BlueprintSetupState) -> None:
    setup.app.jinja_env.globals["words"] = formatting


@blueprint.app_context_processor
def _say_who() -> dict[str, Any]:
    return {
        "is_signed_in": access().session is not None,
        "has_scope": has_scope,
        "lacks": list_missing(),
        "asks_who": services().settings.asks_who,
        "has_admin": services().settings.asks_who and has_scope(Scope.ADMIN),
        "has_orders": "orders_page" in current_app.blueprints,
    }


@blueprint.errorhandler(Refused)
def show_problem(error: Refused) -> Response | tuple[str, int]:
    """A page for a person, with the way out; a program gets a problem document."""
    if not is_page():
        return refuse(error)
    return render_template("problem.html", detail=error.detail, status=STATUSES[type(error)]), STATUSES[type(error)]


def show_imports() -> str:
    """The list, and where imports are started. An unknown state shows nothing."""
    wanted, client = request.args.get("state", ""), request.args.get("created_by", "")
    states = [State(name) for name in wanted.split(",") if name in tuple(State)]
    before = parse_cursor()
    after = change_feed.find_cursor(
        services().database
    )  # before the list: a change meanwhile is shown twice rather than never
    rows = queries.list_imports(
        services().database,
        states=states,
        dataset=None,
        client=client or None,
        before=before,
        limit=SHOWN + 1,
        reach=reach(),
    )
    settings, allowed = services().settings, access().datasets
    names = [known.dataset.name for known in catalog.list_datasets(services().database)]
    templates = list_templates(services().database)
    return render_template(
        "imports.html",
        imports=[serialize_import(row) for row in rows[:SHOWN]],
        older=url_for(
            "classic.show_root", state=wanted or None, created_by=client or None, cursor=rows[SHOWN - 1].number
        )
        if len(rows) > SHOWN
        else None,
        is_first=before is None,
        state=wanted,
        client=client,
        filters=FILTERS,
        after=after,
        datasets=[name for name in names if allowed is None or name in allowed],
        formats=FORMATS,
        templates=[one.name for one in templates if allowed is None or one.dataset in allowed],
        max_bytes=settings.max_upload_bytes,
        max_rows=settings.max_generated_rows,
    )


@blueprint.get("/imports/<id>")
@describe("show_import_page", "page", PAGE, refuses=(ImportNotFound,), scope=Scope.IMPORTS_READ)
def show_one(id: str) -> str:
    """One import: how far it is, what happened, what was not accepted."""
    after = change_feed.find_cursor(services().database)  # before the import: what changes meanwhile is not missed
    row, timeline = queries.find_import(services().database, id)
    row_counter().ask(row)
    shown = serialize_import(row, timeline)
    curl = _write_curl(shown, row.source.given)
    needs_reason = services().settings.revert_needs_reason
    return render_template(
        "import.html", i=shown, after=after, curl=curl, rejects_shown=REJECTS_SHOWN, needs_reason=needs_reason
    )


def _write_curl(shown: dict[str, Any], given: Mapping[str, str]) -> str:
    """A command that starts an equal import: with what was detected, and with the client's options as they were."""
    source, url = shown["source"], f"{request.host_url}v1/imports"
    if source["kind"] == "revert":
        return _write_revert_curl(shown)
    if source["kind"] == "generated":
        body = f'{{"dataset": "{shown["dataset"]}", "generate": {source["rows"]}, "seed": "{source["seed"]}"}}'
        return f"curl --json {shlex.quote(body)} {shlex.quote(url)}"
    plain = {"encoding": "utf-8", "delimiter": ",", "header": True, "first_line": 1, "quote": '"', "escape": ""}
    plain |= dict.fromkeys(("sheet", "records", "null", "comment", "trim"))
    told = {"dataset": shown["dataset"], "format": source.get("format")}
    told |= {name: source[name] for name, usual in plain.items() if source.get(name, usual) != usual}
    told |= {name: shown[name] for name in ("on_error", "max_rejects", "on_conflict", "dry_run")}
    usual = {"on_error": "abort", "on_conflict": "fail", "dry_run": False, "max_rejects": None, "format": None}
    said = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in told.items()
        if name not in usual or value != usual[name]
    }
    totals = {"control_totals": json.dumps(shown["control_totals"])} if "control_totals" in shown else {}
    address = url_for("imports.accept_import", _external=True, **{**said, **given, **totals})
    name = source.get("name") or "file"
    return f"curl --data-binary {shlex.quote('@' + name)} -H 'Content-Type:' {shlex.quote(address)}"


def _write_revert_curl(shown: dict[str, Any]) -> str:
    source = shown["source"]
    asked = {"dry_run": shown["dry_run"], **source}
    names = ("dry_run", "on_changed", "dependents", "rows", "keep_images", "reason")
    body = {name: asked[name] for name in names if asked.get(name) not in (None, False, "restrict")}
    path = f"v1/imports/{source['import']}/revert"
    if source["imports"] > 1:
        body["ids"] = [one.import_id for one in show.show_reverts(services(), shown["id"]).imports]
        path = "v1/reverts"
    said = json.dumps(body, ensure_ascii=False)
    return f"curl --json {shlex.quote(said)} {shlex.quote(request.host_url + path)}"
