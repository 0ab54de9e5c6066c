"""Small workbooks that are made to take a reader's memory or time."""

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="rId3" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
}
_ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(9))
    + "]>"
)


def book(sheet: str, method: int = zipfile.ZIP_DEFLATED, **parts: str | bytes) -> bytes:
    """A workbook with this in its sheet's data, and with `strings`, `styles` or others."""
    names = {"strings": STRINGS, "styles": "xl/styles.xml", "more": "xl/more.xml"}
    content: dict[str, str | bytes] = {
        **_PARTS,
        SHEET: f'<worksheet xmlns="{_MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        **{names[name]: data for name, data in parts.items()},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    return file.getvalue()


def _row(*cells: str) -> str:
    return f'<row r="1">{"".join(cells)}</row>'


def _attribute(number: int) -> str:
    return f'a{number}="1"'


def _strings(*texts: str) -> str:
    return f'<sst xmlns="{_MAIN}">{"".join(f"<si><t>{text}</t></si>" for text in texts)}</sst>'


def _lying() -> bytes:
    data = bytearray(book(_row('<c r="A1"><v>1</v></c>') + " " * 5_000_000))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo(SHEET).file_size
    needle = size.to_bytes(4, "little") + len(SHEET).to_bytes(2, "little")
    at = data.rindex(needle)
    data[at : at + 4] = (1000).to_bytes(4, "little")
    return bytes(data)


def _overlapping() -> bytes:
    """Two entries of the directory for the same bytes."""
    data = book(_row('<c r="A1"><v>1</v></c>'), more="<x/>" * 100)
    name, other = b"xl/more.xml", SHEET.encode()
    entry, first = data.rindex(b"PK\1\2", 0, data.rindex(name)), data.rindex(b"PK\1\2", 0, data.rindex(other))
    return data[: entry + 42] + data[first + 42 : first + 46] + data[entry + 46 :]


def _doubled() -> bytes:
    file = io.BytesIO(book(_row('<c r="A1"><v>1</v></c>')))
    with zipfile.ZipFile(file, "a") as archive:
        archive.filelist.append(archive.filelist[3])
        archive.writestr("xl/last.xml", "")
    return file.getvalue()


def _many_strings() -> bytes:
    chance = random.Random(1)
    texts = "".join("<si/>" * 80 + f"<si><t>{chance.randrange(10**9)}</t></si>" for _ in range(60_000))
    return book(_row('<c r="A1" t="s"><v>0</v></c>'), strings=f'<sst xmlns="{_MAIN}">{texts}</sst>')


FILES: dict[str, Callable[[], bytes]] = {
    "cells far apart": lambda: book(
        _row('<c r="A1"><v>1</v></c>') + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    ),
    "cells far apart in a row": lambda: book(
        "".join(f'<row r="{at}"><c r="XFD{at}"><v>1</v></c></row>' for at in range(1, 20_000))
    ),
    "a column beyond all": lambda: book(_row('<c r="A1"><v>1</v></c><c r="ZZZZZZ1"><v>1</v></c>')),
    "a row beyond all": lambda: book(_row('<c r="A99999999999"><v>1</v></c>')),
    "a row near the end of numbers": lambda: book(_row('<c r="A1"><v>1</v></c><c r="A4294967295"><v>1</v></c>')),
    "a row number of many digits": lambda: book(f'<row r="{"9" * 5000}"><c><v>1</v></c></row>'),
    "empty cells": lambda: book(("<row>" + "<c/>" * 16_384 + "</row>") * 140),
    "empty cells beyond the ratio": lambda: book(("<row>" + "<c/>" * 16_384 + "</row>") * 1400),
    "more cells in a row than a sheet has": lambda: book("<row>" + "<c><v>1</v></c>" * 100_000 + "</row>"),
    "a long text in many cells": lambda: book(
        '<row><c t="s"><v>0</v></c></row>' * 100_000, strings=_strings("x" * 6_000_000)
    ),
    "a long text in the cells of a row": lambda: book(
        "<row>" + '<c t="s"><v>0</v></c>' * 16_000 + "</row>", strings=_strings("x" * 20_000)
    ),
    "strings without end": _many_strings,
    "a sheet of blanks": lambda: book(" " * 100_000_000),
    "a part of blanks": lambda: book(_row('<c r="A1"><v>1</v></c>'), more=" " * 100_000_000),
    "a text of megabytes": lambda: book(_row(f'<c r="A1" t="inlineStr"><is><t>{"x" * 9_000_000}</t></is></c>')),
    "a formula of megabytes": lambda: book(_row(f'<c r="A1"><f>{"x" * 9_000_000}</f></c>')),
    "a number of megabytes": lambda: book(_row(f'<c r="A1"><v>{"9" * 9_000_000}</v></c>')),
    "an attribute of megabytes": lambda: book(_row(f'<c r="A1" x="{"x" * 9_000_000}"><v>1</v></c>')),
    "attributes without end": lambda: book(_row(f"<c {' '.join(_attribute(at) for at in range(300_000))}/>")),
    "elements in elements": lambda: book(_row("<c>" * 400_000)),
    "formulas without results": lambda: book("<row>" + "<c><f/></c>" * 900_000 + "</row>"),
    "comments": lambda: book(_row("<!-- -->" * 1_000_000 + '<c r="A1"><v>1</v></c>')),
    "entities in the sheet": lambda: _with_entities(SHEET, '<row r="1"><c r="A1" t="str"><v>&j;</v></c></row>'),
    "entities in the strings": lambda: book(
        _row('<c r="A1" t="s"><v>0</v></c>'), strings=f'{_ENTITIES}<sst xmlns="{_MAIN}"><si><t>&j;</t></si></sst>'
    ),
    "entities in the styles": lambda: book(
        _row('<c r="A1"><v>1</v></c>'), styles=f'{_ENTITIES}<styleSheet><numFmt formatCode="&j;"/></styleSheet>'
    ),
    "formats without end": lambda: book(
        _row('<c r="A1" s="0"><v>1</v></c>'),
        styles="<styleSheet><numFmts>"
        + "".join(f'<numFmt numFmtId="{at}" formatCode="{"[" * 300}"/>' for at in range(20_000))
        + "</numFmts><cellXfs>"
        + "".join(f'<xf numFmtId="{at}"/>' for at in range(20_000))
        + "</cellXfs></styleSheet>",
    ),
    "a format of megabytes": lambda: book(
        _row('<c r="A1" s="0"><v>1</v></c>'),
        styles=f'<styleSheet><numFmts><numFmt numFmtId="200" formatCode="{"0" * 9_000_000}"/></numFmts>'
        '<cellXfs><xf numFmtId="200"/></cellXfs></styleSheet>',
    ),
    "sizes that are not true": _lying,
    "parts that overlap": _overlapping,
    "a part twice": _doubled,
    "lzma": lambda: book(_row('<c r="A1"><v>1</v></c>'), zipfile.ZIP_LZMA),
    "bzip2": lambda: book(_row('<c r="A1"><v>1</v></c>') + " " * 9_000_000, zipfile.ZIP_BZIP2),
}


def _with_entities(part: str, sheet: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _PARTS.items():
            archive.writestr(name, data)
        archive.writestr(part, f"{_ENTITIES}<worksheet><sheetData>{sheet}</sheetData></worksheet>")
    return file.getvalue()


def write_all(folder: Path) -> list[Path]:
    """Each under a name of its own."""
    found = []
    for name, make in FILES.items():
        path = folder / f"{name.replace(' ', '-')}.xlsx"
        path.write_bytes(make())
        found.append(path)
    return found
