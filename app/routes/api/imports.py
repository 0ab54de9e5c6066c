"""`/v1/imports`: accept, list, show, stop."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any, cast

from flask import Blueprint, Response, jsonify, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from app.domain.errors import (
    AlreadyDecided,
    BadRequest,
    DatasetNotFound,
    ImportNotFound,
    InvalidContent,
    UnsupportedFormat,
)
from app.domain.policy import NAMES as POLICY_NAMES, parse_policy, parse_priority
from app.domain.states import State
from app.formats.options import NAMES, parse_options
from app.formats.reject_file import write_csv
from app.lifecycle.datasets import catalog
from app.lifecycle.imports import accept, queries, stop, stream_upload
from app.lifecycle.imports.accept import Form
from app.lifecycle.imports.idempotency import Accepted
from app.lifecycle.templates import expand
from app.routes import services
from app.routes.api.serializers import parse_caller, parse_cursor, parse_number, serialize_import
from app.routes.openapi import parameters as common
from app.routes.openapi.models import imports as models
from app.routes.openapi.operations import JSON, describe, one_of, query
from app.routes.request_body import open_body, parse_json
from app.spool import Upload

JSON_BYTES = 64 * 1024
FORM_MEMORY_BYTES = 1024 * 1024  # the parser's buffer and each plain field; files go to the spool piece by piece
FORM_PARTS = 20
PAGE = 50
MAX_REJECTS_SHOWN = 1000
MAX_A_PAGE = 200
MAX_RETRY_SECONDS = 30
ENCODINGS = ("", "identity", "gzip", "x-gzip", "zstd")  # how a file is compressed its content tells
SEED = re.compile("[a-z0-9]{1,24}")
OPTIONS = ("dataset", "template", "file_name", *NAMES, *POLICY_NAMES)
QUERY_OPTIONS = (*OPTIONS, "stream")  # a form's options may come after its file

blueprint = Blueprint("imports", __name__, url_prefix="/v1/imports")


@blueprint.post("")
@describe(
    "accept_import",
    "imports",
    models.ACCEPTED,
    refuses=(*common.ACCEPTING_FILES, AlreadyDecided),
    failures={408: ("request-timeout", "Nothing of the body came for a minute.")},
    parameters=(common.IDEMPOTENCY_KEY, common.FILE_NAME, *common.option_parameters(QUERY_OPTIONS)),
    body={JSON: models.GenerateRequest, **common.file_bodies(OPTIONS)},
)
def accept_import() -> Response:
    """Accept a file (raw body or multipart) or `{dataset, generate}`; 202 with the import, before it is loaded."""
    accepted = _accept_json() if request.mimetype == "application/json" else _accept_file()
    shown = serialize_import(accepted.row)
    shown["estimated_seconds"] = estimate = queries.estimate_seconds(services(), accepted.row)
    response = jsonify(shown)
    response.status_code = 202
    response.headers["Location"] = url_for("imports.show", id=accepted.row.id)
    response.headers["Retry-After"] = str(max(1, min(math.ceil(estimate or 1), MAX_RETRY_SECONDS)))
    return response


def _accept_json() -> Accepted:
    if request.args:
        name = next(iter(request.args))[:40]
        raise InvalidContent(
            f"{name!r} is not for made-up rows: they have dataset, generate, seed and priority, in the body",
            errors=[{"field": name, "reason": "an option of a file"}],
        )
    body = parse_json(JSON_BYTES, '{"dataset": "orders", "generate": 1000}')
    unknown = sorted(set(body) - {"dataset", "generate", "seed", "priority"})
    if unknown:
        raise InvalidContent(
            f"unknown field {unknown[0][:40]!r}: there are dataset, generate, seed and priority",
            errors=[{"field": name[:40], "reason": "unknown"} for name in unknown],
        )
    rows, seed = body.get("generate"), body.get("seed")
    if not isinstance(rows, int) or isinstance(rows, bool):
        raise InvalidContent("generate must be a whole number: how many rows", errors=[{"field": "generate"}])
    if seed is not None and not (isinstance(seed, str) and SEED.fullmatch(seed)):
        raise InvalidContent("seed must be 1 to 24 lower-case letters and digits", errors=[{"field": "seed"}])
    dataset = catalog.find_import_dataset(services(), str(body.get("dataset", "orders")))
    priority = parse_priority(json.dumps(body.get("priority", 0)))
    return accept.accept_generated(services(), dataset, rows, parse_caller(), seed=seed, priority=priority)


def _accept_file() -> Accepted:
    options = expand(services().database, _read_options(request.args, QUERY_OPTIONS))
    dataset = catalog.find_import_dataset(services(), options.get("dataset", "orders"))
    check_content_encoding()
    multipart = request.mimetype == "multipart/form-data"
    accept_file: Callable[..., Accepted] = accept.accept_upload
    if _read_stream(request.args.get("stream", "0")):
        if multipart:
            reason = "stream=1 takes the file as the body, not as part of a form: its options may come after it there"
            raise InvalidContent(reason, errors=[{"field": "stream", "reason": reason}])
        accept_file = stream_upload.accept_stream
    return accept_file(
        services(),
        dataset,
        receive_form if multipart else receive_body,
        parse_caller(),
        options=options,
        file_name=request.args.get("file_name") or request.headers.get("X-File-Name"),
        content_type=None if multipart else request.mimetype,
    )


def check_content_encoding() -> None:
    """Raises `UnsupportedFormat` for a body that is compressed as no file is read."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise UnsupportedFormat(
            f"Content-Encoding {encoding[:40]!r} is not read here: send the file as it is, or as gzip or zstd"
        )


