"""Tables that Hypothesis draws, as files of every format."""

import io
import json
from dataclasses import dataclass, field

import polars as pl
import xlsxwriter
from hypothesis import strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.column_names import fold

TEXT = Column("name", ColumnType.TEXT, length=40)
COLUMNS = {
    "name": TEXT,
    "ship_to": Column("ship_to", ColumnType.TEXT, length=40, nullable=True),
    "city": Column("city", ColumnType.TEXT, length=40),
    "age": Column("age", ColumnType.INTEGER, minimum=-9999, maximum=9999),
    "price": Column("price", ColumnType.DECIMAL, precision=8, scale=2, nullable=True),
    "born": Column("born", ColumnType.DATE),
    "tame": Column("tame", ColumnType.BOOLEAN),
}
WORDS = ["Ann", "Bob", "Ulm", "name", "city", "age", "Köln", "the dog", "x", "#1001", "it's", 'say "hi"', "a,b", "a;b"]
FOREIGN = ["Kunde", "Ort", "Alter", "Preis", "Tag", "zahm", "Order No"]

# numbers in other spellings, as they are loaded
PLAIN = {"19.9000": "19.9", "1e3": "1000", ".5": "0.5"}
VALUES: dict[ColumnType, st.SearchStrategy[str]] = {
    ColumnType.TEXT: st.sampled_from(WORDS),
    ColumnType.INTEGER: st.sampled_from(["1", "42", "-7", "2024"]),
    ColumnType.DECIMAL: st.sampled_from(["1.50", "12", "2024", *PLAIN]),
    ColumnType.DATE: st.sampled_from(["2026-01-02", "1999-12-31"]),
    ColumnType.BOOLEAN: st.sampled_from(["1", "0"]),
}
PREAMBLES = ["Report of the week", "# made by us", "", "# made by us, at 10:00", "sep={}", "from{}to", "Account{}DE12"]


@dataclass
class Table:
    """A file: what its columns are in truth (None: one that the dataset lacks), its rows, and what is said of it."""

    dataset: Dataset
    truth: list[str | None]
    names: list[str] | None
    rows: list[list[str]]
    said: dict[str, str]
    above: list[str] = field(default_factory=list)
    honest: bool = True  # whether what is said is true
    at: int = 0  # how many rows stand above the header
    constants: dict[str, str] = field(default_factory=dict)


@st.composite
def tables(draw: st.DrawFn, *, always_named: bool = False) -> Table:
    chosen = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4, unique=True))
    dataset = Dataset("pets", tuple(COLUMNS[name] for name in chosen), ())
    truth: list[str | None] = list(draw(st.permutations(chosen)))
    if draw(st.booleans()):
        truth.insert(draw(st.integers(0, len(truth))), None)
    types = [COLUMNS[name].type if name else ColumnType.TEXT for name in truth]
    row = st.tuples(*(VALUES[type] for type in types)).map(list)
    rows = draw(st.lists(row, min_size=1, max_size=5))
    names = None
    said: dict[str, str] = {}
    if always_named or draw(st.booleans()):
        style = draw(st.sampled_from(["own", "own", "title", "capitals", "foreign", "some"]))
        foreign = draw(st.permutations(FOREIGN))
        names = [
            other if name is None or style == "foreign" or (style == "some" and draw(st.booleans())) else name
            for name, other in zip(truth, foreign, strict=False)
        ]
        if style == "title":
            names = [name.replace("_", " ").title() for name in names]
        if style == "capitals":
            names = [
                draw(st.sampled_from(["{}", " {}", "\u00a0{} ", "{}\u202f"])).format(name.upper()) for name in names
            ]
    constants: dict[str, str] = {}
    if len(chosen) > 1 and draw(st.integers(0, 3)) == 0:
        constant = draw(st.sampled_from(chosen))
        constants = {constant: draw(VALUES[COLUMNS[constant].type])}
        truth = [None if name == constant else name for name in truth]
    # to all readers such a row is a header
    honest = names is not None or not any(
        all(to is None or value in COLUMNS for value, to in zip(row, truth, strict=True)) for row in rows
    )
    listed = truth
    if names is None or draw(st.booleans()):
        if draw(st.integers(0, 4)) == 0:
            listed = draw(st.permutations(truth))
            honest = honest and list(listed) == truth
        said["columns"] = json.dumps(listed) if draw(st.booleans()) else ",".join(name or "" for name in listed)
        if not any(listed) or said["columns"].startswith(","):
            said["columns"] = json.dumps(listed)
    elif names != truth:
        matching = {fold(name) for name in chosen} if draw(st.booleans()) else set()
        said["columns"] = json.dumps(
            {
                name: to
                for name, to in zip(names, truth, strict=True)
                if name != to and not (fold(name) in matching and (to is not None or fold(name) in constants))
            }
        )
        if draw(st.integers(0, 3)) == 0 and None in truth:
            kept = {name: to for name, to in json.loads(said["columns"]).items() if to is not None}
            unknown = [name for name, to in zip(names, truth, strict=True) if to is None]
            if not any(fold(name) in chosen and fold(name) not in constants for name in unknown):
                said["columns"] = json.dumps(kept | {"*": None})
        if said["columns"] == "{}":
            del said["columns"]
    if constants:
        said["columns"] = with_constants(said.get("columns", "{}"), constants)
    return Table(dataset, truth, names, rows, said, honest=honest, constants=constants)


