"""A text 1.000 may mean 1000. A number that the file holds as a number has a point, in every format."""

import io
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import read_rows
from tests.files.opendocument import row, sheet, spreadsheet, typed

STOCK = Dataset(
    "stock",
    (
        Column("k", ColumnType.TEXT, length=9),
        Column("whole", ColumnType.INTEGER, maximum=10**6),
        Column("price", ColumnType.DECIMAL, precision=9, scale=2, nullable=True),
        Column("rate", ColumnType.DECIMAL, precision=9, scale=3, nullable=True),
    ),
    (),
)


def workbook(whole: str | float, price: str | float) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet()
    page.write_row(0, 0, ["k", "whole", "price", "rate"])
    page.write_row(1, 0, ["a", whole, price, 1.125])
    book.close()
    return out.getvalue()


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"k": ["a"], **{name: [value] for name, value in columns.items()}}).write_parquet(out)
    return out.getvalue()


def objects(whole: str, price: str, rows: int = 1) -> str:
    return "\n".join([f'{{"k": "a", "whole": {whole}, "price": {price}, "rate": 1.125}}'] * rows)


TEXTS = {
    "csv, fast": b"k,whole,price,rate\na,1.000,1,1.125\n",
    "csv, slow": b'k,whole,price,rate\n"a",1.000,1,1.125\n#\n',
    "csv, price": b"k,whole,price,rate\na,1,1.230,1.125\n",
    "ndjson": objects('"1.000"', "1").encode(),
    "ndjson, price": objects("1", '"1.230"').encode(),
    "json": f"[{objects(json.dumps('1.000'), '1')}]".encode(),
    "xlsx": workbook("1.000", 1),
    "ods": spreadsheet(sheet("S", row(["k", "whole", "price", "rate"]), row(["a", "1.000", "1", "1.125"]))),
    "parquet": parquet(whole="1.000", price="1", rate="1.125"),
}
NUMBERS = {
    "ndjson": objects("1.000", "1.230").encode(),
    "ndjson, fast": objects("1.000", "1.230", 50).encode(),
    "ndjson, slow": (objects("1.000", "1.230") + "\n" + objects('"1"', "null")).encode(),
    "json": f"[{objects('1.000', '1.230')}]".encode(),
    "parquet": parquet(whole=Decimal("1.000"), price=Decimal("1.230"), rate=1.125),
    "xlsx": workbook(1.0, 1.23),
    "ods": spreadsheet(
        sheet(
            "S",
            row(["k", "whole", "price", "rate"]),
            row(["a", typed("float", "1.000", value="1"), typed("float", "1.230", value="1.23"), "1.125"]),
        )
    ),
}


def load(path: Path, data: bytes, **said: str) -> tuple[list[tuple[str | None, ...]], list[str]]:
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], STOCK, parse_options(said))
    batches = list(read_rows(path, STOCK, file_format, 1 << 20))
    rejects = [f"{reject.code} {reject.reason}" for batch in batches for reject in batch.rejects]
    preview = make_preview(path, file_format, STOCK, 100)
    assert [f"{each.reject.code} {each.reject.reason}" for each in preview.rows if each.reject] == rejects
    return [values for batch in batches for _, values in read_payload(batch.payload)], rejects


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_refused_until_the_client_says_what_its_point_is(tmp_path: Path, name: str) -> None:
    said = {"comment": "#"} if "slow" in name else {}
    rows, [reason] = load(tmp_path / "f", TEXTS[name], **said)
    assert rows == [] and reason.startswith("ambiguous_number ")
    column = "price" if "price" in name else "whole"
    assert f'columns={{"{column}": {{"decimal_mark": "."}}}} if it means' in reason
    rows, rejects = load(tmp_path / "f", TEXTS[name], decimal_mark=".", **said)
    assert rejects == [] and rows[0][1] == "1"


@pytest.mark.parametrize("data", NUMBERS.values(), ids=NUMBERS)
def test_a_number_of_the_file_is_not_ambiguous(tmp_path: Path, data: bytes) -> None:
    rows, rejects = load(tmp_path / "f", data)
    assert rejects == []
    assert {row[1] for row in rows} == {"1"} and rows[0][2] == "1.23"


@pytest.mark.parametrize(
    "data",
    [
        objects("1", "1.005").encode(),
        objects("1", "1.005", 50).encode(),
        f"[{objects('1', '1.005')}]".encode(),
        parquet(whole=1, price=1.005, rate=1),
        workbook(1, 1.005),
        spreadsheet(sheet("S", row(["k", "whole", "price"]), row(["a", "1", typed("float", "1.005", value="1.005")]))),
    ],
    ids=["ndjson", "ndjson, fast", "json", "parquet", "xlsx", "ods"],
)
def test_marks_are_no_hint_for_a_number_of_the_file(tmp_path: Path, data: bytes) -> None:
    _, rejects = load(tmp_path / "f", data)
    assert rejects and all(reject.endswith("nothing is rounded") for reject in rejects)
