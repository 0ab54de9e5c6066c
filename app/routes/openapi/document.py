"""`/openapi.json`: the contract, made of the routes that there are and of what `describe` says beside each."""

import inspect
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template, request
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from app.config import Settings
from app.domain.caller import Scope
from app.domain.errors import (
    DatabaseUnavailable,
    DatasetNotAllowed,
    Overloaded,
    Refused,
    ScopeRequired,
    SpoolUnavailable,
    TooManyAtOnce,
    TooManyFailures,
)
from app.routes import services
from app.routes.auth import CHANGING_GETS
from app.routes.openapi.models.problems import ClassicProblem, Problem
from app.routes.openapi.operations import JSON, SIGNED_IN, Answer, Content, Operation, describe, operation_of, text
from app.routes.problems import CLASSIC, RETRY, STATUSES, kind_of

PROBLEM_JSON = "application/problem+json"
REFERENCE = "#/components/schemas/{model}"
TAGS = {
    "imports": "Accept files, watch imports, stop them.",
    "datasets": "What imports load into, and its rows.",
    "templates": "Named ways to read and load the files of one origin.",
    "orders": "One order at a time: send it, find it, follow it.",
    "handlings": "Orders handled in bulk, in order, with history; where that is on. Not reversible.",
    "page": "What people look at in a browser.",
    "classic": "The endpoints of existing scripts; GET and POST both work where something is done.",
    "health": "Whether it lives and works.",
    "access": "Who may use the API: tokens, and the sessions of browsers.",
    "contract": "This document.",
}
PATHS: dict[str, tuple[str, dict[str, Any]]] = {  # path parameters by name
    "id": ("An import's id.", {"type": "string", "format": "uuid"}),
    "handling_id": ("A handling's id.", {"type": "string", "format": "uuid"}),
    "order_id": ("An order's id: its import's number and its row.", {"type": "string", "examples": ["7-1"]}),
    "token_id": ("A token's id.", {"type": "string"}),
    "session_id": ("A session's id.", {"type": "string"}),
    "task_id": ("An import's id.", {"type": "string", "format": "uuid"}),
    "name": ("The name of a dataset or a template.", {"type": "string"}),
    "rows": ("How many orders.", {"type": "integer", "minimum": 1}),
}
_WITHOUT_DATABASE = ("health", "contract")
_HIDDEN = ("static",)
_PLACE = re.compile("<(?:[^:<>]+:)?([^<>]+)>")

blueprint = Blueprint("openapi", __name__)


@blueprint.get("/openapi.json")
@describe("get_contract", "contract", {200: Answer("OpenAPI 3.1.", {JSON: {"type": "object"}})}, scope=SIGNED_IN)
def show_document() -> Response:
    """This interface as an OpenAPI document."""
    return jsonify(build_document(current_app, services().settings))


@blueprint.get("/docs")
@describe("read_contract", "page", {200: Answer("A page.", {"text/html": text("HTML")})}, scope=SIGNED_IN)
def show_page() -> str:
    """This interface to read, in a browser; asks no other server for anything."""
    document = build_document(current_app, services().settings)
    used = {tag for path in document["paths"].values() for operation in path.values() for tag in operation["tags"]}
    tags = [tag for tag in document["tags"] if tag["name"] in used]
    return render_template("docs.html", document=document, tags=tags, root=request.host_url.rstrip("/"))


def build_document(app: Flask, settings: Settings) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application. Routes without a description are not in it: `list_undescribed`."""
    models: set[type[BaseModel]] = {Problem, ClassicProblem}
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, operation in _list_operations(app):
        models.update(operation.models)
        path = _PLACE.sub(r"{\1}", rule.rule)
        view = app.view_functions[rule.endpoint]
        written = _write_operation(rule, method, operation, view, models)
        if settings.asks_who and operation.scopes:  # the names of roles that a scheme needs, since OpenAPI 3.1
            written["security"] = [{scheme: [*operation.scopes]} for scheme in ("bearer", "key")]
        paths.setdefault(path, {})[method.lower()] = written
    _, schemas = models_json_schema(
        [(model, "serialization") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template=REFERENCE,
    )
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Backout",
            "version": "1",
            "description": "Bulk imports into MySQL and MariaDB that you can back out of.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": meaning} for name, meaning in TAGS.items()],
        "security": [{"bearer": []}, {"key": []}] if settings.asks_who else [],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where the server asks who it is: a token or a key.",
                },
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same, as a header."},
            },
        },
    }
    _limit_rows(document, settings.max_generated_rows)
    return document


def list_undescribed(app: Flask) -> list[str]:
    """The routes that lack a description, as `METHOD path`."""
    return [
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in _methods(rule)
        if rule.endpoint not in _HIDDEN and operation_of(app.view_functions[rule.endpoint]) is None
    ]


def _list_operations(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is not None:
            yield from ((rule, method, operation) for method in _methods(rule))


def _methods(rule: Rule) -> list[str]:
    """GET first; HEAD and OPTIONS are HTTP's own."""
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def _arguments(rule: Rule) -> list[str]:
    return [name for name in _PLACE.findall(rule.rule) if name not in (rule.defaults or {})]


