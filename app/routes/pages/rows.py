"""The page of a dataset's rows: drawn by the server, so that search, order and pages are links and a form."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.domain.caller import Scope
from app.domain.dataset import ColumnType
from app.domain.errors import BadRequest, DatasetNotFound, ImportNotFound, InvalidContent, Refused, ScopeRequired
from app.domain.requests.selection import Selection
from app.formats.export import serialize_row
from app.lifecycle.datasets import catalog, rows
from app.routes import services
from app.routes.access import access, require_rows_of
from app.routes.openapi.operations import Answer, describe, query
from app.routes.pages.imports import PAGE, show_problem

SHOWN = 50
NUMBERS = (ColumnType.INTEGER, ColumnType.DECIMAL)
SORTABLE_LENGTH = 255
EXPORTS = {"csv": "CSV", "ndjson": "NDJSON", "parquet": "Parquet", "spreadsheet": "CSV for spreadsheets"}
SHOWN_BY = (
    query("import", "Only rows of this import, by its id or number."),
    query("column", "Only rows that have, in this column,"),
    query("value", "this value."),
    query("sort", "A column to sort by; with - before it the other way round."),
    query("cursor", "Where the page begins; from the link to it."),
)

blueprint = Blueprint("rows", __name__)
blueprint.register_error_handler(Refused, show_problem)


@blueprint.get("/rows")
@describe(
    "choose_rows_page",
    "page",
    {302: Answer("To the first dataset.", headers={"Location": "Its rows."})},
    refuses=(DatasetNotFound,),
    scope=Scope.ROWS_READ,
)
def choose() -> AnyResponse:
    """The rows of the first dataset."""
    names = _list_names()
    if not names:
        raise DatasetNotFound("the datasets that your token is bound to do not exist")
    return redirect(url_for("rows.show", name=names[0]))


@blueprint.get("/rows/<name>")
@describe("show_rows_page", "page", PAGE, refuses=(DatasetNotFound,), parameters=SHOWN_BY, scope=Scope.ROWS_READ)
def show(name: str) -> str:
    """A page of rows: those of an `import`, where a `column` has a `value`, in the order of `sort`."""
    dataset = catalog.find_dataset(services().database, name).dataset
    value, of, sort = (request.args.get(said, "").strip() for said in ("value", "import", "sort"))
    column = request.args.get("column", dataset.columns[0].name)
    filters = {f"filter[{column}]": value} if value else {}
    only: dict[str, Any] = {"import": of} if of else {}
    asked: dict[str, Any] = filters | only
    problem: str | None = None
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    try:
        require_rows_of(of or None)
        selection = rows.select_rows(
            services().database, dataset, of=of or None, filters=[(column, value)] if value else [], sort=sort or None
        )
        found, cursor = rows.read_page(services().database, selection, request.args.get("cursor"), SHOWN)
    except (BadRequest, InvalidContent, ImportNotFound, ScopeRequired) as error:
        problem, selection = error.detail, Selection(dataset)
    said: dict[str, Any] = {
        "name": name,
        "column": column if value else None,
        "value": value or None,
        "import": of or None,
    }
    return render_template(
        "rows.html",
        dataset=dataset,
        others=_list_names(),
        heads=_make_heads(selection, said),
        rows=[serialize_row(dataset, row) for row in found],
        problem=problem,
        column_name=column,
        value=value,
        of=of,
        sort=sort,
        first=url_for("rows.show", **said, sort=sort or None) if request.args.get("cursor") else None,
        following=url_for("rows.show", **said, sort=sort or None, cursor=cursor) if cursor else None,
        count_url=url_for("datasets.count", name=name, **asked),
        delete_count_url=url_for("datasets.count", name=name, **only),
        delete_url=url_for("datasets.delete_rows", name=name, **(only or {"confirm": name})),
        exports={
            title: url_for("datasets.rows", name=name, format=form, sort=sort or None, **asked)
            for form, title in EXPORTS.items()
        },
    )


def _list_names() -> list[str]:
    allowed = access().datasets
    names = [known.dataset.name for known in catalog.list_datasets(services().database)]
    return [name for name in names if allowed is None or name in allowed]


def _make_heads(selection: Selection, said: dict[str, Any]) -> list[dict[str, Any]]:
    """What stands above each column, with the address that sorts by it; again: the other way."""
    numbers = [] if selection.dataset.adopted else ["import_no", "row_no"]
    heads: list[dict[str, Any]] = [{"name": name, "is_number": True} for name in numbers]
    for column in selection.dataset.columns:
        is_sorted = selection.sort == column.name
        order = f"-{column.name}" if is_sorted and not selection.descending else column.name
        heads.append(
            {
                "name": column.name,
                "is_number": column.type in NUMBERS,
                "sorted": ("descending" if selection.descending else "ascending") if is_sorted else None,
                "url": url_for("rows.show", **said, sort=order) if column.length <= SORTABLE_LENGTH else None,
            }
        )
    return heads
