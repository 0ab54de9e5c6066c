"""Operations: what stands beside a route so that `/openapi.json` can be made of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from app.domain.caller import Scope
from app.domain.errors import Refused

View = TypeVar("View", bound=Callable[..., Any])
Content = Mapping[str, type[BaseModel] | dict[str, Any]]  # media type → model, or schema as it is
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """One answer that is no error: what it means, its bodies by media type, its headers by name."""

    meaning: str
    content: Content = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """What a route is for a client. Path parameters come from the route itself, summary and text from its docstring.

    Attributes:
        name: stays when the code is renamed; clients that are generated call their functions so.
        tag: the group it stands in.
        answers: by status.
        refuses: the kinds of errors it raises; the errors of any request are added to them, and `DatabaseUnavailable`.
        failures: other problems by status, `(kind, meaning)` each.
        parameters: of the query and the headers, made by `query` and `header`.
        body: by media type; None where none is read.
        needs_body: whether a request without a body is refused.
        models: others that a schema of `body` refers to.
        is_open: whether it needs no key.
        scopes: what a caller must be allowed, all of them; none: it is enough to have a token or key. None: nothing was
            said, and only `admin` will do.
        dataset: the dataset that it is always about, None where the request names one.
        deprecated: whether clients should go elsewhere.
    """

    name: str
    tag: str
    answers: Mapping[int, Answer]
    refuses: tuple[type[Refused], ...] = ()
    failures: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    parameters: tuple[dict[str, Any], ...] = ()
    body: Content | None = None
    needs_body: bool = True
    models: tuple[type[BaseModel], ...] = ()
    is_open: bool = False
    scopes: tuple[Scope, ...] | None = None
    dataset: str | None = None
    deprecated: bool = False


SIGNED_IN: tuple[Scope, ...] = ()  # every token and key will do


def describe(
    name: str,
    tag: str,
    answers: Mapping[int, Answer] | type[BaseModel],
    *,
    scope: Scope | tuple[Scope, ...] | None = None,
    **parts: Any,
) -> Callable[[View], View]:
    """Describe a route; stands below its `@blueprint.get`. A model alone means: 200, as JSON. `parts` are those of
    `Operation`, and `scope` is what it needs: the guard asks for that before the route is called."""
    if isinstance(answers, type):
        answers = {200: Answer("As asked.", {JSON: answers})}
    operation = Operation(name, tag, answers, scopes=(scope,) if isinstance(scope, Scope) else scope, **parts)

    def mark(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What `describe` said of a route's function; None where nothing was said."""
    found = getattr(view, "operation", None)
    return found if isinstance(found, Operation) else None


def query(name: str, meaning: str, **schema: Any) -> dict[str, Any]:
    """A query parameter; `schema` is JSON Schema, text where it does not say a type. `example` is shown beside it."""
    return _parameter("query", name, meaning, schema)


def header(name: str, meaning: str, **schema: Any) -> dict[str, Any]:
    """A request's header, as `query`."""
    return _parameter("header", name, meaning, schema)


FILTERS: dict[str, Any] = {  # `filter[column]=value`, of as many columns as wanted
    "name": "filter",
    "in": "query",
    "description": "Only rows whose column has this value: `filter[sku]=LAMP-7`.",
    "style": "deepObject",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
}


def text(meaning: str, example: str | None = None) -> dict[str, Any]:
    """A body that is no JSON."""
    schema: dict[str, Any] = {"type": "string", "description": meaning}
    return schema | ({"examples": [example]} if example else {})


def one_of(values: Iterable[str]) -> dict[str, Any]:
    """A schema: one of these texts."""
    return {"type": "string", "enum": [str(value) for value in values]}


def _parameter(place: str, name: str, meaning: str, schema: dict[str, Any]) -> dict[str, Any]:
    example = {"example": schema.pop("example")} if "example" in schema else {}
    shape = schema if "type" in schema else {"type": "string", **schema}
    return {"name": name, "in": place, "description": meaning, "schema": shape, **example}