def with_constants(columns: str, constants: dict[str, str]) -> str:
    """The option `columns` with these constants besides."""
    if columns.startswith("{"):
        return json.dumps(json.loads(columns) | {name: {"value": value} for name, value in constants.items()})
    listed = json.loads(columns) if columns.startswith("[") else [name.strip() or None for name in columns.split(",")]
    return json.dumps([*listed, *({"name": name, "value": value} for name, value in constants.items())])


def with_header(draw: st.DrawFn, table: Table) -> None:
    said = draw(st.sampled_from([None, None, "true", "false"]))
    if said is not None:
        table.said["header"] = said
        table.honest = table.honest and said == str(table.names is not None).lower()


def with_extra_lines(draw: st.DrawFn, table: Table, lines: list[str], delimiter: str) -> None:
    """Comments, and the lines that database clients add."""
    if table.names is not None and draw(st.integers(0, 4)) == 0:
        dashes = ["-" * (len(name) + draw(st.integers(0, 2))) for name in table.names]
        lines.insert(table.at + 1, draw(st.sampled_from(["+", delimiter])).join(dashes))
    if draw(st.integers(0, 4)) == 0:
        lines.append(f"({draw(st.integers(len(table.rows), len(table.rows) + 1))} rows)")
    comment = draw(st.sampled_from([None, None, "#", "%%", "none"]))
    if comment is not None:
        table.said["comment"] = comment
        # a row may begin so; and without comments a line of dashes may be one
        table.honest = table.honest and comment == "%%"
        for text in draw(st.lists(st.sampled_from(["", " x", ' 5" x', ",1", ' "a', ";;;;"]), max_size=3)):
            lines.insert(draw(st.integers(table.at + 1, len(lines))) if table.names else len(lines), comment + text)


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[Table, bytes]:
    table = draw(tables())
    with_header(draw, table)
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    table.above = [line.format(delimiter) for line in draw(st.lists(st.sampled_from(PREAMBLES), max_size=3))]
    quoted = draw(st.sampled_from(["all", "needed", "needed", "none"]))
    if any(delimiter in each for row in table.rows for each in row):
        quoted = "all"
    padding = st.just("")
    if draw(st.integers(0, 4)) == 0:
        padding = st.sampled_from(["", " ", "   "])
        table.said["trim"] = "true"

    def write(fields: list[str]) -> str:
        return delimiter.join(
            draw(padding)
            + ('"' + each.replace('"', '""') + '"' if quoted == "all" or (quoted == "needed" and '"' in each) else each)
            + draw(padding)
            for each in fields
        )

    lines = [write(row) for row in table.rows]
    if table.names is not None:
        table.at = draw(st.sampled_from([0, 0, 0, len(lines)]))
        lines.insert(table.at, write(table.names))
        if table.above and "header" in table.said:
            table.honest = table.honest and table.names == table.truth  # else the first line above is the header
        # only by the dataset's own names is a header known below rows
        table.honest = table.honest and (table.at == 0 or (table.names == table.truth and "header" not in table.said))
    if len(table.truth) > 1 and draw(st.integers(0, 4)) == 0:  # of one column an empty line is a row
        lines.insert(draw(st.integers(1, len(lines))), "")
    with_extra_lines(draw, table, lines, delimiter)
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(1, len(table.above) + len(lines)))
        table.said["first_line"] = str(at)
        table.honest = False
    if draw(st.booleans()):
        table.said["delimiter"] = delimiter
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join([*table.above, *lines]) + end * draw(st.integers(0, 2))
    return table, text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


@st.composite
def workbooks(draw: st.DrawFn) -> tuple[Table, bytes]:
    table = draw(tables())
    with_header(draw, table)
    rows = [*([table.names] if table.names else []), *table.rows]
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    at = draw(st.integers(0, 2))
    if draw(st.integers(0, 4)) == 0:
        table.above = ["Report of the week"]
        sheet.write_string(at, 0, table.above[0])
        at += 1
    left = draw(st.integers(0, 1)) if table.names else 0
    gap = draw(st.sampled_from([0, 0, 1, 2]))
    as_numbers = draw(st.booleans())
    for row in rows:
        for column, value in enumerate(row, left):
            if as_numbers and value.lstrip("-").isdigit():
                sheet.write_number(at, column, int(value))
            else:
                sheet.write_string(at, column, value)
        at += 1 + gap
        gap = 0
    book.close()
    return table, out.getvalue()


@st.composite
def parquets(draw: st.DrawFn) -> tuple[Table, bytes]:
    table = draw(tables(always_named=True))
    assert table.names is not None
    out = io.BytesIO()
    pl.DataFrame(
        {name: [row[at] for row in table.rows] for at, name in enumerate(table.names)}, schema_overrides=None
    ).write_parquet(out)
    return table, out.getvalue()


@st.composite
def objects(draw: st.DrawFn) -> tuple[Table, bytes]:
    table = draw(tables(always_named=True))
    assert table.names is not None
    rows = [dict(zip(table.names, row, strict=True)) for row in table.rows]
    if draw(st.booleans()):
        return table, json.dumps(rows, indent=draw(st.sampled_from([None, 1]))).encode()
    return table, "\n".join(map(json.dumps, rows)).encode()
