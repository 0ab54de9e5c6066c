"""`/v1/datasets`: what there is to import into."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from app.domain.caller import Scope
from app.domain.dataset import Registered
from app.domain.errors import (
    BadRequest,
    DatasetBeingCleared,
    DatasetExists,
    DatasetInUse,
    DatasetNotFound,
    ExportOutdated,
    ImportNotFound,
    ImportsRunning,
    InvalidContent,
    LedgerFrozen,
    NotEnabled,
    Overloaded,
    TooManyAtOnce,
)
from app.domain.requests.export import ExportForm, Part, parse_etag
from app.domain.requests.selection import Selection
from app.formats.export import serialize_row, write_lines
from app.formats.parquet.write import write_parquet
from app.lifecycle.datasets import (
    adopt,
    catalog,
    create as creation,
    delete_rows as deletion,
    drop,
    rows as dataset_rows,
)
from app.lifecycle.imports import queries
from app.routes import services
from app.routes.access import access, require_dataset, require_rows_of
from app.routes.api.serializers import serialize_time
from app.routes.downloads import as_download
from app.routes.openapi.models import datasets as models
from app.routes.openapi.operations import FILTERS, JSON, describe, header, one_of, query
from app.routes.parameters import FILTER, is_filter, parse_format, parse_limit, require_options
from app.routes.request_body import parse_json

JSON_BYTES = 1024 * 1024
PAGE = 100
MAX_A_PAGE = 1000
MAX_A_PART = 10_000_000
HOW_MANY = {"type": "integer", "minimum": 1, "maximum": MAX_A_PART}
EXPORTS = {
    ExportForm.CSV: ("text/csv", "csv"),
    ExportForm.NDJSON: ("application/x-ndjson", "ndjson"),
    ExportForm.SPREADSHEET: ("text/csv", "csv"),
    ExportForm.PARQUET: ("application/vnd.apache.parquet", "parquet"),
}
CONFIRM = query("confirm", "The dataset's name: this can't be undone.")
SELECTION = (
    query("import", "Only this import's rows: its id or number."),
    query("sort", "A column; with a minus before it, downwards."),
    query("null", "Only rows without a value in this column."),
    FILTERS,
)

blueprint = Blueprint("datasets", __name__, url_prefix="/v1/datasets")


@blueprint.post("")
@describe(
    "create_dataset",
    "datasets",
    models.CREATED,
    refuses=(BadRequest, InvalidContent, DatasetExists, DatasetInUse, NotEnabled),
    failures={413: ("request-entity-too-large", "The body is larger than a definition may be.")},
    body={JSON: models.CREATE},
    models=(models.Definition, models.Adoption),
    scope=Scope.DATASETS_ADMIN,
)
def create() -> Response:
    """Create a dataset from `{name, columns, key}`, or adopt a table with `{name, adopt: true}`; 201 with it."""
    body = parse_json(JSON_BYTES, '{"name": "parts", "columns": [{"name": "sku", "type": "text"}], "key": ["sku"]}')
    require_dataset(str(body.get("name", "")))
    known = adopt.adopt_table(services(), body) if "adopt" in body else creation.create_dataset(services(), body)
    response = jsonify(_show(known))
    response.status_code = 201
    response.headers["Location"] = url_for("datasets.show", name=known.dataset.name)
    return response


@blueprint.get("")
@describe("list_datasets", "datasets", models.DatasetList, scope=Scope.IMPORTS_READ)
def list_all() -> dict[str, Any]:
    """Every dataset, by name."""
    allowed = access().datasets
    found = catalog.list_datasets(services().database)
    return {"datasets": [_show(known) for known in found if allowed is None or known.dataset.name in allowed]}


@blueprint.get("/<name>")
@describe("get_dataset", "datasets", models.CountedDataset, refuses=(DatasetNotFound,), scope=Scope.IMPORTS_READ)
def show(name: str) -> dict[str, Any]:
    """One dataset: its columns, its key, how many rows it has, and what is off."""
    known = catalog.find_dataset(services().database, name)
    return {**_show(known), "rows": queries.count_rows(services().database, known.dataset)}


@blueprint.delete("/<name>")
@describe(
    "drop_dataset",
    "datasets",
    models.DROPPED,
    refuses=(
        *(DatasetNotFound, InvalidContent, ImportsRunning, DatasetBeingCleared, DatasetInUse),
        *(LedgerFrozen, NotEnabled),
    ),
    parameters=(CONFIRM,),
    scope=(Scope.DATASETS_ADMIN, Scope.ROWS_DELETE, Scope.IMPORTS_ANY),
)
def drop_one(name: str) -> tuple[str, int]:
    """Drop a dataset with its rows; an adopted table stays."""
    _require_confirmed(name)
    drop.drop_dataset(services(), name)
    return "", 204


@blueprint.get("/<name>/rows")
@describe(
    "list_rows",
    "datasets",
    models.ROWS,
    refuses=(DatasetNotFound, ImportNotFound, BadRequest, InvalidContent, ExportOutdated, TooManyAtOnce, Overloaded),
    parameters=(
        *SELECTION,
        query("limit", f"How many on a page, at most {MAX_A_PAGE}; in an export without it all.", **HOW_MANY),
        query("cursor", "Where the page begins; from `next` of the one before, or from `Link` of an export's part."),
        query("format", "How they are written.", **one_of(("json", *EXPORTS)), default="json"),
        header("If-Match", "The `ETag` of an export's first part: 412 if its rows have changed."),
    ),
    scope=Scope.ROWS_READ,
)
def rows(name: str) -> Response:
    """Rows, a page by key, or with `format=csv`, `ndjson`, `parquet` or `spreadsheet` (CSV without formulas) all that
    match, streamed."""
    selection = _read_selection(name, "limit", "cursor", "format")
    form = parse_format("json", *EXPORTS)
    return _show_page(selection) if form == "json" else _export(selection, ExportForm(form))


@blueprint.get("/<name>/rows/count")
@describe(
    "count_rows",
    "datasets",
    models.RowCount,
    refuses=(DatasetNotFound, ImportNotFound, InvalidContent),
    parameters=SELECTION,
    scope=Scope.ROWS_READ,
)
def count(name: str) -> dict[str, Any]:
    """How many rows match."""
    return {"count": dataset_rows.count_rows(services().database, _read_selection(name))}


@blueprint.delete("/<name>/rows")
@describe(
    "delete_rows",
    "datasets",
    models.RowsDeleted,
    refuses=(
        *(DatasetNotFound, ImportNotFound, InvalidContent, ImportsRunning, DatasetBeingCleared),
        *(LedgerFrozen, NotEnabled),
    ),
    parameters=(query("import", "Only this import's rows: its id or number."), CONFIRM),
    scope=Scope.ROWS_DELETE,
)
def delete_rows(name: str) -> dict[str, Any]:
    """Delete one import's rows, or with `confirm=<name>` all of them."""
    dataset = catalog.find_dataset(services().database, name).dataset
    require_options(request.args, ("import", "confirm"))
    of = request.args.get("import")
    require_rows_of(of)
    if of is None:
        _require_confirmed(name)
    number = None if of is None else dataset_rows.find_number(services().database, dataset, of)
    return {"rows_deleted": deletion.delete_rows(services(), dataset, number)}


