"""The contract: `/openapi.json`, to which every answer that a test gets is held."""

import json
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from werkzeug.exceptions import HTTPException

from app import add_routes
from app.config import Settings
from app.routes.openapi.document import PROBLEM_JSON, build_document

LARGE_BYTES = 1_000_000  # a schema is looked at slowly


@cache
def described_app(*, handling: bool = True) -> tuple[Flask, dict[str, Any]]:
    """The application, which is asked for nothing, and its document."""
    settings = Settings(
        database_url=SecretStr("mysql+pymysql://nobody@127.0.0.1:1/nothing"),
        broker_url=SecretStr("amqp://nobody@127.0.0.1:1//"),
    )
    app = Flask("app")
    add_routes(app, handling=handling)
    return app, build_document(app, settings)


@cache
def strict_schemas() -> dict[str, Any]:
    """The schemas, in which a field that is not described is a mistake."""
    return dict(_close(described_app()[1]["components"]))


def check_answer(answer: requests.Response, *_: Any, stream: bool = False, **__: Any) -> None:
    """A hook of requests: an answer has a described status, media type and shape, or this raises AssertionError."""
    method, path = str(answer.request.method), urlsplit(str(answer.request.url)).path
    media = answer.headers.get("Content-Type", "").partition(";")[0]
    responses = find_responses(method, path)
    if responses is None or method in ("HEAD", "OPTIONS"):
        assert answer.status_code in (200, 400, 401, 403, 404, 405), (method, path, answer.status_code)
        content: dict[str, Any] = {PROBLEM_JSON: {}, "text/html": {}, media: {}} if answer.ok else {PROBLEM_JSON: {}}
    else:
        status = str(answer.status_code)
        assert status in responses, (
            f"{method} {path} answered {status}, which is described nowhere: {answer.text[:500]}"
        )
        content = responses[status].get("content", {})
        for name in responses[status].get("headers", {}):
            optional = name in ("Retry-After", "WWW-Authenticate") and not answer.ok
            assert optional or name in answer.headers, f"{method} {path} answered {status} without {name}"
    if (not content and not answer.content) or method == "HEAD":
        return
    assert media in content, f"{method} {path} answered {answer.status_code} as {media!r}, not as {list(content)}"
    schema = content[media].get("schema")
    is_json = media in ("application/json", PROBLEM_JSON)
    if schema is not None and is_json and not stream and len(answer.content) < LARGE_BYTES:
        check_shape(answer.json(), schema, f"{method} {path} {answer.status_code}")


def check_shape(value: Any, schema: dict[str, Any], what: str) -> None:
    """The value is as the schema, which may refer to the document's components; raises AssertionError."""
    validator = make_validator(json.dumps(schema))
    mistakes = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
    assert not mistakes, f"{what} is not as described: {mistakes[:5]}"


@cache
def make_validator(schema: str) -> Draft202012Validator:
    """Of a schema as JSON, kept: one learns where what it refers to is."""
    return Draft202012Validator({**_close(json.loads(schema)), "components": strict_schemas()})


def find_responses(method: str, path: str) -> dict[str, Any] | None:
    """The answers that are described for a request; None where there is no such route."""
    app, document = described_app()
    try:
        rule, _ = app.url_map.bind("localhost").match(path, method=method, return_rule=True)
    except HTTPException:
        return None
    operation = document["paths"].get(rule.rule.replace("<", "{").replace(">", "}"), {}).get(method.lower())
    return None if operation is None else dict(operation["responses"])


def _close(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _close(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        closed.setdefault("additionalProperties", False)
    return closed