def _write_operation(
    rule: Rule, method: str, operation: Operation, view: Any, models: set[type[BaseModel]]
) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    variant = "".join(f"_{name}" for name in _arguments(rule) if name == "rows")
    other = f"_by_{method.lower()}" if method != _methods(rule)[0] else ""
    parameters = [_path_parameter(name) for name in _arguments(rule)]
    written: dict[str, Any] = {
        "operationId": operation.name + variant + other,
        "tags": [operation.tag],
        "summary": summary.replace("\n", " "),
        "parameters": [*parameters, *operation.parameters],
        "responses": _write_responses(rule, method, operation, models),
    }
    if operation.scopes:
        more = f"{more}\n\nNeeds {_name_scopes(operation.scopes)}.".strip()
    if more:
        written["description"] = more
    if operation.body is not None and method != "GET":
        written["requestBody"] = {"required": operation.needs_body, "content": _write_content(operation.body, models)}
    if operation.is_open:
        written["security"] = []
    if operation.deprecated:
        written["deprecated"] = True
    return written


def _name_scopes(scopes: Sequence[Scope]) -> str:
    names = " and ".join(f"`{scope}`" for scope in scopes)
    return f"the scope {names}" if len(scopes) == 1 else f"the scopes {names}"


def _path_parameter(name: str) -> dict[str, Any]:
    meaning, schema = PATHS.get(name, ("", {"type": "string"}))
    return {"name": name, "in": "path", "required": True, "description": meaning, "schema": dict(schema)}


def _write_content(content: Content, models: set[type[BaseModel]]) -> dict[str, Any]:
    written = {}
    for media, shape in content.items():
        if isinstance(shape, dict):
            written[media] = {"schema": shape}
        else:
            models.add(shape)
            written[media] = {"schema": {"$ref": REFERENCE.format(model=shape.__name__)}}
    return written


def _write_responses(
    rule: Rule, method: str, operation: Operation, models: set[type[BaseModel]]
) -> dict[str, dict[str, Any]]:
    responses: dict[str, dict[str, Any]] = {}
    for status, answer in operation.answers.items():
        headers = {**answer.headers, "X-Request-ID": "The request's name in the log."}
        responses[str(status)] = response = {"description": answer.meaning, "headers": _write_headers(headers)}
        if answer.content:
            response["content"] = _write_content(answer.content, models)
        if answer.links:
            response["links"] = dict(answer.links)
    for status, kinds in sorted(_list_problems(rule, method, operation).items()):
        problems = _write_problems(rule, status, kinds, operation.tag == "page" or rule.rule == "/")
        if (known := responses.setdefault(str(status), problems)) is not problems:
            known["description"] += " Or: " + problems["description"]
            known.setdefault("content", {}).update(problems["content"])
    return responses


def _list_problems(rule: Rule, method: str, operation: Operation) -> dict[int, list[tuple[str, str]]]:
    """The problems an operation may answer with, by status: kind and meaning."""
    found: dict[int, list[tuple[str, str]]] = {400: [("unknown-host", "Without keys, only localhost is answered.")]}
    if not operation.is_open:
        found[401] = [("key-required", "The server asks who it is, and no valid token or key was sent.")]
        found[429] = [(kind_of(TooManyFailures), "Too many wrong keys came from this address.")]
    if method != "GET" or rule.rule.startswith(CHANGING_GETS):
        found[403] = [("cross-site", "A foreign web page made a browser send this.")]
    if operation.scopes:
        for error in (ScopeRequired, DatasetNotAllowed):
            found.setdefault(403, []).append((kind_of(error), inspect.cleandoc(error.__doc__ or "")))
    unavailable = () if operation.tag in _WITHOUT_DATABASE else (DatabaseUnavailable, SpoolUnavailable)
    busy: tuple[type[Refused], ...] = ()
    if operation.body is not None and method != "GET":
        busy = (Overloaded, TooManyAtOnce)
        found[408] = [("request-timeout", "The body came too slowly.")]
    for error in (*operation.refuses, *busy, *unavailable):
        found.setdefault(STATUSES[error], []).append((kind_of(error), inspect.cleandoc(error.__doc__ or "")))
    for status, problem in operation.failures.items():
        found.setdefault(status, []).append(problem)
    found.setdefault(500, []).append(("unexpected", "A fault of the server; the log has it under the request's id."))
    return found


def _write_problems(rule: Rule, status: int, kinds: list[tuple[str, str]], is_page: bool) -> dict[str, Any]:
    classic = rule.rule == "/" or rule.rule.startswith(CLASSIC)
    title = HTTPStatus(status).phrase
    examples = {}
    for kind, meaning in kinds:
        example = {
            "type": f"/problems/{kind}",
            "title": title,
            "status": status,
            "detail": meaning,
            "request_id": "r-1",
        }
        examples[kind] = {
            "value": example | ({"success": False, "message": meaning, "task_id": None} if classic else {})
        }
    model = ClassicProblem if classic else Problem
    headers = {"X-Request-ID": "The request's name in the log."}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Which keys are asked for."
    if any(STATUSES[error] == status and kind_of(error) in examples for error in RETRY):
        headers["Retry-After"] = "Seconds after which another try makes sense, where one does."
    content: dict[str, Any] = {
        PROBLEM_JSON: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}, "examples": examples}
    }
    if is_page:
        content["text/html"] = {"schema": text("The same as a page, for a browser.")}
    return {
        "description": " ".join(f"`{kind}`: {meaning}" for kind, meaning in kinds),
        "headers": _write_headers(headers),
        "content": content,
    }


def _write_headers(headers: dict[str, str]) -> dict[str, Any]:
    return {name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in headers.items()}


def _limit_rows(document: dict[str, Any], most: int) -> None:
    """What this installation allows."""
    schemas = document["components"]["schemas"]
    if "GenerateRequest" in schemas:
        schemas["GenerateRequest"]["properties"]["generate"]["maximum"] = most
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if (parameter["in"], parameter["name"]) == ("path", "rows"):
                    parameter["schema"]["maximum"] = most
