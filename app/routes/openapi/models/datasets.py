"""Bodies of `/v1/datasets` and `/v1/previews`."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from app.domain.dataset import ColumnType, Controls
from app.routes.openapi.models import Model, Time
from app.routes.openapi.models.imports import Failure
from app.routes.openapi.operations import JSON, Answer, text


class Column(Model):
    """A column of a dataset. A part that is left out has its default."""

    name: str
    type: ColumnType
    length: int | None = None
    """Of text and e-mail: the most characters."""
    minimum: int | None = None
    maximum: int | None = None
    precision: int | None = None
    scale: int | None = None
    signed: bool | None = None
    choices: list[str] | None = None
    """Of enum."""
    formats: list[str] | None = None
    """Of date and datetime, in the words of `strptime`; ISO 8601 is always accepted."""
    zone: str | None = None
    offsets: bool | None = None
    """Of datetime: whether a value may say its offset from UTC."""
    zones: dict[str, str] | None = None
    """Of datetime: the offsets of abbreviations that values may have."""
    serial: Literal["1900", "1904"] | None = None
    """Of date and datetime: numbers are a spreadsheet's serial dates."""
    decimal_mark: Literal[".", ","] | None = None
    """Of integer and decimal, as the four below."""
    grouping_mark: str | None = None
    currency: bool | str | None = None
    """True: a currency may stand beside the number; or its text."""
    percent: bool | Literal["fraction"] | None = None
    negative: list[Literal["trailing_minus", "parentheses"]] | None = None
    controls: Controls | None = None
    empty: bool | None = None
    nullable: bool | None = None
    default: str | None = None


EXAMPLE: Any = {"name": "parts", "columns": [{"name": "sku", "type": "text", "length": 64}], "key": ["sku"]}


class Definition(Model):
    """A dataset's name, columns and key."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: str
    columns: list[Column]
    key: list[str] = Field(default_factory=list)
    """The columns that are unique together; none: rows may repeat."""


class Adoption(Model):
    """A table that exists already; its columns and key are read from the server."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "customers", "adopt": True}]})

    name: str
    adopt: Literal[True]


class DatasetLinks(Model):
    """Where to go from here."""

    self: str
    rows: str
    imports: str


class Dataset(Definition):
    """What imports load into."""

    model_config = ConfigDict(json_schema_extra={"examples": []})

    built_in: bool
    adopted: bool
    """Whether the table was there before."""
    created_at: Time | None
    created_by: str | None
    off: dict[str, str]
    """What is not possible with it, and why."""
    links: DatasetLinks


class CountedDataset(Dataset):
    """A dataset and how many rows it has."""

    rows: int


class DatasetList(Model):
    """Every dataset."""

    datasets: list[Dataset]


class RowPage(Model):
    """Some rows of a dataset."""

    rows: list[dict[str, Any]]
    """By column; decimals are text, so that they are read back exactly."""
    next: str | None
    """The address of the next page; null on the last."""


class RowCount(Model):
    """How many rows match."""

    count: int


class RowsDeleted(Model):
    """How many rows were deleted."""

    rows_deleted: int


class PreviewFileFormat(Model):
    """How a file is read. A format has only some of these parts."""

    model_config = ConfigDict(extra="allow")

    format: str
    compression: str


class PreviewColumn(Model):
    """A column of the file, and the dataset's that it goes to."""

    name: str | None
    column: str | None
    status: str


class PreviewSuggestion(Model):
    """A column of the file that may be a column of the dataset, and why."""

    name: str
    column: str
    reason: str


class PreviewReject(Model):
    """Why a row would not be accepted."""

    code: str
    reason: str
    column: str | None
    value: str | None


class PreviewRow(Model):
    """A row as it stands in the file."""

    line: int
    values: list[str | None]
    reject: PreviewReject | None


class PreviewNotes(Model):
    """Why a column is proposed as it is."""

    name: str | None
    column: str | None
    notes: list[str]


class Preview(Model):
    """What a file is taken for, before anything is imported."""

    dataset: str | None
    """Null where one is proposed."""
    file_format: PreviewFileFormat
    sheets: list[str]
    cut: bool
    """Whether only a part of the file was looked at."""
    problem: Failure | None
    """What would refuse the file as a whole."""
    columns: list[PreviewColumn]
    missing: list[str]
    unknown: list[str]
    constants: dict[str, str]
    """The values of the option `columns` that every row gets, by column."""
    suggestions: list[PreviewSuggestion]
    """Unknown columns that may be columns of the dataset. An import does not use them."""
    suggested_columns: dict[str, Any] | None
    """The option `columns` with these suggestions, ready to be sent; null without unknown columns."""
    rows: list[PreviewRow]
    rejected: Annotated[int, Field(ge=0)]
    """Of these rows."""
    blank: Annotated[int, Field(ge=0)]
    """Rows without any value, which are passed over, among these rows."""
    definition: Definition | None
    """The dataset that the file suggests, if that was asked."""
    notes: list[PreviewNotes] | None
    header: str | None
    """A fingerprint of the column names, by which import templates are found."""
    templates: list[str]
    """Import templates for files with this header, the newest first."""


CREATED = {201: Answer("The dataset.", {JSON: Dataset}, {"Location": "The dataset."})}
DROPPED = {204: Answer("It is gone.")}
ROWS = {
    200: Answer(
        "The rows.",
        {
            JSON: RowPage,
            "text/csv": text("All rows that match, with a header."),
            "application/x-ndjson": text("All rows that match, an object a line."),
        },
    )
}
CREATE = {"anyOf": [{"$ref": "#/components/schemas/Definition"}, {"$ref": "#/components/schemas/Adoption"}]}
