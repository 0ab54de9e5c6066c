"""Eligibility: whether an import can be reverted, until when, and why not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.config import Settings
from app.db import receipts
from app.db.database import Connection
from app.db.datasets import registry
from app.db.reverts import claims
from app.db.reverts.hindrances import find_hindrance
from app.domain.changes import CHANGED_AT, marks_changes
from app.domain.dataset import Dataset
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, State


@dataclass(frozen=True)
class Eligibility:
    """Why an import can't be reverted, or None where it can; until when it could be; and the revert that has it."""

    reason: str | None
    until: datetime | None
    revert_id: str | None = None


def check_eligibility(connection: Connection, settings: Settings, row: Import) -> Eligibility:
    """Look at everything but the rows."""
    until = find_end(settings, row)
    if (holder := claims.find_holder(connection, row.number)) is not None:
        id, state = holder
        done = "was reverted" if state is State.COMMITTED else "is being reverted"
        return Eligibility(f"the import {done} by {id}", until, id)
    reason = _find_reason(row, until) or _find_reason_of_table(connection, row)
    return Eligibility(reason, until)


def find_end(settings: Settings, row: Import) -> datetime | None:
    """Until when an import can be reverted: its history is kept for as long; None before its commit."""
    days = min(settings.revert_days, settings.history_retention_days)
    committed = row.kind is Kind.IMPORT and row.state is State.COMMITTED and row.finished_at is not None
    return row.finished_at + timedelta(days=days) if committed and row.finished_at is not None else None


def find_dataset(connection: Connection, row: Import) -> Dataset | None:
    """The dataset whose table has the import's rows; None where that was dropped, even if another has its name now."""
    known = registry.hold_dataset(connection, row.dataset)
    if known is None or (known.created_at is not None and known.created_at > row.created_at):
        return None
    return known.dataset


def _find_reason(row: Import, until: datetime | None) -> str | None:
    if row.kind is Kind.REVERT:
        return "this is a revert: to have the rows again, `retry` the import that it reverted"
    if row.state is not State.COMMITTED:
        return f"nothing to revert: the import is {row.state}" + ("" if row.state in FINAL else ", stop it instead")
    if until is not None and row.read_at > until:
        return f"the time to revert it was over on {until:%Y-%m-%d}"
    return None


def _find_reason_of_table(connection: Connection, row: Import) -> str | None:
    dataset = find_dataset(connection, row)
    if dataset is None:
        return f"the dataset {row.dataset} into which it was loaded was dropped"
    if dataset.adopted:
        return f"{dataset.name} is an adopted table: its rows don't say which import brought them"
    if not marks_changes(dataset):
        return f"the table {dataset.name} has no column {CHANGED_AT} of ours: it does not say which rows were changed"
    if receipts.find_stamp(connection, row.number) is None:
        return "it was imported by a version before there were reverts: its rows can be deleted, not reverted"
    return find_hindrance(connection, dataset.name)
