"""Bodies of `/v1/templates`."""

from typing import Any

from pydantic import ConfigDict, Field

from app.routes.openapi.models import Model, Time
from app.routes.openapi.operations import JSON, Answer

OPTIONS: Any = {"columns": {"Bestellnummer": "order_number", "marketplace": {"value": "Amazon"}}, "null": "-"}


class SaveTemplate(Model):
    """What a template says: for which dataset, and the options of an import."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"dataset": "orders", "options": OPTIONS}]})

    dataset: str = "orders"
    options: dict[str, Any]
    """By name, as an import takes them; `columns` may be an object or a list."""
    header: str | None = None
    """The fingerprint of the files' header: previews of such files name the template."""


class SaveFromImport(Model):
    """The options of an import, and the header of its file."""

    model_config = ConfigDict(extra="forbid")

    import_id: str = Field(alias="import")
    """The import's id. Its file may be gone."""


class TemplateLinks(Model):
    """Where to go from here."""

    self: str
    yaml: str


class Template(Model):
    """A named, versioned way to read and load the files of one origin."""

    name: str
    version: int
    dataset: str
    options: dict[str, Any]
    header: str | None
    """A fingerprint of the files' header: 32 hexadecimal digits."""
    made_from: str | None
    """The id of the import that it was made from."""
    created_at: Time | None
    created_by: str | None
    """Who saved this version."""
    links: TemplateLinks


class ExportedTemplate(Model):
    """A template in YAML, as `save_template` reads it."""

    template: str
    version: int
    dataset: str
    header: str | None = None
    options: dict[str, Any]


class TemplateList(Model):
    """Every template."""

    templates: list[Template]


SAVE = {"anyOf": [{"$ref": "#/components/schemas/SaveTemplate"}, {"$ref": "#/components/schemas/SaveFromImport"}]}
FOUND = {200: Answer("The template.", {JSON: Template, "application/yaml": ExportedTemplate})}
SAVED = {
    200: Answer("The latest version says the same: nothing was saved.", {JSON: Template}),
    201: Answer("A new version was saved.", {JSON: Template}, {"Location": "The template."}),
}
DELETED = {204: Answer("It is gone.")}
