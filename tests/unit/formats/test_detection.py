"""What a file is, from its first bytes, and what a client may say of it."""

import gzip
import io
import random
import re
import zipfile
from typing import Any

import pytest
from backports import zstd

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import InvalidContent, UnsupportedFormat
from app.domain.file_format import FileFormat, file_format_from_json
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import FormatOptions, parse_options

PETS = Dataset(
    "pets",
    (Column("name", ColumnType.TEXT, length=30), Column("age", ColumnType.INTEGER, maximum=99)),
    ("name",),
)
CSV = b"name,age\nRex,1\n"
NDJSON = b'{"name": "Rex"}\n'


def found(head: bytes | str, name: str | None = None, content_type: str | None = None, **said: str) -> FileFormat:
    data = head.encode() if isinstance(head, str) else head
    return detect(name, content_type, data, PETS, parse_options(said))


def zipped(*names: str, content: bytes | str = b"") -> bytes:
    """An archive with these names, all with the same content, but folders."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)  # with a time that is always the same
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(info, b"" if name.endswith("/") else content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content_type", "head", "expected"),
    [
        (None, None, CSV, ("csv", "none")),
        (None, None, NDJSON, ("ndjson", "none")),
        (None, None, b"\xef\xbb\xbf" + CSV, ("csv", "none")),
        (None, None, b"\xef\xbb\xbf \n" + NDJSON, ("ndjson", "none")),
        (None, None, gzip.compress(CSV, mtime=0), ("csv", "gzip")),
        (None, None, gzip.compress(NDJSON, mtime=0), ("ndjson", "gzip")),
        (None, None, gzip.compress(NDJSON, mtime=0)[:-10], ("ndjson", "gzip")),
        (None, None, zstd.compress(CSV), ("csv", "zstd")),
        (None, None, zstd.compress(NDJSON), ("ndjson", "zstd")),
        ("a.csv", "text/csv", NDJSON, ("ndjson", "none")),  # the content decides
        ("a.csv.gz", "application/gzip", CSV, ("csv", "none")),
        (
            "a.ndjson",
            "application/x-ndjson",
            gzip.compress(CSV, mtime=0),
            ("ndjson", "gzip"),
        ),  # the reader says why not
        ("A.JSONL", None, b"oops", ("ndjson", "none")),
        ("a.json", None, b"oops", ("json", "none")),
        (None, "application/x-ndjson; charset=utf-8", b"oops", ("ndjson", "none")),
        ("a.csv", "application/x-ndjson", b"oops", ("csv", "none")),
        (None, "application/octet-stream", b"", ("csv", "none")),
        (None, None, b"\x1f\x8b", ("csv", "gzip")),
        (None, None, b"\x1f\x8bgarbage that is no gzip", ("csv", "gzip")),
        (None, None, b"\x28\xb5\x2f\xfdgarbage that is no zstd", ("csv", "zstd")),
        (None, None, b"[\n  {}\n]", ("json", "none")),
        (None, None, b"\xef\xbb\xbf  [{}]", ("json", "none")),
        (None, None, gzip.compress(b"[]", mtime=0), ("json", "gzip")),
        (None, None, b"PAR1xxxx", ("parquet", "none")),
        (None, None, gzip.compress(b"PAR1xxxx", mtime=0), ("parquet", "gzip")),
        ("Orders.XLSX", None, b"PK\x03\x04xxxx", ("xlsx", "none")),
        (None, None, zipped("[Content_Types].xml", "_rels/.rels"), ("xlsx", "none")),
        (None, None, zipped("docProps/app.xml", "xl/worksheets/sheet1.xml"), ("xlsx", "none")),
        (None, None, zipped("mimetype", content="application/vnd.oasis.opendocument.spreadsheet"), ("ods", "none")),
        ("orders.zip", None, zipped("pets.csv", content=CSV), ("csv", "zip")),
        (None, None, zipped("a/", "a/pets.ndjson", content=NDJSON), ("ndjson", "zip")),
        (None, None, zipped("pets.xlsx", content=zipped("[Content_Types].xml")), ("xlsx", "zip")),
        (None, None, gzip.compress(zipped("[Content_Types].xml"), mtime=0), ("xlsx", "gzip")),
        (None, None, b"PK\x03\x04xxxx", ("csv", "zip")),  # its reader says what is wrong
        ("orders.xlsx", None, CSV, ("csv", "none")),
        ("orders.parquet", None, CSV, ("csv", "none")),
    ],
)
def test_what_is_read(name: str | None, content_type: str | None, head: bytes, expected: tuple[str, str]) -> None:
    file_format = found(head, name, content_type)
    assert (file_format.format, file_format.compression) == expected


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x05\x06" + bytes(18), "empty ZIP archive"),
        (b"{\\rtf1", "RTF"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (bytes(257) + b"ustar", "a tar archive"),
        (gzip.compress(bytes(257) + b"ustar\x0000", mtime=0), "a tar archive"),
        (b"\n<!DOCTYPE html><table>", "HTML"),
        (b"<table><tr><td>1</td></tr></table>", "HTML"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "Excel 2003"),
        (b'<?xml version="1.0"?><orders/>', "an XML document: export"),
        (b"\xd0\xcf\x11\xe0" + bytes(99) + "EncryptedPackage".encode("utf-16-le"), "without a password"),
        (b"\xd0\xcf\x11\xe0" + bytes(99) + "Workbook".encode("utf-16-le"), "before 2007 (xls)"),
        (b"\xd0\xcf\x11\xe0" + bytes(99) + "WordDocument".encode("utf-16-le"), "Word"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (zipped("[Content_Types].xml", "xl/_rels/workbook.bin.rels"), "xlsb"),
        (zipped("Index/Document.iwa"), "Numbers"),
        (zipped("mimetype", content="application/vnd.oasis.opendocument.text"), "a text document"),
        (zipped("x.zip", content=zipped("y.csv")), "a ZIP archive inside another"),
        (zipped("x.csv.gz", content=gzip.compress(CSV, mtime=0)), "inside another archive"),
        (b"%PDF-1.7", "PDF"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"\x00\x01\x02", "binary"),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), "gzip twice"),
        (gzip.compress(zstd.compress(CSV), mtime=0), "zstd twice"),
    ],
)
def test_what_is_not_read(head: bytes, what: str) -> None:
    with pytest.raises(UnsupportedFormat, match=re.escape(what)) as caught:
        found(head, "pets.csv", "text/csv")
    for read_here in ("CSV", "NDJSON", "XLSX", "ODS", "Parquet", "gzip", "zstd", "ZIP"):
        assert read_here in caught.value.detail


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("name,age\nRex,1\n", {}),
        ("name;age\nRex;1\n", {"delimiter": ";"}),
        ("name\tage\nRex\t1\n", {"delimiter": "\t"}),
        ("age|name\n1|Rex\n", {"delimiter": "|"}),
        ("name\x01age\nRex\x011\n", {"delimiter": "\x01"}),
        ("Export, from; somewhere|else\n\n# by us\nname;age\nRex;1\n", {"delimiter": ";", "first_line": 4}),
        ("it's \"odd\nname,age\nRex,1\n", {"first_line": 2}),
        ("name,age\r\nRex,1\r\n", {}),
        ("\r\rname;age\rRex;1\r", {"delimiter": ";", "first_line": 3}),
        ("name,age\nRex,1,\n", {"trailing": True}),
        ("name,age,\nRex,1,\n", {}),
        ("name,age\n'Rex, the dog','1'\n", {"quote": "'"}),
        ("name,age\n'Rex'' dog','it\\'s'\n", {"quote": "'", "escape": "\\"}),
        ("name,age\nRex,'\n", {}),
        ("name,age\nRex,a'\nTom,'a\n", {}),
        ("name,age\n's-Hertogenbosch,1\n", {}),
        ("name,age\n\"it's 'so'\",1\n", {}),
        ('name,age\n"the \\"best\\", ever",1\n"b\\\\",2\n', {"escape": "\\"}),
        ('name,age\n"the ""best\\""",1\n', {}),
        ('name,age\n"C:\\",1\n"b",2\n', {}),
        ("nothing,of,ours\n1,2,3\n", {}),
        ("nothing;of;ours\n1;2;3\n", {"delimiter": ";"}),
        ("", {}),
    ],
)
def test_the_dialect(head: str, expected: dict[str, Any]) -> None:
    file_format = found(head)
    assert {name: value for name, value in file_format.as_json().items() if name != "format"} == expected
    assert file_format_from_json(file_format.as_json()) == file_format


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_told_from_its_bytes(encoding: str) -> None:
    file_format = found("name;age\nRéx;1\n".encode(encoding))
    assert file_format.delimiter == ";"
    assert file_format.encoding == ("utf-8" if encoding == "utf-8-sig" else encoding)


