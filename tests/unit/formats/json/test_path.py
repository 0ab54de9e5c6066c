"""JSON in the shapes that programs write: objects in a row, arrays under a path, values of any kind."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.file_format import FileFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.json import path as paths
from app.formats.json.ndjson import RowReader
from app.formats.json.values import Decoder, lone_surrogates
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import Preview, make_preview
from app.formats.reader import check_head, read_rows

PETS = Dataset("pets", (Column("name", ColumnType.TEXT, length=40), Column("age", ColumnType.INTEGER, maximum=99)), ())
ANN, BOB = {"name": "Ann", "age": 1}, {"name": "Bob", "age": 2}


def format_of(data: str, **options: str) -> FileFormat:
    return detect("x.json", None, data.encode()[:HEAD_BYTES], PETS, parse_options(options))


def load(tmp_path: Path, data: str, **options: str) -> list[tuple[int, list[str | None]]]:
    """The rows by their lines. Raises ImportFailed, also for the first reject."""
    path = tmp_path / "x.json"
    path.write_text(data, encoding="utf-8")
    file_format = format_of(data, **options)
    check_head(path, PETS, file_format)
    rows = []
    for batch in read_rows(path, PETS, file_format, 100):
        for bad in batch.rejects:
            raise bad.as_failure()
        rows += [
            (batch.line_of(row), list(values))
            for row, (_, values) in zip(batch.row_numbers, read_payload(batch.payload), strict=True)
        ]
    return rows


def refusal(tmp_path: Path, data: str, **options: str) -> ImportFailed:
    with pytest.raises(ImportFailed) as caught:
        load(tmp_path, data, **options)
    return caught.value


def proposal(tmp_path: Path, data: str, *, partial: bool = False, **options: str) -> Preview:
    path = tmp_path / "x.json"
    path.write_text(data, encoding="utf-8")
    file_format = detect("x.json", None, data.encode()[:HEAD_BYTES], Dataset("", (), ()), parse_options(options))
    return make_preview(path, file_format, None, 20, partial=partial)


ROWS = [(1, ["Ann", "1"]), (1, ["Bob", "2"])]


@pytest.mark.parametrize(
    ("data", "format", "lines"),
    [
        (json.dumps(ANN) + "\n" + json.dumps(BOB), "ndjson", [1, 2]),
        (json.dumps(ANN) + json.dumps(BOB), "json", [1, 1]),
        (json.dumps(ANN) + " \t" + json.dumps(BOB) + "\n\n", "json", [1, 1]),
        (json.dumps(ANN, indent=1) + "\r\n" + json.dumps(BOB, indent=1), "json", [1, 5]),
        ("\n\n" + json.dumps(ANN, indent=1) + json.dumps(BOB), "json", [3, 6]),
    ],
)
def test_objects_in_a_row(tmp_path: Path, data: str, format: str, lines: list[int]) -> None:
    assert format_of(data).format == format
    assert load(tmp_path, data) == [(line, values) for line, (_, values) in zip(lines, ROWS, strict=True)]


def test_the_first_line_decides_and_a_broken_one_is_one_row(tmp_path: Path) -> None:
    assert format_of('{"name": "x", "age": \n' + (json.dumps(ANN) + "\n") * 2).format == "ndjson"
    assert format_of('{"name": "x').format == "ndjson"
    assert format_of('{"name": "' + "x" * HEAD_BYTES).format == "ndjson"
    assert format_of('{"name": [\n' + "1,\n" * HEAD_BYTES).format == "json"
    later = json.dumps(ANN) + "\n" + json.dumps(BOB) * 2
    assert "format=json" in refusal(tmp_path, later).reason
    assert len(load(tmp_path, later, format="json")) == 3
    assert refusal(tmp_path, json.dumps(ANN) + "\n" + json.dumps(BOB) + "x", format="json").code == "not_json"
    assert "[ and ]" in refusal(tmp_path, json.dumps(ANN) + "," + json.dumps(BOB), format="json").reason
    assert refusal(tmp_path, json.dumps(ANN) + '{"name": "Bob"', format="json").code == "truncated_json"


@pytest.mark.slow
def test_objects_in_a_row_need_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    load(tmp_path, json.dumps(ANN))  # what is imported stays
    with path.open("w") as file:
        for _ in range(40_000):
            file.write(json.dumps({"name": "x" * 40, "age": 1}, indent=1))
    tracemalloc.start()
    try:
        rows = sum(batch.rows for batch in read_rows(path, PETS, FileFormat("json"), 64 * 1024))
        assert rows == 40_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000 < path.stat().st_size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "records"),
    [
        ({"pets": [ANN, BOB]}, "pets"),
        ({"a": {"pets": [ANN, BOB]}}, "a.pets"),
        ({"n": 2, "x": [[{"pets": []}]], "a": {"b": {"pets": [ANN, BOB], "z": {}}, "c": [1]}, "q": "}"}, "a.b.pets"),
        ({"the pets.x": [ANN, BOB]}, '["the pets.x"]'),
        ({"[": [ANN, BOB]}, '["["]'),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_records_under_a_path(tmp_path: Path, data: Any, records: str, indent: int | None) -> None:
    text = json.dumps(data, indent=indent)
    assert [values for _, values in load(tmp_path, text, records=records)] == [["Ann", "1"], ["Bob", "2"]]
    # what refuses the file without the option names it, and so does a preview
    assert f"records={records}" in refusal(tmp_path, text).reason
    asked = proposal(tmp_path, text)
    assert asked.problem is not None and asked.problem.code == "records_needed"
    assert f"records={records}" in asked.problem.reason
    found = proposal(tmp_path, text, records=records)
    assert found.problem is None and [column.name for column in found.dataset.columns] == ["name", "age"]
    assert len(found.rows) == 2


def test_an_object_may_be_the_row_itself(tmp_path: Path) -> None:
    text = json.dumps(ANN | {"lines": [{"sku": 1}]})
    assert "records=lines" in refusal(tmp_path, text).reason
    assert load(tmp_path, text, columns='{"lines": null}') == [(1, ["Ann", "1"])]
    assert proposal(tmp_path, text).problem is not None
    assert proposal(tmp_path, text, columns='{"lines": null}').problem is None
    assert proposal(tmp_path, text + "\n" + text).problem is None


def test_a_long_object_is_asked_for_its_records(tmp_path: Path) -> None:
    text = json.dumps({"n": {"x": 1}, "pets": [ANN] * 700_000})
    assert "records=pets" in refusal(tmp_path, text).reason
    asked = proposal(tmp_path, text[: 1 << 20], partial=True)
    assert asked.problem is not None and "records=pets" in asked.problem.reason
    assert len(proposal(tmp_path, text[: 1 << 20], partial=True, records="pets").rows) == 20


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ('{"pets": []}', "no_rows"),
        ('{"cats": [{}]}', "records_not_found"),
        ('{"pets": {}}', "records_not_found"),
        ('{"pets": 1}', "records_not_found"),
        ("[]", "records_not_found"),
        ("", "records_not_found"),
        ("{}", "records_not_found"),
        ('{"pets" 1}', "not_json"),
        ("{1: 2}", "not_json"),
        ('{"x": 1 "pets": []}', "not_json"),
        ('{"x": 1', "truncated_json"),
        ('{"pets": [' + json.dumps(ANN), "truncated_json"),
        ('{"pets": [' + json.dumps(ANN) + "]", "truncated_json"),
        ('{"pets": [' + json.dumps(ANN) + "]}}", "text_after_array"),
        ('{"pets": [' + json.dumps(ANN) + "]} {}", "text_after_array"),
        ('{"pets": [' + json.dumps(ANN) + '], "x": 1, "pets": []}', "doubled_key"),
        ('{"pets": [' + json.dumps(ANN) + "] 5}", "not_json"),
    ],
)
def test_paths_that_do_not_lead_to_one_array(tmp_path: Path, data: str, code: str) -> None:
    found = refusal(tmp_path, data, records="pets")
    assert (found.code, bool(found.reason)) == (code, True)


@pytest.mark.parametrize("text", ["", ".", "a..b", "[", "[1]", "[]", '{"a": 1}x[', '[""]', ".".join("a" * 17)])
def test_paths_that_are_none(text: str) -> None:
    if text.startswith("{"):  # a key may be called anything
        assert parse_options({"records": text}).records == text
        return
    with pytest.raises(InvalidContent):
        parse_options({"records": text})


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=4))
def test_paths_are_written_as_they_are_read(keys: list[str]) -> None:
    assert paths.parse_path(paths.write_path(keys)) == tuple(keys)


@given(st.lists(st.sampled_from(["\ud83d", "\ude00", "\\", "u", "x", "\n", "\\ud83d", "é", "😀", '"'])))
def test_halves_are_found_where_json_makes_them(parts: list[str]) -> None:
    text = json.dumps("".join(parts))
    value = Decoder().decode(text)
    lone = [character for character in value if "\ud800" <= character <= "\udfff"]
    assert [half for _, half in lone_surrogates(text)] == lone
    assert all(text[at : at + 2] == "\\u" for at, _ in lone_surrogates(text))


def test_half_of_a_pair_is_called_that(tmp_path: Path) -> None:
    bad = '{"name":\n "a\\ud83dx", "age": 1}'
    for text in (f"[{json.dumps(ANN)},\n{bad}]", f"{json.dumps(ANN, indent=1)}{bad}"):
        found = refusal(tmp_path, text)
        assert (found.code, found.column, found.value) == ("not_utf8", "name", "\\ud83d")
        assert "lone surrogate" in found.reason and "character 4," in found.reason
    flags = Dataset("f", (Column("b", ColumnType.BOOLEAN), *PETS.columns), ())
    with pytest.raises(ImportFailed, match="lone surrogate"):
        RowReader(flags, FileFormat("ndjson")).values('{"b": true, "age": 1, "name": "\\ud800"}', 1)
    found = refusal(tmp_path, json.dumps(ANN) + '\n{"age": 1, "name": "\\udc80"}')
    assert "line 2, character 21" in found.reason
    assert load(tmp_path, '{"name": "a", "age": 1, "x": "\\ud800"}', columns='{"x": null}')


def test_numbers_of_many_spellings_stay_as_they_are(tmp_path: Path) -> None:
    numbers = ["1.50", "0", "-0", "1e5", "1E-07", "123456789012345678901234567890"]
    for join in ("\n", "", ",\n"):
        text = join.join(f'{{"name": {number}, "age": 1}}' for number in numbers)
        text = f"[{text}]" if join.startswith(",") else text
        assert [values[0] for _, values in load(tmp_path, text)] == numbers
    text = '{"name": true, "age": 1}\n{"name": "true", "age": 1}\n{"name": false, "age": 1}'
    assert [values[0] for _, values in load(tmp_path, text)] == ["true", "true", "false"]
    assert refusal(tmp_path, '{"name": "x", "age": true}').code == "wrong_json_type"


def test_mixed_kinds_become_a_text(tmp_path: Path) -> None:
    values: list[Any] = [1.5, "x", True, None, 10**30]
    found = proposal(tmp_path, "\n".join(json.dumps({"id": at, "v": value}) for at, value in enumerate(values)))
    assert found.problem is None and not any(row.reject for row in found.rows)
    assert [column.type for column in found.dataset.columns] == [ColumnType.INTEGER, ColumnType.TEXT]
    assert found.inferred is not None and "keeps its spelling" in found.inferred.proposals[1].notes[0]
