"""The OpenAPI document: valid, complete, and true to the code that it is made of."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.domain import errors
from app.routes.api.imports import QUERY_OPTIONS
from app.routes.openapi.document import build_document, list_undescribed
from app.routes.openapi.operations import describe
from app.routes.openapi.parameters import OPTIONS as DESCRIBED_OPTIONS
from app.routes.problems import STATUSES, kind_of
from tests.contract import check_answer, check_shape, described_app
from tests.servers import make_settings

VERBS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def document() -> dict[str, Any]:
    return described_app()[1]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb.upper()} {path}", operation


@pytest.mark.slow
def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    mistakes = [f"{list(error.path)}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert mistakes == []


def test_no_route_is_missing(document: dict[str, Any]) -> None:
    app, _ = described_app()
    assert list_undescribed(app) == []
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.endpoint != "static" and method not in ("HEAD", "OPTIONS")
    }
    assert routes == {(path, verb) for path, verbs in document["paths"].items() for verb in verbs}
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_a_route_without_a_description_is_noticed() -> None:
    from flask import Flask  # noqa: PLC0415

    app = Flask("other")
    app.get("/left/out")(lambda: "")
    assert list_undescribed(app) == ["GET /left/out"]
    app.get("/said", endpoint="said")(describe("say", "health", {})(lambda: ""))
    assert list_undescribed(app) == ["GET /left/out"]


def test_everything_is_described_in_words(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for where, operation in operations(document):
        assert operation["summary"].endswith("."), where
        assert set(operation["tags"]) <= tags, where
        for parameter in operation["parameters"]:
            assert parameter["description"], f"{where}: {parameter['name']}"
        for status, response in operation["responses"].items():
            assert response["description"], f"{where}: {status}"
    for name, schema in document["components"]["schemas"].items():
        assert "enum" in schema or schema.get("description"), name
    assert tuple(DESCRIBED_OPTIONS) == QUERY_OPTIONS


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        assert "500" in operation["responses"] and "400" in operation["responses"], where
        for status, response in operation["responses"].items():
            if int(status) >= 400 and where not in ("GET /readyz", "GET /v1/queue"):
                html = {"text/html"} if operation["tags"] == ["page"] or where == "GET /" else set()
                assert set(response["content"]) == {"application/problem+json"} | html, f"{where}: {status}"


def test_every_kind_of_error_is_somewhere(document: dict[str, Any]) -> None:
    described = {
        (int(status), kind)
        for _, operation in operations(document)
        for status, response in operation["responses"].items()
        for kind in response.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }
    assert {(status, kind_of(error)) for error, status in STATUSES.items()} <= described
    assert errors.NotAllowed not in STATUSES  # of the command line alone


def test_examples_are_as_their_schemas(document: dict[str, Any]) -> None:
    looked_at = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            check_shape(example, {"$ref": f"#/components/schemas/{name}"}, name)
            looked_at += 1
    for where, operation in operations(document):
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    check_shape(example["value"], content["schema"], where)
                    looked_at += 1
        for parameter in operation["parameters"]:
            for example in [*parameter["schema"].get("examples", []), parameter.get("example")]:
                if example is not None:
                    check_shape(example, parameter["schema"], f"{where}: {parameter['name']}")
    assert looked_at > 50


def test_it_says_what_this_installation_allows(tmp_path: Any) -> None:
    app, plain = described_app()
    keys = tmp_path / "keys"
    settings = make_settings("mysql+pymysql://a@127.0.0.1:1/b", tmp_path, max_generated_rows=77, api_keys_file=keys)
    document = build_document(app, settings)
    assert plain["security"] == [] and document["security"] == [{"bearer": []}, {"key": []}]
    assert document["paths"]["/livez"]["get"]["security"] == []
    assert document["components"]["schemas"]["GenerateRequest"]["properties"]["generate"]["maximum"] == 77
    (rows,) = [
        parameter
        for parameter in document["paths"]["/insert/{rows}"]["get"]["parameters"]
        if parameter["name"] == "rows"
    ]
    assert rows["schema"]["maximum"] == 77


def answered(status: int, document: Any, *, path: str = "/livez", media: str = "application/json") -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer._content = status, json.dumps(document).encode()
    answer.headers.update({"Content-Type": media, "X-Request-ID": "r-1"})
    answer.request = requests.Request("GET", f"http://localhost{path}").prepare()
    return answer


def test_an_answer_that_is_not_as_described_is_noticed() -> None:
    check_answer(answered(200, {"status": "ok"}))
    unknown = {"type": "/problems/not-found", "title": "t", "status": 404, "detail": "d", "request_id": "r-1"}
    check_answer(answered(404, unknown, path="/nope", media="application/problem+json"))
    for wrong in (
        answered(200, {"status": "fine"}),
        answered(200, {"status": "ok", "more": 1}),
        answered(200, {}),
        answered(201, {"status": "ok"}),
        answered(404, unknown, media="application/problem+json"),
        answered(200, {"status": "ok"}, media="text/plain"),
        answered(404, unknown, path="/nope"),
        answered(302, unknown, path="/nope", media="application/problem+json"),
    ):
        with pytest.raises(AssertionError):
            check_answer(wrong)
    without = answered(200, {"status": "ok"})
    del without.headers["X-Request-ID"]
    with pytest.raises(AssertionError):
        check_answer(without)
