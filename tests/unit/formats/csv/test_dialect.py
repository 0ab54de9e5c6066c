"""The same rows in every dialect and encoding: what is read is what was written."""

import csv as standard
import io
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from hypothesis import given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.reader import check_head, read_rows
from tests.fuzz.examples import examples

PETS = Dataset(
    "pets",
    (Column("name", ColumnType.TEXT, length=30), Column("age", ColumnType.INTEGER, maximum=99)),
    ("name",),
)


def read(
    path: Path, data: bytes | str, name: str | None = None, **said: str
) -> tuple[list[tuple[str, ...]], list[int | None]]:
    """The rows that are read and their lines, with what is detected and `said`."""
    content = data.encode() if isinstance(data, str) else data
    path.write_bytes(content)
    file_format = detect(name, None, content[:HEAD_BYTES], PETS, parse_options(said))
    check_head(path, PETS, file_format)
    rows, lines = [], []
    for batch in read_rows(path, PETS, file_format, 1000):
        if batch.rejects:
            raise batch.rejects[0].as_failure()
        rows += [tuple(row[1:]) for row in standard.reader(io.StringIO(batch.payload.decode(), newline=""))]
        lines += [batch.line_of(batch.first_row + n) for n in range(batch.rows)]
    return rows, lines


def failure(path: Path, data: bytes | str, **said: str) -> dict[str, Any]:
    with pytest.raises(ImportFailed) as caught:
        read(path, data, **said)
    return {name: value for name, value in caught.value.as_dict().items() if name not in ("reason", "message")}


REX = [("Rex", "1"), ('Æsop, the "cat"', "2")]


@pytest.mark.parametrize(
    ("text", "said", "lines"),
    [
        ('name,age\nRex,1\n"Æsop, the ""cat""",2\n', {}, [2, 3]),
        ('name;age\nRex;1\n"Æsop, the ""cat""";2', {}, [2, 3]),
        ('age\tname\n1\tRex\n2\t"Æsop, the ""cat"""\n', {}, [2, 3]),
        ('age\tname\n1\tRex\n2\tÆsop, the "cat"\n', {"quote": ""}, [2, 3]),
        ("name|age\n'Rex'|'1'\n'Æsop, the \"cat\"'|'2'\n", {}, [2, 3]),
        ('name\x1fage\nRex\x1f1\n"Æsop, the ""cat"""\x1f2\n', {}, [2, 3]),
        ('name||age\nRex||1\n"Æsop, the ""cat"""||2\n', {"delimiter": "||"}, [2, 3]),
        ('name→age\nRex→1\n"Æsop, the ""cat"""→2\n', {"delimiter": "→"}, [2, 3]),
        ('name,age\n"Rex","1"\n"Æsop, the \\"cat\\"","2"\n', {}, [2, 3]),
        ('name,age\r\nRex,1\r\n"Æsop, the ""cat""",2\r\n', {}, [2, 3]),
        ('name,age\rRex,1\r"Æsop, the ""cat""",2\r', {}, [2, 3]),
        ('name,age\r\nRex,1\r"Æsop, the ""cat""",2\n', {}, [2, 3]),
        ('\ufeffname,age\nRex,1\n"Æsop, the ""cat""",2\n', {}, [2, 3]),
        ('# a "comment\n\nname,age\nRex,1\n"Æsop, the ""cat""",2\n', {}, [4, 5]),
        ('Pets of the week\r\rname,age\rRex,1\r"Æsop, the ""cat""",2\r', {}, [4, 5]),
        ('name,age,\nRex,1,\n"Æsop, the ""cat""",2,\n', {}, [2, 3]),
        ('name,age\nRex,1,\n"Æsop, the ""cat""",2,\n', {}, [2, 3]),
        ('Rex,1\n"Æsop, the ""cat""",2\n', {"header": "false", "columns": "name,age"}, [1, 2]),
        ('# none\nRex;1;\n"Æsop, the ""cat""";2;\n', {"header": "false", "columns": '["name", "age"]'}, [2, 3]),
        ('Name,Years\nRex,1\n"Æsop, the ""cat""",2\n', {"columns": "name,age"}, [2, 3]),
        ('Name,Years\nRex,1\n"Æsop, the ""cat""",2\n', {"columns": '{"Name": "name", "Years": "age"}'}, [2, 3]),
        ('Name,x,age\nRex,"a\nb",1\n"Æsop, the ""cat""",,2\n', {"columns": '{"Name": "name", "x": null}'}, [2, 4]),
        ('age,what,name\n1,5,Rex\n2,,"Æsop, the ""cat"""\n', {"columns": "age,,name"}, [2, 3]),
    ],
)
def test_dialects(tmp_path: Path, text: str, said: dict[str, str], lines: list[int]) -> None:
    assert read(tmp_path / "pets", text, **said) == (REX, lines)
    assert read(tmp_path / "pets", zstd.compress(text.encode()), **said) == (REX, lines)


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("utf-8", "naïve 😀"),
        ("utf-8-sig", "naïve 😀"),
        ("utf-16", "naïve 😀"),
        ("utf-16-le", "naïve 😀"),
        ("utf-16-be", "naïve 😀"),
        ("utf-32", "naïve 😀"),
        ("latin-1", "naïve"),
        ("cp1252", "naïve €"),
        ("cp1251", "Привет"),
        ("koi8-r", "Привет"),
        ("shift_jis", "こんにちは"),
        ("euc_jp", "こんにちは"),
        ("iso2022_jp", "こんにちは"),
        ("gb18030", "你好 😀"),
        ("big5", "你好"),
        ("euc_kr", "안녕"),
        ("mac_roman", "naïve"),
        ("cp437", "naïve"),
    ],
)
@pytest.mark.slow
def test_encodings_by_name(tmp_path: Path, encoding: str, word: str) -> None:
    rows = [(word, str(number % 99)) for number in range(3000)]  # so that characters stand across pieces
    text = "name;age\r\n" + "".join(f'"{name}";{age}\r\n' for name, age in rows)
    found, lines = read(tmp_path / "pets", text.encode(encoding), encoding=encoding)
    assert found == rows
    assert lines == list(range(2, 3002))