def test_a_compressed_file_is_known_by_its_first_bytes_however_badly_it_packs() -> None:
    noise = "".join(
        random.Random(7).choices("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", k=300_000)
    )
    body = ("name;age\n" + "".join(f"{noise[at : at + 30]};1\n" for at in range(0, 300_000, 30))).encode()
    for packed in (zstd.compress(body), gzip.compress(body, mtime=0)):
        assert len(packed) > 3 * 64 * 1024
        assert found(packed[:HEAD_BYTES]).delimiter == ";"


def test_other_encodings_are_never_guessed() -> None:
    assert found("name,age\nRéx,1\n".encode("cp1252")).encoding == "utf-8"
    assert found("name,age\nRéx,1\n".encode("cp1252"), encoding="CP1252").encoding == "cp1252"


def test_what_is_said_counts() -> None:
    assert found("name;age\nRex;1\n", delimiter=",").delimiter == ","
    assert found("a\tb\nRex\t1\n", "pets.tsv").delimiter == "\t"
    assert found("name;age\n", format="tsv").delimiter == "\t"
    assert found("name,age\nRex,1\n", delimiter="tab", quote="", first_line="2") == FileFormat(
        "csv", delimiter="\t", quote="", first_line=2
    )
    assert found("name,age\nRex,1\n", quote="none").quote == ""
    assert [found("a,b\n1,2\n", **said).quote_given for said in ({}, {"quote": "none"}, {"quote": '"'})] == [0, 0, 1]
    headless = found("# made by us\nRex;1\n", header="false", columns="name,age")
    assert headless == FileFormat("csv", delimiter=";", header=False, first_line=2, columns=["name", "age"])
    renamed = found("old\nthe name|AGE\nRex|1\n", columns='{"the name": "name", "AGE": "age"}')
    assert (renamed.delimiter, renamed.first_line) == ("|", 2)
    assert found(NDJSON, format="csv").format == "csv"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"encoding": "klingon"}, "encoding"),
        ({"encoding": "base64"}, "encoding"),
        ({"encoding": "idna"}, "encoding"),
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": '"'}, "delimiter"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"delimiter": "123456789"}, "delimiter"),
        ({"quote": "ab"}, "quote"),
        ({"quote": "x"}, "quote"),
        ({"quote": "é"}, "quote"),
        ({"quote": ",", "delimiter": ","}, "delimiter"),
        ({"escape": "/"}, "escape"),
        ({"escape": "\\", "quote": ""}, "escape"),
        ({"header": "maybe"}, "header"),
        ({"first_line": "0"}, "first_line"),
        ({"first_line": "1e3"}, "first_line"),
        ({"first_line": "99999"}, "first_line"),
        ({"columns": "{"}, "columns"),
        ({"columns": "{}"}, "columns"),
        ({"columns": '{"a": 1}'}, "columns"),
        ({"columns": '["a", 1]'}, "columns"),
    ],
)
def test_bad_options_are_named(said: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidContent) as caught:
        parse_options(said)
    assert [error["field"] for error in caught.value.extra["errors"]] == [field]


@pytest.mark.parametrize(
    "said", [{"sheet": "A"}, {"format": "ndjson", "delimiter": ";"}, {"format": "xlsx", "encoding": "cp1252"}]
)
def test_options_of_another_format_are_refused(said: dict[str, str]) -> None:
    with pytest.raises(InvalidContent, match="the file is read as"):
        found(CSV, **said)


def test_objects_have_no_order_of_columns() -> None:
    with pytest.raises(InvalidContent, match="no order"):
        found(NDJSON, columns="name,age")
    assert found(NDJSON, columns='{"Name": "name"}').columns == {"Name": "name"}


def test_nothing_said_is_nothing() -> None:
    assert parse_options({}) == FormatOptions()
    assert FormatOptions().as_json() == {}
