"""Parameters that several routes have in common, and what each option of a file means."""

from collections.abc import Sequence
from typing import Any

from app.domain.errors import (
    AlreadyRunning,
    BadRequest,
    ContentTooLarge,
    InvalidContent,
    KeyInFlight,
    KeyReused,
    LedgerFrozen,
    Overloaded,
    QuotaExceeded,
    SpoolFull,
    UnsupportedFormat,
)
from app.domain.file_format import FORMATS
from app.domain.requests.control_totals import EXAMPLE
from app.domain.requests.policy import MAX_PRIORITY, OnConflict, OnError
from app.domain.states import State
from app.formats.options import MAX_LINES
from app.lifecycle.imports.idempotency import KEY_LENGTH
from app.routes.openapi.operations import header, one_of, query

# what may be answered instead of accepting an import
ACCEPTING = (BadRequest, InvalidContent, KeyInFlight, KeyReused, Overloaded, QuotaExceeded, LedgerFrozen)
ACCEPTING_FILES = (*ACCEPTING, AlreadyRunning, UnsupportedFormat, ContentTooLarge, SpoolFull)
_YES_OR_NO = one_of(["true", "false"])


def _text(example: str) -> dict[str, Any]:
    return {"type": "string", "examples": [example]}


IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "A name for this content: the same key and content is the same import. One that was stopped or has failed gives"
    " its key back.",
    minLength=1,
    maxLength=KEY_LENGTH,
    pattern="^[ -~]*$",
    example="night-2026-11-23",
)
CONTROL_TOTALS = header("Control-Totals", "As `control_totals`.", example=EXAMPLE)
FILE_NAME = header("X-File-Name", "The file's name, as `file_name`.", example="orders.csv")
IF_NONE_MATCH = header("If-None-Match", "An ETag that was answered before.", example='W/"30"')
STATES = query("state", "States, with commas between them.", pattern=f"^((^|,)({'|'.join(State)}))*$", example="failed")
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "dataset": ("What to import into; by default that of the template, or orders.", {"type": "string"}),
    "template": (
        "An import template, or one version of it. The request's own options replace those of the template.",
        {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}(@[1-9][0-9]{0,8})?$", "examples": ["amazon-de"]},
    ),
    "file_name": ("The file's name: shown, and a hint at its format.", {"type": "string", "examples": ["orders.csv"]}),
    "format": ("What the file is, if its content is not to say it.", one_of([*FORMATS, "tsv", "jsonl"])),
    "encoding": ("A text's encoding, by a name that Python knows.", {"type": "string", "examples": ["cp1252"]}),
    "delimiter": (
        "Between the fields of CSV: 1 to 8 characters, or one of the words tab, comma, semicolon, pipe, space.",
        {"type": "string", "minLength": 1, "examples": [";"]},
    ),
    "quote": ("Around the fields of CSV: one character, or none.", {"type": "string", "pattern": "^(.?|none)$"}),
    "escape": ("Before a quote inside quotes: a backslash, or nothing where they are doubled.", one_of(["", "\\"])),
    "header": (
        "Whether the columns' names come first. Not given: true, or with a list of columns what the first line shows.",
        _YES_OR_NO,
    ),
    "first_line": (
        "Where the header stands, or the first row.",
        {"type": "integer", "minimum": 1, "maximum": MAX_LINES},
    ),
    "columns": (
        "What the file's columns are. A list of the dataset's names, with commas or as JSON, in the file's order. Or a"
        " JSON object of the dataset's names by the file's; null leaves a column out, and \"*\": null all unknown ones."
        " Instead of a name an object may stand, with name, value (a constant), default, values (a map of values),"
        " formats, zone, zones, serial, decimal_mark, grouping_mark, currency, percent and negative.",
        {"type": "string", "examples": ['{"Order No": "order_number", "marketplace": {"value": "Shop"}, "*": null}']},
    ),
    "formats": ("Of all dates: a format of strptime, or a JSON list of them.", _text("%d.%m.%Y")),
    "zones": ("Of all times: the offsets of abbreviations, as JSON.", _text('{"CET": "+01:00"}')),
    "decimal_mark": ("Of all numbers: a point or a comma.", one_of([".", ","])),
    "grouping_mark": ("Of all numbers: the mark between groups of digits.", _text(".")),
    "currency": ("Of all numbers: true if a currency may stand beside them, or its text.", _text("true")),
    "percent": (
        "Of all numbers: true loads 12.5 for 12.5%, fraction loads 0.125.",
        one_of(["true", "false", "fraction"]),
    ),
    "negative": ("Of all numbers: trailing_minus or parentheses, or a JSON list of both.", _text("trailing_minus")),
    "sheet": (
        "The sheet of a workbook by its name, or * for all visible ones; default: the first visible one.",
        {"type": "string", "examples": ["January", "*"]},
    ),
    "records": (
        "Of JSON: the path to the array with the rows, as data.orders, or a JSON array of keys.",
        {"type": "string", "minLength": 1, "examples": ["data.orders"]},
    ),
    "null": (
        "Of CSV and sheets: the text of a missing value.",
        {"type": "string", "examples": ["NULL"]},
    ),
    "comment": (
        "Of CSV: lines that begin with this text are skipped and counted in rows_blank. `none`: every line is a row,"
        " even one that a database client added below the header or at the end.",
        {"type": "string", "maxLength": 8, "examples": ["#"]},
    ),
    "trim": ("Of CSV: whether spaces, tabs and other blanks around fields are removed.", _YES_OR_NO),
    "on_error": ("Whether one row that is not accepted fails the import.", {**one_of(OnError), "default": "abort"}),
    "max_rejects": (
        "With on_error=reject: how many rows, or what share, may be rejected before nothing is loaded.",
        {"type": "string", "pattern": r"^([0-9]{1,12}|(100|[0-9]{1,2})(\.[0-9]{1,4})?%)$", "examples": ["50", "2.5%"]},
    ),
    "on_conflict": (
        "What a row means whose key is there already: the import fails, it is skipped, or it updates the other.",
        {**one_of(OnConflict), "default": "fail"},
    ),
    "dry_run": ("Load, tell, and roll everything back.", {**_YES_OR_NO, "default": "false"}),
    "priority": (
        "Of imports that wait, one of a higher priority is begun first.",
        {"type": "integer", "minimum": -MAX_PRIORITY, "maximum": MAX_PRIORITY, "default": 0},
    ),
    "control_totals": (
        "What the accepted rows must add up to: a JSON object of rows and sum(column), else nothing is loaded.",
        {"type": "string", "examples": [EXAMPLE]},
    ),
    "min_rows": ("With fewer accepted rows nothing is loaded.", {"type": "integer", "minimum": 0}),
    "max_rows": ("With more accepted rows nothing is loaded.", {"type": "integer", "minimum": 0}),
    "like_last": (
        "How far the number of accepted rows may be from the median of the dataset's last ten committed imports.",
        {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,4})?%$", "examples": ["30%"]},
    ),
    "stream": (
        "With 1 the file is loaded while it arrives: a text as the body, recorded once its first 4 MiB have come.",
        {**one_of(["0", "1"]), "default": "0"},
    ),
}
PREVIEW_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "rows": ("How many rows to show.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
    "partial": ("Whether only the beginning of a file is sent.", {**_YES_OR_NO, "default": "false"}),
    "infer": ("Whether to propose a dataset for the file.", {**_YES_OR_NO, "default": "false"}),
    "name": ("What that dataset is to be called.", {"type": "string", "default": "new"}),
}
_FILE = {"type": "string", "format": "binary", "description": "The file as it is, also as gzip, zstd or ZIP."}
FILE_TYPES = (
    "text/csv",
    "text/tab-separated-values",
    "application/x-ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.apache.parquet",
    "application/gzip",
    "application/zstd",
    "application/zip",
    "application/octet-stream",
)


def option_parameters(names: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Options as parameters of the query. One without a description here has no meaning, which a test notices."""
    return tuple(query(name, meaning, **schema) for name, (meaning, schema) in _known(names))


def file_bodies(names: Sequence[str]) -> dict[str, Any]:
    """A file as the body, or in a form beside its options."""
    fields = {name: {**schema, "description": meaning} for name, (meaning, schema) in _known(names)}
    form = {"type": "object", "required": ["file"], "properties": {"file": _FILE, **fields}}
    return {**dict.fromkeys(FILE_TYPES, _FILE), "multipart/form-data": {**form, "additionalProperties": False}}


def _known(names: Sequence[str]) -> list[tuple[str, tuple[str, dict[str, Any]]]]:
    known = OPTIONS | PREVIEW_OPTIONS
    return [(name, known.get(name, ("", {"type": "string"}))) for name in names]