def test_ndjson_in_another_encoding(tmp_path: Path) -> None:
    text = '{"name": "Jörg", "age": 3}\r\n{"name": "Äsop", "age": 4}\r\n'
    for encoding in ("utf-16", "cp1252"):
        assert read(tmp_path / "pets", text.encode(encoding), encoding=encoding)[0] == [("Jörg", "3"), ("Äsop", "4")]


def test_keys_of_objects_can_be_renamed(tmp_path: Path) -> None:
    said = {"columns": '{"Name": "name", "Notes": null}'}
    text = '{"Name": "Rex", "age": 3, "Notes": {"a": 1}}\n{"age": 4, "Notes": null, "Name": "Tom"}\n'
    assert read(tmp_path / "pets", text, **said) == ([("Rex", "3"), ("Tom", "4")], [1, 2])
    assert (
        failure(tmp_path / "pets", '{"Name": "Rex", "age": 3}\n{"name": "x", "Name": "y", "age": 1}', **said)["line"]
        == 2
    )


@pytest.mark.parametrize(
    ("data", "said", "expected"),
    [
        ("name,age\nRex,1\nTom\n", {}, {"code": "too_few_fields", "line": 3, "row": 2, "value": "Tom"}),
        ("name,age\rRex,1\rTom\r", {}, {"code": "too_few_fields", "line": 3, "row": 2, "value": "Tom"}),
        ("name,age\nRex,1,\nTom,2\n", {}, {"code": "too_few_fields", "line": 3, "row": 2, "value": "Tom,2"}),
        ("name,age\nRex,1,\nTom,2,x\n", {}, {"code": "too_many_fields", "line": 3, "row": 2, "value": "x"}),
        ("name,age\nRex,1\nTom,2,\n", {}, {"code": "too_many_fields", "line": 3, "row": 2, "value": "Tom,2,"}),
        (
            "name,age\nRex,1\nJ\x81rg,2\n".encode("latin-1"),
            {"encoding": "cp1252"},
            {"code": "not_utf8", "line": 3, "row": 2, "column": "name", "value": "J\\x81rg"},
        ),
        ("name,age\nRex,1\n".encode("utf-16-le") + b"\x00", {}, {"code": "not_in_encoding", "line": 3}),
        ("Rex,1\n", {"header": "false"}, {"code": "columns_needed"}),
        ("Rex,1\n", {"columns": '{"Name": "name"}'}, {"code": "unknown_column", "line": 1, "column": "Name"}),
        ("Name,age\nRex,1\n", {"columns": "name,age,"}, {"code": "columns_differ", "line": 1}),
        ("name,age\nRex,1\n", {"first_line": "7"}, {"code": "empty_file"}),
        ("name,age\n'Rex,1\n'Tom',2\n", {"quote": "'"}, {"code": "bad_quote", "line": 2, "row": 1}),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(
    tmp_path: Path, data: bytes | str, said: dict[str, str], expected: dict[str, Any]
) -> None:
    found = failure(tmp_path / "pets", data, **said)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.slow
def test_zstd(tmp_path: Path) -> None:
    text = b"name,age\n" + b"".join(b"pet %d,%d\n" % (number, number % 99) for number in range(50_000))
    whole = zstd.compress(text[:5000]) + zstd.compress(b"") + zstd.compress(text[5000:])
    assert len(read(tmp_path / "pets", whole)[0]) == 50_000
    assert failure(tmp_path / "pets", whole[:-5])["code"] == "truncated_zstd"
    assert failure(tmp_path / "pets", whole + b"xyz xyz xyz")["code"] == "corrupt_zstd"
    checked = zstd.compress(text, options={zstd.CompressionParameter.checksum_flag: 1})
    assert failure(tmp_path / "pets", checked[:-4] + bytes(4))["code"] == "corrupt_zstd"


@pytest.mark.slow
def test_a_bomb_ends_at_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.formats.reader.MAX_UNPACKED_BYTES", 2_000_000)
    bomb = zstd.compress(b"name,age\n" + b"Rex,1\n" * 2_000_000)
    assert len(bomb) < 50_000
    assert failure(tmp_path / "pets", bomb)["code"] == "unpacked_too_large"


names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)


@settings(deadline=None, max_examples=examples(300))
@given(
    st.lists(st.tuples(names, st.integers(0, 99).map(str)), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|", "\x01", "||", "→"]),
    st.sampled_from(['"', "'"]),
    st.sampled_from(["", "\\"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"]),
    st.booleans(),
    st.integers(1, 40),
)
def test_every_value_survives_every_dialect(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    delimiter: str,
    quote: str,
    escape: str,
    ending: str,
    encoding: str,
    always: bool,
    batch_bytes: int,
) -> None:
    def field(value: str) -> str:
        needs = always or quote in value or set(delimiter) & set(value) or (escape and escape in value)
        if not needs:
            return value
        return (
            quote
            + (value.replace("\\", "\\\\").replace(quote, "\\" + quote) if escape else value.replace(quote, quote * 2))
            + quote
        )

    lines = [delimiter.join(field(value) for value in row) for row in [("name", "age"), *rows]]
    path = tmp_path_factory.getbasetemp() / "dialect"
    path.write_bytes((ending.join(lines) + ending).encode(encoding))
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    file_format = FileFormat("csv", encoding=name, delimiter=delimiter, quote=quote, escape=escape)
    read = b"".join(batch.payload for batch in read_rows(path, PETS, file_format, batch_bytes)).decode()
    assert [tuple(row[1:]) for row in standard.reader(io.StringIO(read, newline=""))] == rows