def _read_selection(name: str, *others: str) -> Selection:
    dataset = catalog.find_dataset(services().database, name).dataset
    require_options(request.args, ("import", "sort", "null", *others), filters=True)
    filters: list[tuple[str, str | None]] = [
        (said[len(FILTER) : -1], text) for said, text in request.args.items(multi=True) if is_filter(said)
    ]
    filters += [(column, None) for column in request.args.getlist("null")]
    of, sort = request.args.get("import"), request.args.get("sort")
    require_rows_of(of)
    return dataset_rows.select_rows(services().database, dataset, of=of, filters=filters, sort=sort)


def _show_page(selection: Selection) -> Response:
    limit = parse_limit(PAGE, MAX_A_PAGE)
    found, cursor = dataset_rows.read_page(services().database, selection, request.args.get("cursor"), limit)
    following = None if cursor is None else _address(selection, cursor)
    return jsonify({"rows": [serialize_row(selection.dataset, row) for row in found], "next": following})


def _address(selection: Selection, cursor: str) -> str:
    """Of the page or part that begins there."""
    kept: dict[str, Any] = {said: texts for said, texts in request.args.lists() if said != "cursor"}
    return url_for("datasets.rows", name=selection.dataset.name, **{**kept, "cursor": cursor})


def _read_part(selection: Selection) -> Part | None:
    """The part of an export that is asked for; None for all of it. Raises `BadRequest` and `ExportOutdated`."""
    cursor, etag = request.args.get("cursor"), request.headers.get("If-Match", "*").strip()
    if "limit" not in request.args and cursor is None:
        return None
    version = parse_etag(etag)
    if version is None and etag != "*":
        raise ExportOutdated("If-Match is not the ETag of an export's first part: begin without it")
    return Part(
        limit=parse_limit(MAX_A_PART, MAX_A_PART),
        after=None if cursor is None else selection.read_cursor(cursor),
        version=None if selection.dataset.adopted else version,
    )


def _export(selection: Selection, form: ExportForm) -> Response:
    dataset, part = selection.dataset, _read_part(selection)
    stack = ExitStack()
    try:
        export = stack.enter_context(dataset_rows.open_export(services().database, selection, form, part))
    except BaseException:
        stack.close()
        raise
    parquet, goes_on = form is ExportForm.PARQUET, part is not None and part.after is not None
    body = (
        write_parquet(dataset, export.lines) if parquet else write_lines(dataset, form, export.lines, head=not goes_on)
    )

    def stream() -> Iterator[bytes]:
        with stack:
            yield from body

    mimetype, suffix = EXPORTS[form]
    response = Response(stream(), mimetype=mimetype)
    response.call_on_close(stack.close)
    response.headers["Content-Disposition"] = f'attachment; filename="{dataset.name}.{suffix}"'
    if export.version is not None:
        response.headers["ETag"] = export.version.etag
    if export.next is not None:
        response.headers["Link"] = f'<{_address(selection, export.next)}>; rel="next"'
    return as_download(response, compressible=not parquet)


def _require_confirmed(name: str) -> None:
    """Raise `InvalidContent` unless the request says `confirm=<name>`."""
    if request.args.get("confirm") != name:
        raise InvalidContent(
            f"this can't be undone: send it with confirm={name[:80]}",
            errors=[{"field": "confirm", "reason": "must be the dataset's name"}],
        )


def _show(known: Registered) -> dict[str, Any]:
    dataset = known.dataset
    this = url_for("datasets.show", name=dataset.name)
    return {
        "name": dataset.name,
        "columns": [column.as_json() for column in dataset.columns],
        "key": list(dataset.key),
        "built_in": known.built_in,
        "adopted": dataset.adopted,
        "created_at": serialize_time(known.created_at),
        "created_by": known.created_by,
        "off": catalog.list_unsupported(dataset),
        "links": {"self": this, "rows": f"{this}/rows", "imports": url_for("imports.list_all", dataset=dataset.name)},
    }
