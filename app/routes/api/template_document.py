"""A template as a document, JSON or YAML: what clients send, and what they get."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import yaml

from app.domain.errors import BadRequest
from app.domain.template import JSON_OPTIONS, Template, refuse

_PARTS = ("template", "version", "dataset", "header", "options", "import")
MAX_NESTED, MAX_NODES = 20, 10_000
_HEADER = re.compile("[0-9a-f]{32}")
_STR = "tag:yaml.org,2002:str"
_TEXT_TAGS = (None, "!", _STR)


class _Loader(yaml.SafeLoader):
    """YAML without surprises: all scalars but true, false and null are texts, so that `no` and `007` stay as they are.

    Aliases are refused, since a few lines of them can stand for gigabytes. So are tags, and keys that are not texts or
    occur twice.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 — the library changes it by `add_implicit_resolver`

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As the library does, but without aliases and tags, within a depth and a number."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed: write the value out")
        if getattr(self.peek_event(), "tag", None) not in _TEXT_TAGS:  # type: ignore[no-untyped-call]
            raise yaml.YAMLError("tags (!name) are not allowed: leave them out")
        self.nodes = getattr(self, "nodes", 0) + 1
        if self.nodes > MAX_NODES:  # the library needs seconds for a body of small ones
            raise yaml.YAMLError(f"it has more than {MAX_NODES:,} values")
        depth = self.depth = getattr(self, "depth", 0) + 1
        if depth > MAX_NESTED:
            raise yaml.YAMLError(f"it is nested more than {MAX_NESTED} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """As the library does, but each key is a text, and none occurs twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != _STR:
                raise yaml.YAMLError(f"the key {_shown(key)} is not a text: put it in quotes")
            if key.value in seen:
                raise yaml.YAMLError(f"the key {_shown(key)} occurs twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _shown(key: yaml.Node) -> str:
    return repr(key.value[:80]) if isinstance(key, yaml.ScalarNode) else "of several values"


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(?:~|null|)$"), ["~", "n", ""])


def parse_yaml(text: str) -> dict[str, Any]:
    """The mapping that a YAML text holds. Raises `BadRequest`."""
    try:
        document = yaml.load(text, _Loader)  # nosec B506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not valid YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(document, dict):
        raise BadRequest("the body must be a YAML mapping with dataset and options")
    return cast("dict[str, Any]", document)


def parse_document(document: Mapping[str, Any]) -> tuple[str | None, str, dict[str, str], str | None]:
    """The import that a template is to be made from, or None; its dataset, options as texts, and header.

    Raises `InvalidContent`, which names the field.
    """
    for name in document:
        if name not in _PARTS:
            raise refuse(str(name)[:80], f"unknown: a template has {', '.join(_PARTS)}")
    id = document.get("import")
    if id is not None:
        if not isinstance(id, str) or len(document) > 1:
            raise refuse("import", "import must be the id of an import, and stands alone")
        return id, "", {}, None
    dataset, options, header = document.get("dataset", "orders"), document.get("options"), document.get("header")
    if not isinstance(dataset, str) or not dataset or len(dataset) > 64:
        raise refuse("dataset", "dataset must be the name of a dataset")
    if not isinstance(options, dict):
        raise refuse("options", 'options must be the options of an import by name, such as {"null": "NULL"}')
    if header is not None and not (isinstance(header, str) and _HEADER.fullmatch(header)):
        raise refuse("header", "header must be the 32 digits that a template shows, or be left out")
    return None, dataset, {str(name): _option(str(name), value) for name, value in options.items()}, header


def as_document(template: Template) -> dict[str, Any]:
    """The template as it is exported: `parse_document` reads it back."""
    return {
        "template": template.name,
        "version": template.version,
        "dataset": template.dataset,
        **({"header": template.header} if template.header else {}),
        "options": {name: _value(name, text) for name, text in template.options.items()},
    }


def as_yaml(template: Template) -> str:
    """`as_document` in YAML."""
    document = as_document(template)
    # a next line (U+0085) would become a blank; JSON escapes the other control characters
    plain = json.dumps(document, ensure_ascii=False).isprintable()
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=plain, width=120)


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict | list):
        with suppress(TypeError, ValueError):  # NaN, infinity, and what only YAML has
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
    raise refuse(f"options.{name[:80]}", "must be a text, a number, true or false, or for columns an object or a list")


def _value(name: str, text: str) -> Any:
    """An option that holds JSON as what it holds, so that people can read and change it."""
    if name not in JSON_OPTIONS or text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
