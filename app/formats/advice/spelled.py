"""Options as a message names them: exactly as a client may send them, with all that it has said already."""

import json
from collections.abc import Mapping
from typing import Any

from app.domain.column_options import ColumnOptions, column_options_from_json, combine_columns
from app.domain.file_format import FileFormat
from app.formats.column_names import fold

PLACEHOLDER = "…"  # in a suggested option, for what only the client knows


def own_options(column: str, file_format: FileFormat) -> ColumnOptions | None:
    """What the client has said of the column alone."""
    return next((each for name, each in file_format.column_options.items() if fold(name) == fold(column)), None)


def columns_with(column: str, members: Mapping[str, Any], file_format: FileFormat) -> str:
    """The option `columns` that says this of a column, besides what the client has said."""
    options = dict(file_format.column_options)
    key = next((name for name in options if fold(name) == fold(column)), column)
    said = options[key].as_json() if key in options and "value" not in members else {}
    if "values" in said and "values" in members:
        members = {**members, "values": said["values"] | members["values"]}
    options[key] = column_options_from_json({**said, **members})
    return _columns(combine_columns(file_format.columns, options, leave_out_others=file_format.leave_out_others))


def columns_without(column: str, file_format: FileFormat) -> str:
    """The option `columns` that leaves a column of the file out."""
    names = file_format.columns if isinstance(file_format.columns, dict) else {}
    left = {**names, column: None}
    return _columns(combine_columns(left, file_format.column_options, leave_out_others=file_format.leave_out_others))


def option(name: str, value: str) -> str:
    """An option for all columns."""
    text = f"{name}={value}"
    return f"`{text}`" if " " in text else text


def _columns(said: Any) -> str:
    return f"columns={json.dumps(said, ensure_ascii=False)}"
