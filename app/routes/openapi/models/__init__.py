"""Models: what bodies look like, for `/openapi.json`. Tests hold every answer that they get to them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

ID = "97731469-8f0e-4d1b-9c56-0d6b8fd7a3a1"
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"}), Field(description="UTC, ISO 8601.")]
Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"}), Field(examples=[ID])]


class Model(BaseModel):
    """A field is described by the text below it, where its name does not say it all."""

    model_config = ConfigDict(use_attribute_docstrings=True)
