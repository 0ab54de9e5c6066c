"""`/v1/templates`: named, versioned ways to read and load the files of one origin."""

from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from app.domain.caller import Scope
from app.domain.errors import BadRequest, ImportNotFound, InvalidContent, TemplateNotFound
from app.domain.template import Template
from app.lifecycle import templates
from app.routes import services
from app.routes.access import access, require_dataset, require_imports
from app.routes.api import template_document
from app.routes.api.serializers import serialize_time
from app.routes.openapi.models import templates as models
from app.routes.openapi.operations import JSON, describe, one_of, query, text
from app.routes.parameters import parse_count, parse_format
from app.routes.request_body import open_body, parse_json, require_text

MAX_BYTES = 256 * 1024
MAX_VERSION = 2**31 - 1
EXAMPLE = '{"dataset": "orders", "options": {"columns": {"Order No": "order_number"}}}'
YAML = "application/yaml"
YAML_TYPES = (YAML, "application/x-yaml", "text/yaml", "text/x-yaml")
VERSION = query("version", "An older version; the latest if left out.", type="integer", minimum=1, maximum=MAX_VERSION)

blueprint = Blueprint("templates", __name__, url_prefix="/v1/templates")


@blueprint.get("")
@describe("list_templates", "templates", models.TemplateList, scope=Scope.IMPORTS_READ)
def list_all() -> dict[str, Any]:
    """Every template in its latest version, by name."""
    allowed = access().datasets
    found = templates.list_templates(services().database)
    return {"templates": [_serialize(one) for one in found if allowed is None or one.dataset in allowed]}


@blueprint.get("/<name>")
@describe(
    "get_template",
    "templates",
    models.FOUND,
    refuses=(TemplateNotFound, BadRequest),
    parameters=(VERSION, query("format", "How it is written.", **one_of(("json", "yaml")), default="json")),
    scope=Scope.IMPORTS_READ,
)
def show(name: str) -> Response:
    """One template, as JSON, or as YAML with `format=yaml`."""
    version = request.args.get("version")
    number = None if version is None else parse_count(version, MAX_VERSION, "version")
    format = parse_format("json", "yaml")
    template = templates.find_template(services().database, name, number)
    require_dataset(template.dataset)
    if format == "json":
        return jsonify(_serialize(template))
    response = Response(template_document.as_yaml(template), mimetype=YAML)
    response.headers["Content-Disposition"] = f'attachment; filename="{template.name}.yaml"'
    return response


@blueprint.put("/<name>")
@describe(
    "save_template",
    "templates",
    models.SAVED,
    refuses=(BadRequest, InvalidContent, ImportNotFound),
    failures={413: ("request-entity-too-large", "The body is larger than a template may be.")},
    body={JSON: models.SAVE, YAML: text("The same in YAML, as `format=yaml` gives it.")},
    models=(models.SaveTemplate, models.SaveFromImport),
    scope=Scope.DATASETS_ADMIN,
)
def save(name: str) -> tuple[Response, int]:
    """Save a template, from its parts or from an import (`{"import": id}`): 201 with a new version, 200 if the latest
    version says the same."""
    if request.mimetype in YAML_TYPES:
        try:
            document = template_document.parse_yaml(open_body().read_all(MAX_BYTES).decode())
        except UnicodeDecodeError:
            raise BadRequest("the body must be YAML in UTF-8") from None
        require_text(document)
    else:
        document = parse_json(MAX_BYTES, EXAMPLE)
    id, dataset, options, header = template_document.parse_document(document)
    database = services().database
    _require_own(name)
    if id is not None:
        require_imports([id])
        template, is_new = templates.save_from_import(database, name, id)
    else:
        require_dataset(dataset)
        template, is_new = templates.save_template(database, name, dataset, options, header)
    response = jsonify(_serialize(template))
    response.headers["Location"] = url_for("templates.show", name=template.name)
    return response, 201 if is_new else 200


@blueprint.delete("/<name>")
@describe("delete_template", "templates", models.DELETED, refuses=(TemplateNotFound,), scope=Scope.DATASETS_ADMIN)
def delete(name: str) -> tuple[str, int]:
    """Delete a template with all its versions. Imports that used it keep what they did."""
    _require_own(name)
    templates.delete_template(services().database, name)
    return "", 204


def _require_own(name: str) -> None:
    """Raise `DatasetNotAllowed` where there is a template of this name for a dataset that the caller may not use."""
    if access().datasets is not None:
        for template in templates.list_templates(services().database):
            if template.name == name:
                require_dataset(template.dataset)


def _serialize(template: Template) -> dict[str, Any]:
    this = url_for("templates.show", name=template.name)
    document = template_document.as_document(template)
    return {
        "name": template.name,
        "version": template.version,
        "dataset": template.dataset,
        "options": document["options"],
        "header": template.header,
        "made_from": template.made_from,
        "created_at": serialize_time(template.created_at),
        "created_by": template.created_by,
        "links": {"self": this, "yaml": f"{this}?format=yaml"},
    }
