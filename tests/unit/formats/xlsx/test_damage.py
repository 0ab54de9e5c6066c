"""Workbooks that are damaged, hostile or too large."""

import zipfile
from pathlib import Path

import pytest

from app.domain.file_format import FileFormat
from app.formats.xlsx import archive as workbook_archive
from app.formats.xlsx.workbook import resolve_sheet
from tests.unit.formats.xlsx.workbooks import GOOD, HEADER, PAIR, SHEET, code_of, make, read, rewritten, with_rows


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_xlsx"),
        (b"PK\3\4", "not_xlsx"),
        (b"a,b\n1,2\n", "not_xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted_xlsx"),
    ],
)
def test_files_that_are_no_workbooks(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "o"
    path.write_bytes(data)
    for call in (lambda: resolve_sheet(path, FileFormat("xlsx")), lambda: read(path)):
        assert code_of(call) == code


@pytest.mark.slow
def test_damaged_workbooks(tmp_path: Path) -> None:
    whole = make(tmp_path / "o", [HEADER, *[[*GOOD[:1], f"A-{n * 7919 % 10007}", *GOOD[2:]] for n in range(500)]])
    data = whole.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[: len(data) // 2])
    assert code_of(lambda: read(cut)) == "not_xlsx"
    flipped = bytearray(data)
    with zipfile.ZipFile(whole) as archive:
        flipped[archive.getinfo(SHEET).header_offset + 500] ^= 0xFF
    cut.write_bytes(flipped)
    assert code_of(lambda: read(cut)) == "damaged_xlsx"
    for name, becomes, code in [
        (SHEET, b"<worksheet><sheetData><row", "damaged_xlsx"),
        (SHEET, None, "damaged_xlsx"),
        ("xl/workbook.xml", None, "not_xlsx"),
        ("xl/workbook.xml", b"<workbook", "damaged_xlsx"),
        ("xl/workbook.xml", b"<workbook/>", "unknown_sheet"),
        ("xl/_rels/workbook.xml.rels", None, "damaged_xlsx"),
        ("xl/sharedStrings.xml", b"<sst><si>", "damaged_xlsx"),
    ]:
        path = make(tmp_path / "p", [HEADER, GOOD])
        rewritten(path, lambda part, data, name=name, becomes=becomes: becomes if part == name else data)
        assert code_of(lambda path=path: read(path)) == code, name


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    data = path.read_bytes()
    at = data.rindex(b"PK\x01\x02")
    path.write_bytes(data[: at + 8] + bytes([data[at + 8] | 1]) + data[at + 9 :])
    assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "encrypted_xlsx"


@pytest.mark.slow
def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    bomb = rewritten(make(tmp_path / "b", [HEADER]), lambda _, data: data, {"xl/bomb.xml": bytes(100_000_000)})
    assert bomb.stat().st_size < 1_000_000
    with monkeypatch.context() as patched:
        patched.setattr(workbook_archive, "MAX_UNPACKED_BYTES", 90_000_000)
        assert code_of(lambda: resolve_sheet(bomb, FileFormat("xlsx"))) == "xlsx_too_large"
        patched.setattr(workbook_archive, "MAX_FILE_BYTES", 1000)
        assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "xlsx_too_large"
    rewritten(path, lambda _, data: data, {f"xl/{n}.xml": b"" for n in range(6000)})
    assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "xlsx_too_large"
    big = make(tmp_path / "i", [HEADER, GOOD])
    rewritten(big, lambda name, data: data + b" " * 5_000_000 if name == "xl/workbook.xml" else data)
    assert code_of(lambda: resolve_sheet(big, FileFormat("xlsx"))) == "xlsx_too_large"


def test_a_directory_that_lies_about_sizes(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(SHEET).file_size
    data = path.read_bytes()
    needle = size.to_bytes(4, "little") + len(SHEET).to_bytes(2, "little")
    at = data.rindex(needle)
    path.write_bytes(data[:at] + (100).to_bytes(4, "little") + data[at + 4 :])
    resolve_sheet(path, FileFormat("xlsx"))
    assert code_of(lambda: read(path)) == "damaged_xlsx"


def test_document_types_are_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    evil = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    rewritten(
        path,
        lambda name, data: data.replace(b"<workbook", evil + b"<workbook", 1) if name == "xl/workbook.xml" else data,
    )
    assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "damaged_xlsx"


@pytest.mark.slow
@pytest.mark.child
def test_cells_far_apart_need_no_memory_of_this_process(tmp_path: Path) -> None:
    body = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = with_rows(tmp_path / "o", body)
    resolve_sheet(path, FileFormat("xlsx"))
    assert code_of(lambda: read(path, PAIR)) == "sheet_too_large"


@pytest.mark.slow
@pytest.mark.child
def test_a_long_text_in_many_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = make(tmp_path / "o", [["a", "t"]])
    cell = b'<row><c t="s"><v>0</v></c></row>'
    sheet = b"<worksheet><sheetData>%b</sheetData></worksheet>" % (cell * 30_000)
    strings = b"<sst><si><t>%b</t></si></sst>" % (b"x" * 1_000_000)
    parts = {SHEET: sheet, "xl/sharedStrings.xml": strings}
    rewritten(book, parts.get)
    assert code_of(lambda: read(book, PAIR)) == "sheet_too_large"
