"""Models: what bodies look like, for `/openapi.json`. Tests hold every answer that they get to them."""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

ID = "97731469-8f0e-4d1b-9c56-0d6b8fd7a3a1"
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"}), Field(description="UTC, ISO 8601.")]
Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"}), Field(examples=[ID])]


class Model(BaseModel):
    """A field is described by the text below it, where its name does not say it all.

    The texts are read, and the models built, when the document is asked for: pydantic does both while it imports them,
    which takes an eighth of the web server's start.
    """

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema, with the texts as descriptions."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for parent in reversed(cls.__mro__):
            for name, description in _list_texts(parent.__module__).get(parent.__qualname__, {}).items():
                properties[cls.model_fields[name].alias or name].setdefault("description", description)
        return schema


@cache
def _list_texts(module: str) -> dict[str, dict[str, str]]:
    """The texts below the fields, by field, of each class of a module of ours."""
    if not module.startswith(__name__):
        return {}
    body = ast.parse(inspect.getsource(sys.modules[module])).body
    return {node.name: dict(_texts_below(node)) for node in body if isinstance(node, ast.ClassDef)}


def _texts_below(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                yield name, inspect.cleandoc(text)
