"""Cells that the file says too little of: formulas without a result, errors, values in parts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.formats.xlsx import cells as cell_reader
from app.formats.xlsx.cells import text_of
from app.formats.xlsx.rewriter import REFUSED, Rewriter, is_plain
from tests.fuzz.examples import examples
from tests.unit.formats.xlsx.workbooks import PAIR, SHEET, Formula, make, read, rewritten, rows, with_rows

QUINT = Dataset(
    "quint",
    (Column("a", ColumnType.TEXT, length=99), *(Column(n, ColumnType.TEXT, length=99, nullable=True) for n in "bcd")),
    ("a",),
)


def with_cells(path: Path, *cells: str, prefix: str = "", **parts: bytes) -> Path:
    """A workbook with the columns a, b, c, d and a row for each of these cells, which say that they are in row 2.

    In its column a stands x, in d 1.
    """
    row = '<row r="2"><c r="A2" t="str"><v>x</v></c>%s<c r="D2"><v>1</v></c></row>'
    body = "".join((row % cell).replace('2"', f'{at}"').replace("2'", f"{at}'") for at, cell in enumerate(cells, 2))
    names = "".join(f'<c r="{n.upper()}1" t="str"><v>{n}</v></c>' for n in "abcd")
    xml = f'<worksheet xmlns="m"><sheetData><row r="1">{names}</row>{body}</sheetData></worksheet>'
    if prefix:
        xml = re.sub("<(/?)(?=[a-z])", rf"<\1{prefix}:", xml).replace("xmlns", f"xmlns:{prefix}")
    found = {SHEET: xml.encode(), **{name.replace("__", "/") + ".xml": data for name, data in parts.items()}}
    return rewritten(make(path, [["a"]]), lambda name, data: found.get(name) or data)


WITHOUT_RESULT = [
    '<c r="C2"><f>A1*2</f></c>',
    '<c r="C2"><f>A1*2</f><v/></c>',
    '<c r="C2"><f>A1*2</f><v></v></c>',
    '<c r="C2"><f>A1*2</f><v> </v></c>',
    '<c r="C2"><f>A1*2</f>\n  <v />\n</c>',
    "<c r='C2' s='0'><f>A1*2</f></c>",
    '<c s="0" t="n" r="C2" ><f>A1*2</f><v></v></c >',
    '<c r="C2" t="str"><f>A1*2</f></c>',
    '<c r="C2" t="s"><f>A1*2</f><v/></c>',
    '<c r="C2" t="b"><f>A1*2</f><v></v></c>',
    '<c r="C2"><f/></c>',
    '<c r="C2"><f t="shared" si="0"/></c>',
    '<c r="C2"><f t="shared" si="0"/><v/></c>',
    '<c r="C2"><f t="shared" ref="C2:C9" si="0">A1*2</f></c>',
    '<c r="C2"><f t="array" ref="C2">SUM(A1:A2*2)</f></c>',
    '<c r="C2"><f ca="1">NOW()</f><v></v></c>',
    '<c r="C2"><f>A1&lt;2</f><v/></c>',
    '<c r="C2"><f><![CDATA[A1<2]]></f><v/></c>',
    '<c r="C2"><!-- later --><f>A1*2</f></c>',
    '<c r="C2"><v></v><f>A1*2</f></c>',
    '<c r="C2"><v>7</v><f>A1*2</f></c>',
    "<c r='C2'><f>A1*2</f></c>",
]


@pytest.mark.parametrize("prefix", ["", "x"])
def test_a_formula_without_a_result_is_no_blank(tmp_path: Path, prefix: str) -> None:
    path = with_cells(tmp_path / "o", *WITHOUT_RESULT, prefix=prefix)
    [chunk] = read(path, QUINT)
    assert rows([chunk]) == [] and len(chunk.bad) == len(WITHOUT_RESULT)
    for cell, (line, _, failed) in zip(WITHOUT_RESULT, chunk.bad, strict=True):
        assert (failed.line, failed.code, failed.column) == (line, "cell_error", "c"), cell
        assert f"cell C{line};" in failed.reason and "open and save it in a spreadsheet program" in failed.reason
    assert rows(read(path, QUINT, columns={"c": None})) == [("x", None, None, "1")] * len(WITHOUT_RESULT)


@pytest.mark.parametrize("cell", ["<f>A1</f>", "<f>A1</f><v/>"])
def test_a_row_with_nothing_but_a_formula_is_no_blank_row(tmp_path: Path, cell: str) -> None:
    names = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>t</v></c></row>'
    path = with_rows(tmp_path / "o", f'{names}<row r="2"><c r="B2">{cell}</c></row>'.encode())
    assert [(line, failed.column) for line, _, failed in read(path, PAIR)[0].bad] == [(2, "t")]


LEFT = [
    ('<c r="C2"><f>A1*2</f><v>5</v></c>', "5"),
    ('<c r="C2" t="str"><f>A1</f><v></v></c>', None),  # the empty text is a result
    ('<c r="C2" t="str"><f>A1</f><v/></c>', None),
    ('<c r="C2" t="str"><f>A1</f><v> y</v></c>', " y"),
    ('<c r="C2" t="b"><f>A1</f><v>0</v></c>', "false"),
    ('<c r="C2" t="inlineStr"><f>A1</f><is><t>y</t></is></c>', "y"),
    ('<c r="C2"><f t="shared" si="0"/><v>5</v></c>', "5"),
    ('<c r="C2"><f>A1</f><v xml:space="preserve">5</v></c>', "5"),
    ('<c r="C2"><v></v></c>', None),
    ('<c r="C2" s="0"/>', None),
    ('<!-- <c r="B2"><f>1</f></c> --><c r="C2"><v>5</v></c>', "5"),
    ('<c r="C2" t="str"><v>&lt;f> "e" t="e"</v></c>', '<f> "e" t="e"'),
]


@pytest.mark.parametrize("prefix", ["", "x"])
@pytest.mark.parametrize("odd", [False, True])
def test_cells_that_are_left_as_they_are(tmp_path: Path, prefix: str, odd: bool) -> None:
    cells = [(cell, value) for cell, value in LEFT if odd or "<!" not in cell]
    path = with_cells(tmp_path / "o", *(cell for cell, _ in cells), prefix=prefix)
    assert rows(read(path, QUINT)) == [("x", None, value, "1") for _, value in cells]
    looked = list(cell_reader.messages(str(path), "Orders", SHEET, "0", "100", "1000000"))[2:]  # always with the parser
    assert looked == [(line, ["x", "", value or "", "1"], {}) for line, (_, value) in enumerate(cells, 2)]


def test_a_value_in_parts_is_no_blank(tmp_path: Path) -> None:
    cells = [
        '<c r="C2"><v><![CDATA[7]]></v></c>',
        '<c r="C2"><v><!-- it was 8 -->7</v></c>',
        '<c r="C2"><v>7<?was 8?></v></c>',
        '<c r="C2" t="str"><v>a<![CDATA[b]]></v></c>',
        '<c r="C2" t="inlineStr"><is><t>a<!-- b --></t></is></c>',
        '<c r="C2"><f>A1</f><v><![CDATA[7]]></v></c>',
    ]
    [chunk] = read(with_cells(tmp_path / "o", *cells), QUINT)
    found = [(line, failed.code, failed.column) for line, _, failed in chunk.bad]
    assert found == [(line, "unsupported_cell", "c") for line in range(2, 2 + len(cells))]
    assert chunk.bad[0][2].reason.startswith("cell C2: ")


@pytest.mark.parametrize("prefix", ["", "x"])
def test_errors_name_their_cell(tmp_path: Path, prefix: str) -> None:
    cells = [
        ('<c r="C2" t="e"><f>A1</f><v>#N/A</v></c>', "#N/A"),
        ("<c t='e' r='C2'><v>#DIV/0!</v></c>", "#DIV/0!"),
        ('<c r="C2" t="e"><f>A1</f><v>#SPILL!</v></c>', "#SPILL!"),
        ('<c r="C2" t = "e"><v>#NEW!</v></c>', "#NEW!"),
        ('<c r="C2" t="e"><v></v></c>', "#ERROR"),
        ('<c r="C2" t="e"/>', "#ERROR"),
        ('<c t="e" r="C2"><f t="shared" si="0"/><v>#REF!</v></c>', "#REF!"),
    ]
    [chunk] = read(with_cells(tmp_path / "o", *(cell for cell, _ in cells), prefix=prefix), QUINT)
    found = [(failed.code, failed.column, failed.value) for _, _, failed in chunk.bad]
    assert found == [("cell_error", "c", error) for _, error in cells]
    assert all(f"cell C{line} " in failed.reason for line, _, failed in chunk.bad)


@pytest.mark.slow
def test_every_error_is_found(tmp_path: Path) -> None:
    table = [["a", "b"], *[["x", Formula("#N/A")] for _ in range(11_000)]]
    pair = Dataset("pair", QUINT.columns[:2], ())
    chunks = read(make(tmp_path / "o", table), pair)
    assert sum(len(chunk.bad) for chunk in chunks) == 11_000 and rows(chunks) == []


def test_a_header_without_a_result(tmp_path: Path) -> None:
    path = with_rows(
        tmp_path / "o", b'<row r="3"><c r="B3"><f>"a"</f></c></row><row r="4"><c r="B4"><v>1</v></c></row>'
    )
    with pytest.raises(ImportFailed, match="cell B3") as caught:
        read(path, PAIR)
    assert (caught.value.code, caught.value.line) == ("cell_error", 3)


def test_an_array_without_results_refuses_the_sheet(tmp_path: Path) -> None:
    array = '<c r="B2"><f t="array" ref="B2:C2">A1*2</f>%s</c>'
    with pytest.raises(ImportFailed, match=r"cell B2.*B2:C2") as caught:
        read(with_cells(tmp_path / "o", array % "<v/>"), QUINT)
    assert caught.value.code == "cell_error"
    whole = array % "<v>1</v>" + '<c r="C2"><v>2</v></c>'
    assert rows(read(with_cells(tmp_path / "w", whole), QUINT)) == [("x", "1", "2", "1")]


def test_a_zero_that_is_to_be_calculated_is_no_result(tmp_path: Path) -> None:
    book = b'<workbook xmlns:r="r"><sheets><sheet name="Orders" r:id="rId1"/></sheets>%b</workbook>'
    cells = ['<c r="C2"><f>A1</f><v>0</v></c>', '<c r="C2"><f>A1</f><v>5</v></c>', '<c r="C2"><v>0</v></c>']
    later = {"xl__workbook": book % b'<calcPr fullCalcOnLoad="1"/>'}
    [chunk] = read(with_cells(tmp_path / "o", *cells, **later), QUINT)
    assert [(line, failed.code, failed.column) for line, _, failed in chunk.bad] == [(2, "cell_error", "c")]
    done = {"xl__workbook": book % b'<calcPr calcId="1"/>'}
    assert [row[2] for row in rows(read(with_cells(tmp_path / "p", *cells, **done), QUINT))] == ["0", "5", "0"]


@pytest.mark.parametrize("value", [1e400, float("inf"), float("nan")])
def test_what_is_no_number_is_refused(value: float) -> None:
    assert text_of(value)[1][0] == REFUSED  # type: ignore[index]


CELL = st.sampled_from(
    [
        '<c r="{0}"><v>1</v></c>',
        '<c r="{0}"><f>A1</f><v>1</v></c>',
        '<c r="{0}"><f t="shared" si="0"/><v>1</v></c>',
        '<c r="{0}"><f>A1</f></c>',
        '<c r="{0}"><f>A1</f><v/></c>',
        '<c r="{0}" t="e"><v>#N/A</v></c>',
        '<c r="{0}" t="e"/>',
        '<c r="{0}" s="1"><v>501</v></c>',
        '<c r="{0}" t="inlineStr"><is><t>a b</t></is></c>',
        '<c r="{0}"/>',
        '<c r="{0}"><f><![CDATA[1]]></f><v>1</v></c>',
    ]
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.lists(CELL, max_size=5), max_size=5), st.integers(1, 200))
def test_what_is_plain_is_what_the_parser_leaves_as_it_is(sheet: list[list[str]], size: int) -> None:
    body = "".join(
        f'<row r="{number}">{"".join(cell.format(f"{chr(65 + at)}{number}") for at, cell in enumerate(cells))}</row>'
        for number, cells in enumerate(sheet, 1)
    )
    data = f'<?xml version="1.0"?><worksheet><sheetData>{body}</sheetData><x:f>A1</x:f></worksheet>'.encode()
    styles = {"1": "00000"}

    def cut(size: int) -> Iterator[bytes]:
        return (data[at : at + size] for at in range(0, len(data), size))

    def anew(size: int) -> bytes:
        rewriter = Rewriter(styles, False)
        return b"".join(rewriter.pieces(cut(size))).replace(rewriter.token.encode(), b"")

    whole = anew(len(data))
    assert anew(size) == whole
    assert is_plain(cut(len(data)), styles, False) == (whole == data) or b"<!" in data
    if is_plain(cut(size), styles, False):
        assert whole == data
