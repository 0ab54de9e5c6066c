"""Eligibility: whether an import, or a revert, can be reverted, until when, and why not."""

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
    """Why it can't be reverted, or None where it can; until when it could be; and the revert that has it."""

    reason: str | None
    until: datetime | None
    revert_id: str | None = None


def check_eligibility(connection: Connection, settings: Settings, row: Import) -> Eligibility:
    """Look at everything but the rows."""
    until = find_end(settings, row)
    what = "revert" if row.kind is Kind.REVERT else "import"
    if (holder := claims.find_holder(connection, row.number)) is not None:
        id, state = holder
        done = "was reverted" if state is State.COMMITTED else "is being reverted"
        return Eligibility(f"the {what} {done} by {id}", until, id)
    reason = _find_reason(row, what, until) or _find_reason_of_table(connection, row)
    return Eligibility(reason, until)


def find_end(settings: Settings, row: Import) -> datetime | None:
    """Until when it can be reverted: its history is kept for as long, unless a client has shortened it; None before its
    commit."""
    if row.state is not State.COMMITTED or row.finished_at is None:
        return None
    days = min(settings.revert_days, settings.history_retention_days)
    end = row.finished_at + timedelta(days=days)
    return end if row.revertible_until is None else min(end, row.revertible_until)


def find_dataset(connection: Connection, row: Import) -> Dataset | None:
    """The dataset whose table has the import's rows; None where that was dropped, even if another has its name now."""
    known = registry.hold_dataset(connection, row.dataset)
    if known is None or (known.created_at is not None and known.created_at > row.created_at):
        return None
    return known.dataset


def _find_reason(row: Import, what: str, until: datetime | None) -> str | None:
    if row.state is not State.COMMITTED:
        return f"nothing to revert: the {what} is {row.state}" + ("" if row.state in FINAL else ", stop it instead")
    if row.revert is not None and row.revert.of_revert:
        return "this revert has brought rows back: revert their import again instead"
    if row.revert is not None and not row.revert.keep_images:
        return (
            "this revert has kept no images of the rows that it took, for which `keep_images` is: to have the rows"
            f" again, retry {'the imports' if row.revert.imports > 1 else 'import ' + row.revert.target_id}"
        )
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
    if row.kind is Kind.IMPORT and receipts.find_stamp(connection, row.number) is None:
        return "it was imported by a version before there were reverts: its rows can be deleted, not reverted"
    return find_hindrance(connection, dataset.name)
