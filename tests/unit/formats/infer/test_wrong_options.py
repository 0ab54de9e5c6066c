"""Options that make no sense are refused alike for a dataset and for one that is yet to be proposed."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.column_options import MEMBERS, WIDE
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import InvalidContent
from app.formats.detection import detect
from app.formats.options import parse_options
from app.formats.preview.preview import make_preview

DATA = {"csv": b"v,w\n1,a\n2,b\n", "ndjson": b'{"v": "1", "w": "a"}\n'}
NONSENSE: tuple[Any, ...] = ("x", "%d", "%Q", "X/Y", "", "..", 5, 1.5, True, [], {}, ["%Q"], ["x"], ["%d.%m."])
NONSENSE += ([""], [1], {"x": "y"}, {"CET": "1"}, {"x": 1}, "%Y-%m-%d %Z", ["%Y-%m-%d %Z"], "1905")
FORMATS = {"v": {"formats": ["x"]}}, {"v": {"zone": "X/Y"}}, {"v": {"formats": ["%Y-%m-%d %Z"]}}


def refused_field(path: Path, format: str, **said: str) -> str | None:
    """The field that a preview without a dataset refuses; None if it refuses none."""
    path.write_bytes(DATA[format])
    try:
        file_format = detect(None, None, DATA[format], Dataset("", (), ()), parse_options(said))
        make_preview(path, file_format, None, 10)
    except InvalidContent as error:
        [found] = error.extra["errors"]
        assert found["reason"]
        return str(found["field"])
    return None


@pytest.mark.parametrize("format", DATA)
@pytest.mark.parametrize("formats", ["x", "%d", '["%Q"]'])
def test_a_format_for_all_columns_is_refused_without_a_dataset(tmp_path: Path, format: str, formats: str) -> None:
    assert refused_field(tmp_path / "f", format, formats=formats) == "formats"


@pytest.mark.parametrize("format", DATA)
@pytest.mark.parametrize("columns", FORMATS)
def test_an_option_for_a_column_is_refused_without_a_dataset(tmp_path: Path, format: str, columns: Any) -> None:
    assert refused_field(tmp_path / "f", format, columns=json.dumps(columns)) == "columns"


@pytest.mark.parametrize("format", DATA)
@pytest.mark.parametrize("member", MEMBERS)
def test_nonsense_for_a_column_is_accepted_or_refused(tmp_path: Path, format: str, member: str) -> None:
    for value in NONSENSE:
        columns = json.dumps({"v": {member: value}})
        assert refused_field(tmp_path / "f", format, columns=columns) in (None, "columns"), value


@pytest.mark.parametrize("format", DATA)
@pytest.mark.parametrize("option", WIDE)
def test_nonsense_for_all_columns_is_accepted_or_refused(tmp_path: Path, format: str, option: str) -> None:
    for value in NONSENSE:
        for text in (str(value), json.dumps(value)):
            assert refused_field(tmp_path / "f", format, **{option: text}) in (None, option), text


@pytest.mark.parametrize("columns", [*FORMATS, {"v": {"zones": {"x": "y"}}}, {"v": {"currency": "1"}}])
def test_the_reason_is_that_of_a_known_dataset(tmp_path: Path, columns: Any) -> None:
    options = parse_options({"columns": json.dumps(columns)})
    is_number = "currency" in columns["v"]
    column = Column("v", ColumnType.DECIMAL if is_number else ColumnType.DATETIME, precision=4, scale=1)
    with pytest.raises(InvalidContent) as known:
        options.check_columns(Dataset("d", (column,), ()))
    (tmp_path / "f").write_bytes(DATA["csv"])
    with pytest.raises(InvalidContent) as unknown:
        file_format = detect(None, None, DATA["csv"], Dataset("", (), ()), options)
        make_preview(tmp_path / "f", file_format, None, 10)
    assert unknown.value.extra == known.value.extra
