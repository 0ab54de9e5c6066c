"""Adopt: a table that is there already becomes a dataset, and stays a table when it is dropped as one."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from app.db.access import audit
from app.db.datasets import introspection, registry
from app.domain.dataset import Column, Registered
from app.domain.definition import read_name
from app.domain.errors import InvalidContent
from app.formats.validate.columns import validator_for
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog, create
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)


def adopt_table(services: Services, body: Mapping[str, Any]) -> Registered:
    """Make the table `{name, adopt: true}` a dataset: its columns and keys are read from the server.

    Raises `InvalidContent`, which says of every column and of the table what can't be had, `DatasetExists`,
    `DatasetInUse` and `LedgerFrozen`.
    """
    errors = [{"field": said[:80], "reason": "unknown beside adopt"} for said in body if said not in ("name", "adopt")]
    if body["adopt"] is not True:
        errors.append({"field": "adopt", "reason": "must be true, or left out"})
    name = read_name(body.get("name"), lambda field, reason: errors.append({"field": field, "reason": reason}))
    if errors:
        raise InvalidContent(f"{errors[0]['field']}: {errors[0]['reason']}", errors=errors)
    freeze.require_sweeping(services)
    with services.database.define(services.installation) as definer:
        create.require_no_dataset(services.database, definer, name)
        dataset = introspection.read_table(definer, name)
        if dataset is None:
            reason = f"there is no table {name} in this database"
            raise InvalidContent(reason, errors=[{"field": "name", "reason": reason}])
        dataset = replace(dataset, columns=tuple(_without_odd_default(column) for column in dataset.columns))
        with services.database.begin() as connection:
            registry.register_adopted(connection, dataset, secrets.token_hex(8))
            audit.record(connection, name)
    log.info("table_adopted", dataset=name)
    return catalog.find_dataset(services.database, name)


def _without_odd_default(column: Column) -> Column:
    """A default that no file could bring, as a date of zeros, is none: the file has to bring a value."""
    try:
        validator_for(column)
    except ValueError:
        return replace(column, default=None)
    return column
