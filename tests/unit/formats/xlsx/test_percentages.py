"""Cells that show a number as a percentage mean the same as the text that they show."""

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.detection import HEAD_BYTES, detect
from app.formats.infer.schema import Inferred
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import Preview, make_preview
from app.formats.reader import read_rows
from tests.files.opendocument import row, sheet, spreadsheet, typed

RATES = Dataset(
    "rates",
    (Column("k", ColumnType.TEXT, length=9), Column("v", ColumnType.DECIMAL, precision=9, scale=4, signed=True)),
    (),
)
KINDS = ["xlsx", "ods"]


def book(path: Path, kind: str) -> bytes:
    """19% as a text, as a number that is shown so, and as a plain number; -5.5% as a number."""
    if kind == "ods":
        rows = [["k", "v"], ["text", "19%"], ["shown", typed("percentage", "19%", value="0.19")]]
        rows += [["plain", typed("float", "0.19", value="0.19")]]
        rows += [["minus", typed("percentage", "-5.5%", value="-0.055")]]
        path.write_bytes(spreadsheet(sheet("S", *map(row, rows))))
        return path.read_bytes()
    found = xlsxwriter.Workbook(path)
    page = found.add_worksheet()
    style, exact = found.add_format({"num_format": "0%"}), found.add_format({"num_format": '0.0"x"%'})
    page.write_row(0, 0, ["k", "v"])
    page.write_row(1, 0, ["text", "19%"])
    page.write_row(2, 0, ["shown"])
    page.write_number(2, 1, 0.19, style)
    page.write_row(3, 0, ["plain", 0.19])
    page.write_row(4, 0, ["minus"])
    page.write_number(4, 1, -0.055, exact)
    found.close()
    return path.read_bytes()


def values(path: Path, data: bytes, **said: str) -> dict[str | None, Any]:
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], RATES, parse_options(said))
    batches = list(read_rows(path, RATES, file_format, 1 << 20))
    loaded = {value[0]: value[1] for batch in batches for _, value in read_payload(batch.payload)}
    preview = make_preview(path, file_format, RATES, 10)
    assert [each.reject for each in preview.rows] == [None] * 4
    return loaded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marks", [{}, {"decimal_mark": ","}])
def test_a_cell_shown_as_a_percentage_is_read_as_its_text(tmp_path: Path, kind: str, marks: dict[str, str]) -> None:
    data = book(tmp_path / "b", kind)
    found = values(tmp_path / "f", data, percent="true", **marks)
    assert found == {"text": "19", "shown": "19", "plain": "0.19", "minus": "-5.5"}
    found = values(tmp_path / "f", data, percent="fraction", **marks)
    assert found == {"text": "0.19", "shown": "0.19", "plain": "0.19", "minus": "-0.055"}


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_option_a_cell_is_its_number_and_a_text_is_refused(tmp_path: Path, kind: str) -> None:
    data = book(tmp_path / "f", kind)
    file_format = detect(None, None, data[:HEAD_BYTES], RATES, parse_options({}))
    [batch] = read_rows(tmp_path / "f", RATES, file_format, 1 << 20)
    assert [value[1] for _, value in read_payload(batch.payload)] == ["0.19", "0.19", "-0.055"]
    assert [reject.value for reject in batch.rejects] == ["19%"]


def proposed(path: Path, data: bytes, **said: str) -> Preview:
    file_format = detect(None, None, data[:HEAD_BYTES], Dataset("", (), ()), parse_options(said))
    return make_preview(path, file_format, None, 10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", ["true", '{"v": {"percent": true}}'])
def test_a_proposal_takes_such_cells_alike(tmp_path: Path, kind: str, columns: str) -> None:
    said = {"percent": columns} if columns == "true" else {"columns": columns}
    found = proposed(tmp_path / "f", book(tmp_path / "f", kind), **said)
    assert isinstance(found.inferred, Inferred)
    [column] = [column for column in found.dataset.columns if column.name == "v"]
    assert column.type is ColumnType.DECIMAL and not any(each.reject for each in found.rows)
