"""`/v1/previews`, `/v1/datasets/inferred`: what a file is taken for, before anything is accepted or created."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, request

from app.domain.errors import (
    BadRequest,
    ContentTooLarge,
    DatasetNotFound,
    InvalidContent,
    SpoolFull,
    UnsupportedFormat,
)
from app.domain.policy import NAMES as POLICY_NAMES
from app.domain.policy import read_policy
from app.formats.columns import shown
from app.formats.inference import as_definition
from app.formats.options import NAMES, read_options
from app.formats.preview import Preview, PreviewRow
from app.lifecycle.preview import Wanted, preview_upload
from app.routes import parameters as common
from app.routes import site
from app.routes.imports import check_content_encoding, receive_body, receive_form
from app.routes.models import datasets as models
from app.routes.operations import describe
from app.routes.shapes import read_number
from app.spool import Upload

ROWS = 20
MOST_ROWS = 100
_OWN = ("rows", "partial", "dataset", "infer", "name", "file_name")
OPTIONS = (*_OWN, *NAMES, *POLICY_NAMES)
PREVIEWING = (BadRequest, InvalidContent, UnsupportedFormat, ContentTooLarge, SpoolFull, DatasetNotFound)
PARAMETERS = (common.FILE_NAME, *common.option_parameters(OPTIONS))
BODY = common.file_bodies(OPTIONS)

blueprint = Blueprint("previews", __name__, url_prefix="/v1")


@blueprint.post("/previews")
@describe("preview_file", "datasets", models.Preview, refuses=PREVIEWING, parameters=PARAMETERS, body=BODY)
def preview() -> dict[str, Any]:
    """What an import of this file would read, with its first rows; `infer=true` proposes a dataset for it instead."""
    return show_preview(preview_upload(site(), _receive))


@blueprint.post("/datasets/inferred")
@describe("infer_dataset", "datasets", models.Definition, refuses=PREVIEWING, parameters=PARAMETERS, body=BODY)
def infer_dataset() -> dict[str, Any]:
    """A definition for `POST /v1/datasets` that a file's first rows suggest. Nothing is created."""
    found = preview_upload(site(), lambda upload: replace(_receive(upload), dataset=None))
    if found.problem is not None:
        raise InvalidContent(str(found.problem), errors=[{"field": "file", **found.problem.as_dict()}])
    assert found.inferred is not None
    return as_definition(found.inferred.dataset)


def _receive(upload: Upload) -> Wanted:
    """Write the body into the upload; options are in the address, and in a form beside its file."""
    said = request.args.to_dict()
    _read(said)
    check_content_encoding()
    name = said.get("file_name") or request.headers.get("X-File-Name")
    if request.mimetype != "multipart/form-data":
        receive_body(upload)
        return replace(_read(said), file_name=name, content_type=request.mimetype)
    form = receive_form(upload, _read)
    return replace(_read(said | dict(form.fields)), file_name=form.file_name or name)


def _read(said: Mapping[str, str]) -> Wanted:
    """What is wanted. Raises `InvalidContent` for an option that there is not, and for a wrong one before a body is
    sent for nothing.

    What is to be done with an import's rows may be said, so that the same options do for both; it changes nothing.
    """
    unknown = [name for name in said if name not in OPTIONS]
    if unknown:
        raise InvalidContent(
            f"there is no option {unknown[0][:40]!r}; there are {', '.join(OPTIONS)}",
            errors=[{"field": name[:40], "reason": "unknown"} for name in unknown],
        )
    read_options(said)
    read_policy(said)
    rows = read_number(said.get("rows", str(ROWS)), "rows")
    if not 1 <= rows <= MOST_ROWS:
        raise BadRequest(f"rows must be from 1 to {MOST_ROWS}", errors=[{"field": "rows"}])
    return Wanted(
        rows=rows,
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


def show_preview(found: Preview) -> dict[str, Any]:
    """A preview in JSON; values are as they stand in the file, of long ones the first 200 characters."""
    return {
        "dataset": None if found.inferred else found.dataset.name,
        "reading": found.reading.shown(),
        "sheets": found.sheets,
        "cut": found.cut,
        "problem": found.problem and found.problem.as_dict(),
        "columns": [
            {"name": each.name and shown(each.name), "column": each.column, "status": each.status}
            for each in found.columns
        ],
        "missing": found.missing,
        "unknown": [shown(each.name or "") for each in found.columns if each.status == "unknown"],
        "rows": [_show_row(row) for row in found.rows],
        "blank": found.blank,
        "rejected": sum(row.reject is not None for row in found.rows),
        "definition": found.inferred and as_definition(found.inferred.dataset),
        "notes": found.inferred
        and [
            {"name": each.name and shown(each.name), "column": each.column and each.column.name, "notes": each.notes}
            for each in found.inferred.proposals
            if each.notes
        ],
    }


def _show_row(row: PreviewRow) -> dict[str, Any]:
    failure = row.reject.as_failure() if row.reject else row.record.failure
    return {
        "line": row.record.line,
        "values": [value if value is None else shown(value) for value in row.record.values],
        "reject": failure
        and {"code": failure.code, "reason": failure.reason, "column": failure.column, "value": failure.value},
    }
