"""`/v1/imports`: accept, list, show, stop."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from flask import Blueprint, Response, g, jsonify, request, url_for

from app.domain.caller import Scope
from app.domain.errors import (
    AlreadyDecided,
    BadRequest,
    DatasetNotFound,
    ImportNotFound,
    InvalidContent,
    Overloaded,
    TemplateNotFound,
    TooManyAtOnce,
)
from app.domain.requests.policy import NAMES as POLICY_NAMES, parse_priority
from app.domain.states import State
from app.formats.options import NAMES
from app.formats.reject_file import write_csv
from app.lifecycle.datasets import catalog
from app.lifecycle.imports import accept, queries, stop, stream_upload
from app.lifecycle.imports.idempotency import Accepted
from app.lifecycle.imports.options import ImportOptions, parse_import_options
from app.lifecycle.templates import expand
from app.routes import row_counter, services
from app.routes.access import reach, require_dataset
from app.routes.api.serializers import serialize_import
from app.routes.downloads import as_download
from app.routes.openapi import parameters as common
from app.routes.openapi.models import imports as models
from app.routes.openapi.operations import JSON, describe, one_of, query
from app.routes.parameters import (
    cut_page,
    is_whole,
    parse_caller,
    parse_cursor,
    parse_format,
    parse_limit,
    parse_states,
    require_fields,
    require_options,
)
from app.routes.request_body import parse_json
from app.routes.uploads import check_content_encoding, receive_body, receive_form

JSON_BYTES = 64 * 1024
PAGE = 50
MAX_REJECTS_SHOWN = 1000
MAX_A_PAGE = 200
MAX_RETRY_SECONDS = 30
SEED = re.compile("[a-z0-9]{1,24}")
OPTIONS = ("dataset", "template", "file_name", *NAMES, *POLICY_NAMES)
QUERY_OPTIONS = (*OPTIONS, "stream")  # a form's options may come after its file

blueprint = Blueprint("imports", __name__, url_prefix="/v1/imports")


@blueprint.post("")
@describe(
    "accept_import",
    "imports",
    models.ACCEPTED,
    refuses=(*common.ACCEPTING_FILES, AlreadyDecided, TemplateNotFound),
    parameters=(
        common.IDEMPOTENCY_KEY,
        common.FILE_NAME,
        common.CONTROL_TOTALS,
        *common.option_parameters(QUERY_OPTIONS),
    ),
    body={JSON: models.GenerateRequest, **common.file_bodies(OPTIONS)},
    scope=Scope.IMPORTS_WRITE,
)
def accept_import() -> Response:
    """Accept a file (raw body or multipart) or `{dataset, generate}`; 202 with the import, before it is loaded."""
    accepted = _accept_json() if request.mimetype == "application/json" else _accept_file()
    shown = serialize_import(accepted.row)
    shown["estimated_seconds"] = estimate = services().backlog_cache.estimate_seconds(services().database, accepted.row)
    response = jsonify(shown)
    response.status_code = 202
    response.headers["Location"] = url_for("imports.show", id=accepted.row.id)
    response.headers["Retry-After"] = str(max(1, min(math.ceil(estimate or 1), MAX_RETRY_SECONDS)))
    return response


def _accept_json() -> Accepted:
    if said := _add_control_totals(request.args):
        name = next(iter(said))[:40]
        raise InvalidContent(
            f"{name!r} is not for made-up rows: they have dataset, generate, seed and priority, in the body",
            errors=[{"field": name, "reason": "an option of a file"}],
        )
    body = parse_json(JSON_BYTES, '{"dataset": "orders", "generate": 1000}')
    require_fields(body, ("dataset", "generate", "seed", "priority"))
    rows, seed = body.get("generate"), body.get("seed")
    if not is_whole(rows):
        raise InvalidContent("generate must be a whole number: how many rows", errors=[{"field": "generate"}])
    if seed is not None and not (isinstance(seed, str) and SEED.fullmatch(seed)):
        raise InvalidContent("seed must be 1 to 24 lower-case letters and digits", errors=[{"field": "seed"}])
    name = str(body.get("dataset", "orders"))
    require_dataset(name)
    dataset = catalog.find_import_dataset(services().database, name)
    priority = parse_priority(json.dumps(body.get("priority", 0)))
    return accept.accept_generated(services(), dataset, rows, parse_caller(), seed=seed, priority=priority)


def _accept_file() -> Accepted:
    require_options(request.args, QUERY_OPTIONS)
    said = _add_control_totals(request.args)
    check_content_encoding()
    file_name = request.args.get("file_name") or request.headers.get("X-File-Name")
    is_stream = _read_stream(request.args.get("stream", "0"))
    if request.mimetype == "multipart/form-data":
        if is_stream:
            reason = "stream=1 takes the file as the body, not as part of a form: its options may come after it there"
            raise InvalidContent(reason, errors=[{"field": "stream", "reason": reason}])
        return _accept_form(said, file_name)
    options = _read_options(said, file_name, request.mimetype)
    if is_stream:
        with stream_upload.open_stream(services(), options, parse_caller()) as streaming:
            receive_body(streaming.upload)
            return streaming.accept()
    with accept.open_upload(services(), parse_caller()) as incoming:
        receive_body(incoming.upload)
        return incoming.accept(options)


def _accept_form(said: Mapping[str, str], file_name: str | None) -> Accepted:
    """What a form's fields say goes before what the query `said`; the fields may come after the file."""
    _read_options(said, file_name, None)  # a wrong query is refused before a body is sent for nothing
    with accept.open_upload(services(), parse_caller()) as incoming:
        form = receive_form(incoming.upload, OPTIONS)
        return incoming.accept(_read_options({**said, **form.fields}, form.file_name or file_name, None))


