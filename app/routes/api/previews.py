"""`/v1/previews`, `/v1/datasets/inferred`: what a file is taken for, before anything is accepted or created."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, request

from app.domain.caller import Scope
from app.domain.errors import (
    BadRequest,
    ContentTooLarge,
    DatasetNotFound,
    InvalidContent,
    Overloaded,
    SpoolFull,
    TemplateNotFound,
    UnsupportedFormat,
)
from app.domain.requests.policy import NAMES as POLICY_NAMES, parse_policy
from app.formats.options import NAMES, parse_options
from app.lifecycle.datasets.preview import PreviewRequest, open_preview
from app.lifecycle.templates import expand
from app.routes import services
from app.routes.access import require_dataset
from app.routes.limits import take_preview
from app.routes.openapi import parameters as common
from app.routes.openapi.models import datasets as models
from app.routes.openapi.operations import describe
from app.routes.parameters import parse_count, require_options
from app.routes.uploads import check_content_encoding, receive_body, receive_form
from app.spool import Upload

ROWS = 20
MAX_ROWS = 100
_OWN = ("rows", "partial", "dataset", "template", "infer", "name", "file_name")
OPTIONS = (*_OWN, *NAMES, *POLICY_NAMES)
PREVIEWING = (
    BadRequest,
    InvalidContent,
    UnsupportedFormat,
    ContentTooLarge,
    SpoolFull,
    DatasetNotFound,
    TemplateNotFound,
    Overloaded,
)
PARAMETERS = (common.FILE_NAME, *common.option_parameters(OPTIONS))
BODY = common.file_bodies(OPTIONS)

blueprint = Blueprint("previews", __name__, url_prefix="/v1")


@blueprint.post("/previews")
@describe(
    "preview_file",
    "datasets",
    models.Preview,
    refuses=PREVIEWING,
    parameters=PARAMETERS,
    body=BODY,
    scope=Scope.IMPORTS_WRITE,
)
def preview() -> dict[str, Any]:
    """What an import of this file would read, with its first rows; `infer=true` proposes a dataset for it instead."""
    with open_preview(services()) as incoming:
        wanted = _receive(incoming.upload)
        if wanted.dataset is not None:
            require_dataset(wanted.dataset)
        with take_preview():
            return incoming.show(wanted)


@blueprint.post("/datasets/inferred")
@describe(
    "infer_dataset",
    "datasets",
    models.Definition,
    refuses=PREVIEWING,
    parameters=PARAMETERS,
    body=BODY,
    scope=Scope.IMPORTS_WRITE,
)
def infer_dataset() -> dict[str, Any]:
    """A definition for `POST /v1/datasets` that a file's first rows suggest. Nothing is created."""
    with open_preview(services()) as incoming:
        wanted = replace(_receive(incoming.upload), dataset=None)
        with take_preview():
            found = incoming.show(wanted)
    if found["problem"] is not None:
        raise InvalidContent(found["problem"]["message"], errors=[{"field": "file", **found["problem"]}])
    definition: dict[str, Any] = found["definition"]
    return definition


def _receive(upload: Upload) -> PreviewRequest:
    """Write the body into the upload; options are in the address, and in a form beside its file."""
    said = request.args.to_dict()
    wanted = _read(said)  # before a body is sent for nothing
    check_content_encoding()
    name = said.get("file_name") or request.headers.get("X-File-Name")
    if request.mimetype != "multipart/form-data":
        receive_body(upload)
        return replace(wanted, file_name=name, content_type=request.mimetype)
    form = receive_form(upload, OPTIONS)
    return replace(_read(said | dict(form.fields)), file_name=form.file_name or name)


def _read(said: Mapping[str, str]) -> PreviewRequest:
    """What is wanted, with the options of the template that is named. Raises `InvalidContent` for an unknown or wrong
    option, and `TemplateNotFound`.

    What is to be done with an import's rows may be said, so that the same options do for both; it changes nothing.
    """
    require_options(said, OPTIONS)
    said = expand(services().database, said)
    parse_options(said)
    parse_policy(said)
    return PreviewRequest(
        rows=parse_count(said.get("rows", str(ROWS)), MAX_ROWS, "rows"),
        dataset=None if _read_flag(said, "infer") else said.get("dataset", "orders"),
        name=said.get("name", "new"),
        partial=_read_flag(said, "partial"),
        options={name: text for name, text in said.items() if name in NAMES},
        file_name=None,
        content_type=None,
    )


def _read_flag(said: Mapping[str, str], name: str) -> bool:
    text = said.get(name, "false")
    if text not in ("true", "false"):
        raise BadRequest(f"{name} must be true or false", errors=[{"field": name}])
    return text == "true"
