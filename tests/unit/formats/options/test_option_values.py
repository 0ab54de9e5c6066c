"""Constants, defaults and the results in a map of values: no option may change what they mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import InvalidContent
from app.domain.file_format import file_format_from_json
from app.formats.column_options import apply_options
from app.formats.detection import detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import read_rows

GOODS = Dataset(
    "goods",
    (
        Column("k", ColumnType.TEXT, length=9),
        Column("v", ColumnType.DECIMAL, precision=12, scale=3, nullable=True),
        Column("at", ColumnType.DATETIME, nullable=True),
    ),
    (),
)
GERMAN = {"decimal_mark": ",", "grouping_mark": "."}
FILES = {
    "csv": 'k;v;at\na;gratis;"x"\nb;1.234,5;\n',
    "csv, fast": "k;v;at\na;gratis;x\nb;1.234,5;\n",
    "ndjson": '{"k": "a", "v": "gratis", "at": "x"}\n{"k": "b", "v": "1.234,5"}\n',
    "json": '[{"k": "a", "v": "gratis", "at": "x"},\n{"k": "b", "v": "1.234,5"}]',
}


def rows_of(path: Path, data: str, **said: str) -> list[tuple[str | None, ...]]:
    path.write_text(data)
    options = parse_options(said)
    options.check_columns(GOODS)
    file_format = detect(None, None, data.encode(), GOODS, options)
    file_format = file_format_from_json(json.loads(json.dumps(file_format.as_json())))  # as the worker gets it
    batches = list(read_rows(path, GOODS, file_format, 1 << 20))
    assert not any(batch.rejects for batch in batches)
    return [values for batch in batches for _, values in read_payload(batch.payload)]


def refusal(members: Any, **said: str) -> str:
    options = parse_options({"columns": json.dumps(members), **said})
    with pytest.raises(InvalidContent) as caught:
        options.check_columns(GOODS)
    return str(caught.value)


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
@pytest.mark.parametrize("to", [1.125, "1.1250", 1])
def test_a_number_in_a_map_of_values_is_plain(tmp_path: Path, data: str, to: Any) -> None:
    columns = json.dumps({"v": {"values": {"gratis": to}}, "at": {"values": {"x": "2026-07-01T12:00:00Z"}}})
    rows = rows_of(tmp_path / "f", data, columns=columns, **GERMAN)
    assert [row[1] for row in rows] == ["1" if to == 1 else "1.125", "1234.5"]
    assert rows[0][2] == "2026-07-01 12:00:00"


@pytest.mark.parametrize("member", ["value", "default", "values"])
def test_a_text_with_two_meanings_is_refused(member: str) -> None:
    def given(text: Any) -> Any:
        return {member: {"x": text} if member == "values" else text}

    assert "could mean 1.500 or 1500: write 1.5 as a JSON number" in refusal({"v": given("1.500")}, **GERMAN)
    berlin = refusal({"at": {"zone": "Europe/Berlin"} | given("2026-07-01 12:00:00")}) if member != "value" else ""
    assert member == "value" or "2026-07-01 10:00:00 or 2026-07-01 12:00:00: write it in UTC with a Z" in berlin
    assert "a number in an option has a point, so write 1125" in refusal({"v": given("1.125,0")}, **GERMAN)
    assert "a number in an option has a point, so write 1.5" in refusal({"v": given("1,5")}, **GERMAN)


@pytest.mark.parametrize("members", [{"default": 1.125}, {"value": 1.125}, {"default": "1.1250"}])
def test_a_json_number_is_plain_for_defaults_too(tmp_path: Path, members: Any) -> None:
    data = "k;at\na;\n" if "value" in members else "k;v;at\na;;\n"
    [row] = rows_of(tmp_path / "f", data, columns=json.dumps({"v": members}), **GERMAN)
    assert row[1] is not None and float(row[1]) == 1.125


def test_zeros_at_the_end_of_a_json_number_are_refused_rather_than_lost() -> None:
    with pytest.raises(InvalidContent, match="without zeros at its end"):
        parse_options({"columns": '{"v": {"default": 1.500}}'})


def test_a_proposal_reads_a_map_of_values_alike(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(FILES["csv"])
    options = parse_options({"columns": '{"v": {"values": {"gratis": 1.125}}}', **GERMAN})
    file_format = detect(None, None, FILES["csv"].encode(), Dataset("", (), ()), options)
    found = make_preview(tmp_path / "f", file_format, None, 10)
    [column] = [column for column in found.dataset.columns if column.name == "v"]
    assert (column.type, column.scale) == (ColumnType.DECIMAL, 3)
    assert apply_options(found.dataset, found.file_format).columns[1].values == (("gratis", "1,125"),)


def test_a_value_can_not_be_both_missing_and_mapped() -> None:
    said = refusal({"v": {"values": {"NA": "0"}}}, null="NA")
    assert said == "null=NA says that 'NA' is no value, and values of v maps it to '0': leave out one of them"
    parse_options({"columns": '{"v": {"values": {"NA": null}}}', "null": "NA"}).check_columns(GOODS)