def _add_control_totals(query: Mapping[str, str]) -> dict[str, str]:
    """The query's options, and the control totals that are in a header: a program that makes both a file and its totals
    needs not escape them."""
    said, totals = dict(query), request.headers.get("Control-Totals")
    if totals is not None and said.setdefault("control_totals", totals) != totals:
        reason = "the header Control-Totals and the option control_totals differ: send one of them"
        raise InvalidContent(reason, errors=[{"field": "control_totals", "reason": reason}])
    return said


def _read_options(said: Mapping[str, str], file_name: str | None, content_type: str | None) -> ImportOptions:
    """The options of a query or a form, with those of the template that they name. Raises `InvalidContent`,
    `TemplateNotFound`."""
    options = expand(services().database, said)
    require_dataset(options.get("dataset", "orders"))
    dataset = catalog.find_import_dataset(services().database, options.get("dataset", "orders"))
    return parse_import_options(dataset, options, file_name, content_type)


def _read_stream(text: str) -> bool:
    if text not in ("0", "1"):
        reason = "stream must be 0 or 1: whether the file is loaded while it arrives"
        raise InvalidContent(reason, errors=[{"field": "stream", "reason": reason}])
    return text == "1"


@blueprint.get("")
@describe(
    "list_imports",
    "imports",
    models.ImportList,
    refuses=(BadRequest,),
    parameters=(
        common.STATES,
        query("dataset", "The name of a dataset."),
        query("created_by", "The client that sent it. Who lacks `imports:any` sees its own ones anyway."),
        query("limit", "How many on a page.", type="integer", minimum=1, maximum=MAX_A_PAGE, default=PAGE),
        query("cursor", "Where the page begins; from `next` of the one before.", type="integer"),
    ),
    scope=Scope.IMPORTS_READ,
)
def list_all() -> dict[str, Any]:
    """Imports, newest first; `state` (several with commas), `dataset`, `created_by`, `limit`, and `cursor` from
    `next`."""
    states, dataset, client = parse_states(State), request.args.get("dataset"), request.args.get("created_by") or None
    limit, before = parse_limit(PAGE, MAX_A_PAGE), parse_cursor()
    found = queries.list_imports(
        services().database,
        states=states,
        dataset=dataset,
        client=client,
        before=before,
        limit=limit + 1,
        reach=reach(),
    )
    kept: dict[str, Any] = {"state": ",".join(states) or None, "dataset": dataset or None, "limit": limit}
    kept["created_by"] = client
    rows, following = cut_page(found, limit, lambda row: url_for("imports.list_all", **kept, cursor=row.number))
    return {"imports": [serialize_import(row) for row in rows], "next": following}


@blueprint.get("/<id>")
@describe(
    "get_import",
    "imports",
    models.FOUND,
    refuses=(ImportNotFound,),
    parameters=(common.IF_NONE_MATCH,),
    scope=Scope.IMPORTS_READ,
)
def show(id: str) -> Response:
    """One import with its timeline; the ETag changes with its sequence."""
    row, timeline = queries.find_import(services().database, id)
    row_counter().ask(row)
    response = jsonify(serialize_import(row, timeline))
    response.set_etag(str(row.sequence), weak=True)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


@blueprint.get("/<id>/rejects")
@describe(
    "list_rejects",
    "imports",
    models.REJECTS,
    refuses=(BadRequest, ImportNotFound, TooManyAtOnce, Overloaded),
    parameters=(query("format", "How they are written.", **one_of(("json", "csv", "ndjson")), default="json"),),
    scope=Scope.ROWS_READ,
)
def rejects(id: str) -> Response:
    """The rows that were not accepted: the first 1,000 as JSON, or all with `format=csv` or `ndjson`, streamed."""
    format = parse_format("json", "csv", "ndjson")
    row, found = queries.open_rejects(services().database, services().spool, id)
    if format == "json":
        shown = {"id": row.id, "rows_rejected": row.rows_rejected, "rejects": list(islice(found, MAX_REJECTS_SHOWN))}
        return jsonify(shown)
    if format == "ndjson":
        body: Iterator[bytes] = (json.dumps(reject).encode() + b"\n" for reject in found)
        response = Response(body, mimetype="application/x-ndjson")
    else:
        dataset = catalog.find_dataset_of(services().database, row)
        if dataset is None:
            raise DatasetNotFound(f"{row.dataset} was dropped: its rejects can still be had as json or ndjson")
        response = Response(write_csv(found, dataset), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="rejects-{row.number}.{format}"'
    return as_download(response)


@blueprint.post("/<id>/stop")
@describe("stop_import", "imports", models.STOPPED, refuses=(ImportNotFound, AlreadyDecided), scope=Scope.IMPORTS_STOP)
def stop_one(id: str) -> Response:
    """Stop it: 202 with what it is now, the same when asked again; 409 when it is too late."""
    response = jsonify(serialize_import(stop.stop_import(services(), id, g.client)))
    response.status_code = 202
    return response
