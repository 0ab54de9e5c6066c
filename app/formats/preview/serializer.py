"""Serializes a preview as the API returns it, with limits that fit a page."""

from typing import Any

from app.domain.template import fingerprint
from app.formats.infer.schema import Inferred, as_definition
from app.formats.preview.preview import MAX_COLUMNS_SHOWN, Preview, PreviewRow
from app.formats.validate.columns import excerpt

_MAX_CHARACTERS = 2 * 1024**2  # of values in all


def serialize_preview(found: Preview) -> dict[str, Any]:
    """The preview as JSON. Values are as the file has them, at most 200 characters of each; at most 1,000 columns. If
    the rows are still too large, the last ones are dropped."""
    rows: list[dict[str, Any]] = []
    characters = 0
    for row in found.rows:
        rows.append(_serialize_row(row))
        characters += sum(len(value or "") for value in rows[-1]["values"])
        if characters > _MAX_CHARACTERS:
            break
    return {
        "dataset": None if found.inferred else found.dataset.name,
        "file_format": found.file_format.as_public_json(),
        "sheets": found.sheets,
        "cut": found.cut or len(rows) < len(found.rows),
        "problem": found.problem and found.problem.as_dict(),
        "columns": [
            {"name": each.name and excerpt(each.name), "column": each.column, "status": each.status}
            for each in found.columns
        ],
        "header": fingerprint([each.name for each in found.columns]),
        "missing": found.missing,
        "unknown": [excerpt(each.name or "") for each in found.columns if each.status == "unknown"],
        "constants": found.constants,
        "suggestions": [
            {"name": excerpt(each.name), "column": each.column, "reason": each.reason}
            for each in (found.suggested.suggestions if found.suggested else ())
        ],
        "suggested_columns": found.suggested and found.suggested.columns,
        "rows": rows,
        "blank": found.blank,
        "rejected": sum(row.reject is not None for row in found.rows[: len(rows)]),
        "definition": found.inferred and as_definition(found.inferred.dataset),
        "notes": found.inferred and _serialize_notes(found.inferred),
    }


def _serialize_notes(inferred: Inferred) -> list[dict[str, Any]]:
    """The notes on each column; those on the whole file have neither name nor column."""
    on_columns = [
        {"name": each.name and excerpt(each.name), "column": each.column and each.column.name, "notes": each.notes}
        for each in inferred.proposals
        if each.notes
    ]
    return [{"name": None, "column": None, "notes": inferred.notes}] * bool(inferred.notes) + on_columns


def _serialize_row(row: PreviewRow) -> dict[str, Any]:
    failure = row.reject.as_failure() if row.reject else row.record.failure
    return {
        "line": row.record.line,
        "values": [value if value is None else excerpt(value) for value in row.record.values[:MAX_COLUMNS_SHOWN]],
        "reject": failure
        and {"code": failure.code, "reason": failure.reason, "column": failure.column, "value": failure.value},
    }