def _read_options(said: Mapping[str, str], known: Sequence[str] = OPTIONS) -> dict[str, str]:
    """The options among a query's or a form's fields; raises `InvalidContent` for one that there is not, and for a
    wrong one before a body is sent for nothing."""
    unknown = [name for name in said if name not in known]
    if unknown:
        raise InvalidContent(
            f"there is no option {unknown[0][:40]!r}; there are {', '.join(known)}",
            errors=[{"field": name[:40], "reason": "unknown"} for name in unknown],
        )
    options = {name: text for name, text in said.items() if name not in ("file_name", "stream")}
    parse_options(options)
    parse_policy(options)
    return options


def _read_stream(text: str) -> bool:
    if text not in ("0", "1"):
        reason = "stream must be 0 or 1: whether the file is loaded while it arrives"
        raise InvalidContent(reason, errors=[{"field": "stream", "reason": reason}])
    return text == "1"


def receive_body(upload: Upload) -> None:
    """Write the body into the upload."""
    body = open_body()
    upload.require_space(body.declared or 0)
    upload.copy_from(body)


def receive_form(upload: Upload, check: Callable[[Mapping[str, str]], object] = _read_options) -> Form:
    """Write the form's one file; returns its name and the form's fields. `check` refuses fields that there are not."""
    names: list[str] = []

    def open_part(
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if names:
            raise BadRequest("send one file a request", errors=[{"field": "file"}])
        names.append(filename or "")
        return upload  # type: ignore[return-value]

    body = open_body()
    upload.require_space((body.declared or 0) - FORM_MEMORY_BYTES)  # the rest of the form is beside the file
    parser = FormDataParser(
        stream_factory=open_part, max_form_memory_size=FORM_MEMORY_BYTES, max_form_parts=FORM_PARTS, silent=False
    )
    try:
        _, fields, _ = parser.parse(cast("IO[bytes]", body), request.mimetype, body.declared, request.mimetype_params)
    except ValueError as error:
        raise BadRequest("the multipart body was cut off, or it does not keep to its boundary") from error
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge(
            f"the form has more than the file: at most {FORM_PARTS} fields of {FORM_MEMORY_BYTES:,} bytes are read"
        ) from None
    if not names:
        raise BadRequest("the form has no file: send one, for example as the field `file`", errors=[{"field": "file"}])
    said = fields.to_dict()
    if None in said:  # whatever the parser's types say
        raise BadRequest("a part of the form has no name")
    check(said)
    return Form(said.pop("file_name", "") or names[0], said)


@blueprint.get("")
@describe(
    "list_imports",
    "imports",
    models.ImportList,
    refuses=(BadRequest,),
    parameters=(
        common.STATES,
        query("dataset", "The name of a dataset."),
        query("limit", "How many on a page.", type="integer", minimum=1, maximum=MAX_A_PAGE, default=PAGE),
        query("cursor", "Where the page begins; from `next` of the one before.", type="integer"),
    ),
)
def list_all() -> dict[str, Any]:
    """Imports, newest first; `state` (several with commas), `dataset`, `limit`, and `cursor` from `next`."""
    states = [_read_state(name) for name in request.args.get("state", "").split(",") if name]
    limit = parse_number(request.args.get("limit", str(PAGE)), "limit")
    if not 1 <= limit <= MAX_A_PAGE:
        raise BadRequest(f"limit must be from 1 to {MAX_A_PAGE}", errors=[{"field": "limit"}])
    cursor = request.args.get("cursor")
    before = parse_cursor(cursor) if cursor else None
    dataset = request.args.get("dataset")
    rows = queries.list_imports(services(), states=states, dataset=dataset, before=before, limit=limit + 1)
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        kept: dict[str, Any] = {
            "state": ",".join(states),
            "dataset": dataset,
            "limit": limit,
            "cursor": rows[-1].number,
        }
        following = url_for("imports.list_all", **{name: value for name, value in kept.items() if value})
    return {"imports": [serialize_import(row) for row in rows], "next": following}


def _read_state(name: str) -> State:
    try:
        return State(name)
    except ValueError:
        raise BadRequest(
            f"there is no state {name[:40]!r}; there are {', '.join(State)}", errors=[{"field": "state"}]
        ) from None


@blueprint.get("/<id>")
@describe("get_import", "imports", models.FOUND, refuses=(ImportNotFound,), parameters=(common.IF_NONE_MATCH,))
def show(id: str) -> Response:
    """One import with its timeline; the ETag changes with its sequence."""
    row, timeline = queries.find_import(services(), id)
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
    refuses=(BadRequest, ImportNotFound),
    parameters=(query("format", "How they are written.", **one_of(("json", "csv", "ndjson")), default="json"),),
)
def rejects(id: str) -> Response:
    """The rows that were not accepted: the first 1,000 as JSON, or all with `format=csv` or `ndjson`, streamed."""
    format = request.args.get("format", "json")
    if format not in ("json", "csv", "ndjson"):
        raise BadRequest("format must be json, csv or ndjson", errors=[{"field": "format"}])
    row, found = queries.open_rejects(services(), id)
    if format == "json":
        shown = {"id": row.id, "rows_rejected": row.rows_rejected, "rejects": list(islice(found, MAX_REJECTS_SHOWN))}
        return jsonify(shown)
    if format == "ndjson":
        body: Iterator[bytes] = (json.dumps(reject).encode() + b"\n" for reject in found)
        response = Response(body, mimetype="application/x-ndjson")
    else:
        dataset = catalog.find_dataset_of(services(), row)
        if dataset is None:
            raise DatasetNotFound(f"{row.dataset} was dropped: its rejects can still be had as json or ndjson")
        response = Response(write_csv(found, dataset), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="rejects-{row.number}.{format}"'
    return response


@blueprint.post("/<id>/stop")
@describe("stop_import", "imports", models.STOPPED, refuses=(ImportNotFound, AlreadyDecided))
def stop_one(id: str) -> Response:
    """Stop it: 202 with what it is now, the same when asked again; 409 when it is too late."""
    response = jsonify(serialize_import(stop.stop_import(services(), id)))
    response.status_code = 202
    return response
