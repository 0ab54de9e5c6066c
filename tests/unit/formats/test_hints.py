"""Hints: what a message says of the encoding, and of the options that would let a row in."""

from pathlib import Path

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.detection import detect
from app.formats.options import parse_options
from app.formats.reader import read_rows
from app.formats.streams.encoding_guess import guess_encodings, guess_utf16

PEOPLE = Dataset(
    "people",
    (
        Column("name", ColumnType.TEXT, length=20),
        Column("age", ColumnType.INTEGER, maximum=200, nullable=True),
        Column("size", ColumnType.INTEGER, maximum=200),
    ),
    (),
)


LATIN = ["windows-1252", "windows-1250", "iso-8859-15"]


@pytest.mark.parametrize(
    ("text", "codec", "names"),
    [
        ("Zoë", "cp1252", ["windows-1252", "iso-8859-15"]),
        ("L’Avenue 5€", "cp1252", ["windows-1252", "windows-1250"]),
        ("Müller, 5 €", "iso8859_15", ["iso-8859-15"]),
        ("Jörg, Köln", "mac_roman", ["windows-1250", "macintosh"]),
        ("Müller", "cp850", ["cp850"]),
        ("Grüße", "cp850", ["cp850"]),
        ("Grüße", "cp1252", LATIN),
        ("Kraków", "cp1250", LATIN),
        ("Kraków\nGdańsk", "cp1250", LATIN),
        ("Łódź", "cp1250", ["windows-1250"]),
        ("Привет", "cp1251", ["windows-1251"]),
        ("商品", "shift_jis", ["shift_jis", "gb18030"]),
        ("こんにちは", "shift_jis", ["shift_jis"]),
        ("①髙橋さん", "cp932", ["cp932"]),
        ("서울 부산", "euc_kr", ["euc-kr"]),
        ("台北市信義區", "big5", ["big5"]),
    ],
)
def test_all_encodings_are_suggested_that_the_bytes_may_be_in(text: str, codec: str, names: list[str]) -> None:
    assert guess_encodings(text.encode(codec)) == names


def test_bytes_that_are_no_text_suggest_nothing() -> None:
    assert guess_encodings(b"\x81\x8d\x8f\x90\xff\xfe\x80") == []
    assert guess_utf16(b"\x00\x01\x02\x03" * 100) is None
    assert guess_utf16("имя\nАнна\n".encode("utf-16-be")) == "utf-16-be"


def test_all_rows_decide_on_the_encoding(tmp_path: Path) -> None:
    """The first word is the same in three encodings, and the next ones would be other texts in two of them."""
    text = "name,age,size\nKraków,1,1\nGdańsk,2,1\nŻółw,3,1\n".encode("cp1250")
    found = reasons(tmp_path / "f.csv", text)
    for value, reason in zip(("Kraków", "Gdańsk", "Żółw"), found, strict=True):
        assert reason.endswith(f"look like {value!r} in windows-1250: set encoding=windows-1250 if the file is")
    [_, other] = reasons(tmp_path / "f.csv", text[: text.index("Żó".encode("cp1250"))])
    assert "look like 'Gdañsk' in windows-1252, or 'Gdańsk' in windows-1250" in other
    [one] = reasons(tmp_path / "f.csv", text[: text.index(b"Gda")])
    assert "set encoding=windows-1252 if the file is; these bytes are the same text in windows-1250 and" in one


def reasons(path: Path, text: str | bytes, **options: str) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(data)
    file_format = detect(path.name, None, data, PEOPLE, parse_options(options))
    return [bad.reason for batch in read_rows(path, PEOPLE, file_format, 1 << 16) for bad in batch.rejects]


@pytest.mark.parametrize("null", ["NULL", "null", "\\N", "N/A", "-", "--", "(null)", "None"])
def test_a_word_for_null_is_named_where_it_helps(tmp_path: Path, null: str) -> None:
    [reason] = reasons(tmp_path / "f.csv", f"name,age,size\nAnn,{null},1\n")
    assert reason.endswith(f"set `null={null}`")
    [reason] = reasons(tmp_path / "f.csv", f"name,age,size\nAnn,1,{null}\n")
    assert reason.endswith(f'set `null={null}` and columns={{"size": {{"default": "…"}}}}')  # it must have a value
    [reason] = reasons(tmp_path / "f.csv", f"name,age,size\nAnn,{null},1\n", null="x")
    assert "null=" not in reason


def test_spaces_are_named_only_if_nothing_else_is_wrong(tmp_path: Path) -> None:
    [reason] = reasons(tmp_path / "f.csv", "name,age,size\nAnn,1, 5\n")
    assert "trim=true" in reason
    [reason] = reasons(tmp_path / "f.csv", "name,age,size\nAnn,1, x\n")
    assert "trim=true" not in reason


def test_options_of_another_format_are_not_named(tmp_path: Path) -> None:
    [reason] = reasons(tmp_path / "f.ndjson", '{"name": "Ann", "age": "NULL", "size": " 5"}\n')
    assert "null=" not in reason and "trim=" not in reason


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u2007", "\u2009", "\u202f"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_trim_removes_every_blank_that_its_hint_is_for(tmp_path: Path, blank: str, quote: str) -> None:
    data = f"name,age,size\nAnn,1,{blank}{quote}5{quote}{blank}\n"
    if not quote:
        [reason] = reasons(tmp_path / "f.csv", data)
        assert reason.endswith("Set trim=true to remove the spaces around fields")
    assert reasons(tmp_path / "f.csv", data, trim="true") == []


def test_trim_leaves_a_delimiter(tmp_path: Path) -> None:
    assert reasons(tmp_path / "f.csv", "name\tage\tsize\nAnn\t\t 5\u00a0\n", trim="true", delimiter="tab") == []
