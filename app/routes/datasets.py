"""`/v1/datasets`: what there is to import into."""

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from app.domain.dataset import Registered
from app.domain.errors import BadRequest, InvalidContent
from app.lifecycle import catalog, define, drop, observe
from app.routes import site
from app.routes.bodies import open_body
from app.routes.shapes import show_time

JSON_BYTES = 1024 * 1024

blueprint = Blueprint("datasets", __name__, url_prefix="/v1/datasets")


@blueprint.post("")
def create() -> Response:
    """Create a dataset from `{name, columns, key}`; 201 with its description."""
    try:
        body = json.loads(open_body().read_all(JSON_BYTES))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BadRequest(
            'the body must be a JSON object such as {"name": "parts", "columns": [{"name": "sku", "type": "text"}],'
            ' "key": ["sku"]}'
        )
    known = define.create_dataset(site(), body)
    response = jsonify(_show(known))
    response.status_code = 201
    response.headers["Location"] = url_for("datasets.show", name=known.dataset.name)
    return response


@blueprint.get("")
def list_all() -> dict[str, Any]:
    """Every dataset, by name."""
    return {"datasets": [_show(known) for known in catalog.list_datasets(site())]}


@blueprint.get("/<name>")
def show(name: str) -> dict[str, Any]:
    """One dataset: its columns, its key, how many rows it has, and what is off."""
    known = catalog.find_dataset(site(), name)
    return {**_show(known), "rows": observe.count_rows(site(), known.dataset)}


@blueprint.delete("/<name>")
def drop_one(name: str) -> tuple[str, int]:
    """Drop a dataset with its rows; an adopted table stays."""
    require_confirmed(name)
    drop.drop_dataset(site(), name)
    return "", 204


def require_confirmed(name: str) -> None:
    """Raise `InvalidContent` unless the request says `confirm=<name>`."""
    if request.args.get("confirm") != name:
        raise InvalidContent(
            f"this can't be undone: send it with confirm={name[:80]}",
            errors=[{"field": "confirm", "reason": "must be the dataset's name"}],
        )


def _show(known: Registered) -> dict[str, Any]:
    dataset = known.dataset
    this = url_for("datasets.show", name=dataset.name)
    return {
        "name": dataset.name,
        "columns": [column.as_json() for column in dataset.columns],
        "key": list(dataset.key),
        "built_in": known.built_in,
        "adopted": dataset.adopted,
        "created_at": show_time(known.created_at),
        "off": catalog.list_off(dataset),
        "links": {"self": this, "rows": f"{this}/rows", "imports": url_for("imports.list_all", dataset=dataset.name)},
    }
