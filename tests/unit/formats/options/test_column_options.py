"""Options for columns: how they are parsed, kept and shown again, and what they refuse at once."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from app.domain.column_options import MEMBERS, ColumnOptions
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.file_format import FileFormat, file_format_from_json
from app.formats.column_names import find_columns, fold
from app.formats.column_options import apply_options
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows

bounded = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

PARTS = Dataset(
    "parts",
    (
        Column("shop", ColumnType.TEXT, length=20),
        Column("sku", ColumnType.TEXT, length=20),
        Column("price", ColumnType.DECIMAL, precision=8, scale=2),
        Column("state", ColumnType.ENUM, choices=("new", "used"), nullable=True),
        Column("added", ColumnType.DATE, formats=("%d/%m/%Y",), default="01/02/2026"),
        Column("moved", ColumnType.DATETIME, nullable=True, zone="Europe/Berlin"),
    ),
    ("shop", "sku"),
)


def file_format(columns: Any, format: str = "csv", **said: str) -> FileFormat:
    text = columns if isinstance(columns, str) else json.dumps(columns)
    options = parse_options({"columns": text, **said})
    return options.apply(FileFormat(format))


def refusal(columns: Any, **said: str) -> tuple[str, str]:
    """The field that is refused, and why."""
    with pytest.raises(InvalidContent) as caught:
        apply_options(PARTS, file_format(columns, **said))
    [error] = caught.value.extra["errors"]
    return error["field"], error["reason"]


def load(path: Path, data: str, given: FileFormat) -> tuple[list[list[str | None]], list[Any]]:
    path.write_text(data)
    check_head(path, PARTS, given)
    batches = list(read_rows(path, PARTS, given, 1 << 20))
    rows = [list(values) for batch in batches for _, values in read_payload(batch.payload)]
    return rows, [reject for batch in batches for reject in batch.rejects]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({}, "columns must be"),
        ([], "columns must be"),
        ({"a": 1}, "'a' in columns must be"),
        ({"a": ""}, "'a' in columns must be"),
        ([1], "element 1 of columns"),
        ([{"value": "x"}], "needs the member name"),
        ([{"name": "sku", "value": "x"}], "constants only"),
        ('{"sku": "a", "sku": "b"}', "'sku' twice"),
        ('{"sku": {"value": "a", "value": "b"}}', "'value' twice"),
        ({"*": "sku"}, "can only be null"),
        ({"*": {"name": "sku"}}, "can only be null"),
        ({"sku": {"vale": "x"}}, f"unknown member 'vale' in columns for 'sku': there are name, {', '.join(MEMBERS)}"),
        ({"sku": {"value": None}}, "value in columns for 'sku' must be"),
        ({"sku": {"value": ["x"]}}, "value in columns for 'sku' must be"),
        ({"Art": {"name": "sku", "value": "x"}}, 'its key is the dataset\'s column: {"sku": {"value": "…"}}'),
        ({"sku": {"value": "x", "default": "y"}}, "can't have default"),
        ({"added": {"formats": "%d"}}, "must be a list"),
        ({"added": {"formats": [""]}}, "must be a list"),
        ({"sku": {"values": {}}}, "must be an object"),
        ({"price": {"decimal_mark": ";"}}, "a point or a comma"),
        ({"price": {"decimal_mark": ",", "grouping_mark": ","}}, "must differ"),
        ({"price": {"grouping_mark": "."}}, "must differ"),
        ({"price": {"percent": "yes"}}, "percent"),
        ({"price": {"negative": ["minus"]}}, "negative"),
        ({"added": {"serial": "1905"}}, "serial"),
        ({"A": {"name": "sku", "default": "x"}, "sku": {"default": "y"}}, "twice"),
        ('{"sku": {"value": "\\ud800"}}', "not valid UTF-8"),
        ("{nonsense", "must be JSON"),
    ],
)
def test_what_is_no_option_is_refused(columns: Any, reason: str) -> None:
    field, found = refusal(columns)
    assert field == "columns"
    assert reason in found


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"colour": {"value": "red"}}, "not a column of parts: add the member name, one of shop, sku"),
        ({"shop": {"value": "x" * 21}}, "at most 20"),
        ({"shop": {"value": ""}}, "empty"),
        ({"price": {"value": "cheap"}}, "price must be"),
        ({"price": {"default": "1.234"}}, "1.234"),
        ({"state": {"value": "old"}}, "one of new, used"),
        ({"state": {"values": {"x": "old"}}}, "values of state maps 'x' to 'old'"),
        ({"sku": {"formats": ["%d.%m.%Y"]}}, "sku is of type text"),
        ({"added": {"zone": "Europe/Berlin"}}, "added is of type date"),
        ({"added": {"formats": ["%d.%m."]}}, "can't be used"),
        ({"added": {"formats": ["%d.%m.%Y %H:%M"]}}, "can't be used"),
        ({"moved": {"zone": "Atlantis"}}, "no time zone"),
        ({"Laden": "shop", "shop": {"value": "x"}}, "a constant and renames 'Laden' to it"),
        ({"Laden": "shop", "SHOP": {"value": "x"}}, "a constant and a column of the file"),
        (["shop", {"name": "shop", "value": "x"}], "as a constant and as a column of the file"),
        ({"shop": {"value": "x"}, "SHOP": {"value": "y"}}, "twice"),
        # 03/02 is the 3rd of February to the dataset, and the 2nd of March to this import
        ({"added": {"formats": ["%m/%d/%Y"], "default": "03/02/2026"}}, "2026-03-02 or 2026-02-03"),
    ],
)
def test_what_a_column_does_not_accept_is_refused_before_the_file_is_read(columns: Any, reason: str) -> None:
    field, found = refusal(columns)
    assert field == "columns"
    assert reason in found


def test_a_format_for_all_columns_names_its_own_field() -> None:
    field, reason = refusal({"shop": {"value": "x"}}, formats="%d.%m.")
    assert (field, "can't be used" in reason) == ("formats", True)


def test_a_format_for_all_columns_is_for_those_that_it_fits() -> None:
    said = json.dumps(["%d.%m.%Y %H:%M"])
    found = apply_options(PARTS, file_format({"shop": {"value": "x"}}, formats=said))
    assert [column.formats for column in found.columns[4:]] == [("%d/%m/%Y",), ("%d.%m.%Y %H:%M",)]
    found = apply_options(PARTS, file_format({"added": {"formats": ["%Y%m%d"]}}, formats="%d.%m.%Y"))
    assert [column.formats for column in found.columns[4:]] == [("%Y%m%d",), ("%d.%m.%Y",)]


def test_the_own_default_of_a_dataset_keeps_its_meaning(tmp_path: Path) -> None:
    given = file_format({"added": {"formats": ["%m/%d/%Y"]}})
    rows, rejects = load(tmp_path / "f", "shop,sku,price,added\nA,a,1,\nA,b,1,02/03/2026\n", given)
    assert ([row[4] for row in rows], rejects) == (["2026-02-01", "2026-02-03"], [])


def test_a_reject_shows_the_constant_and_what_the_file_has(tmp_path: Path) -> None:
    given = file_format({"shop": {"value": "Main"}, "Zustand": {"name": "state", "values": {"neu": "new"}}})
    for data in ("sku,price,Zustand\na,x,neu\nb,1,alt\n", "sku,price,Zustand\na,x,neu\n\nb,1,alt\n"):
        rows, rejects = load(tmp_path / "f", data, given)
        assert rows == []
        assert [reject.values[:4] for reject in rejects] == [("Main", "a", "x", "neu"), ("Main", "b", "1", "alt")]
        assert [(reject.column, reject.value) for reject in rejects] == [("price", "x"), ("state", "alt")]


def test_a_message_has_an_option_that_lets_the_file_in(tmp_path: Path) -> None:
    data = "Shop,SKU,Unit-Price,Colour\nA,a,1,red\n"
    with pytest.raises(ImportFailed) as caught:
        load(tmp_path / "f", data, FileFormat("csv"))
    assert caught.value.code == "unknown_column"
    example = caught.value.reason.partition("columns=")[2]
    assert json.loads(example) == {"Unit-Price": "…", "Colour": "…", "price": {"value": "…"}}
    data = data.replace("Unit-Price", "price")
    with pytest.raises(ImportFailed) as caught:
        load(tmp_path / "f", data, FileFormat("csv"))
    rows, _ = load(tmp_path / "f", data, file_format(caught.value.reason.partition("columns=")[2]))
    assert rows[0][:3] == ["A", "a", "1"]


def test_two_names_that_match_one_column_are_refused_with_a_choice(tmp_path: Path) -> None:
    data = "shop,Sku,SKU,price\nA,a,b,1\n"
    with pytest.raises(ImportFailed, match="'Sku' and 'SKU' are both 'sku'") as caught:
        load(tmp_path / "f", data, FileFormat("csv"))
    rows, _ = load(tmp_path / "f", data, file_format(caught.value.reason.partition("columns=")[2]))
    assert rows[0][1] == "a"


@pytest.mark.parametrize("format", ["ndjson", "json"])
def test_a_key_that_no_object_has_is_not_passed_over(tmp_path: Path, format: str) -> None:
    """With `"*": null` nothing else would tell of a name that is wrong."""
    objects = ['{"shop": "A", "sku": "a", "price": 1}', '{"shop": "A", "sku": "b", "price": 1, "Moved": null, "x": 1}']
    data = f"[{','.join(objects)}]" if format == "json" else "\n".join(objects)
    load(tmp_path / "f", data, file_format({"moved ": "moved", "*": None}, format))
    with pytest.raises(ImportFailed, match="the key 'Moovd', which none of the first 1,000 objects has"):
        load(tmp_path / "f", data, file_format({"Moovd": "moved", "*": None}, format))


def test_a_preview_shows_the_option_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("SKU,Price,Colour\na,1,red\n")
    said = {"shop": {"value": "Main"}, "*": None}
    found = make_preview(path, file_format(said), PARTS, 10)
    assert found.problem is None
    assert found.file_format.as_public_json()["columns"] == said
    assert found.constants == {"shop": "Main"}
    assert [(each.column, each.status) for each in found.columns] == [
        ("sku", "mapped"),
        ("price", "mapped"),
        (None, "left_out"),
    ]


# --- properties

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
SCALARS = st.one_of(NAMES, st.integers(), st.booleans())
TEXTS = st.lists(NAMES, min_size=1, max_size=3, unique=True)
MEMBER_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "default": SCALARS,
    "formats": TEXTS,
    "zone": NAMES,
    "zones": st.dictionaries(NAMES, NAMES, min_size=1, max_size=3),
    "serial": st.sampled_from(["1900", "1904"]),
    "decimal_mark": st.just(","),
    "grouping_mark": st.sampled_from(["'", " ", "\u00a0", "_"]),
    "currency": st.one_of(st.booleans(), NAMES),
    "percent": st.sampled_from([True, False, "fraction"]),
    "negative": st.lists(st.sampled_from(["trailing_minus", "parentheses"]), min_size=1, unique=True),
    "values": st.dictionaries(NAMES, st.one_of(st.none(), SCALARS), min_size=1, max_size=3),
}
MEMBER_SETS = st.fixed_dictionaries({}, optional=MEMBER_VALUES)
CONSTANTS = st.builds(lambda value: {"value": value}, SCALARS)


@st.composite
def column_objects(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.lists(NAMES.filter(lambda name: name != "*"), min_size=1, max_size=5, unique=True))
    targets = draw(st.lists(NAMES.filter(lambda name: name not in keys), min_size=5, max_size=5, unique=True))
    said: dict[str, Any] = {}
    for key, target in zip(keys, targets, strict=False):
        renamed = st.builds(lambda members, name=target: members | {"name": name}, MEMBER_SETS)
        said[key] = draw(st.one_of(st.none(), st.just(target), MEMBER_SETS, renamed, CONSTANTS))
    return said | ({"*": None} if draw(st.booleans()) else {})


@st.composite
def column_lists(draw: st.DrawFn) -> list[Any]:
    names = draw(st.lists(NAMES, min_size=2, max_size=6, unique=True))
    said: list[Any] = [names[0]]
    for name in names[1:]:
        objects = st.builds(lambda members, name=name: members | {"name": name}, st.one_of(MEMBER_SETS, CONSTANTS))
        said.append(draw(st.one_of(st.none(), st.just(name), objects)))
    return said


@bounded
@given(st.one_of(column_objects(), column_lists()))
def test_the_option_that_is_shown_does_the_same_when_it_is_sent_again(said: Any) -> None:
    first = parse_options({"columns": json.dumps(said)})
    read = first.apply(FileFormat("csv"))
    shown = read.as_public_json()["columns"]
    if shown is None:  # objects without a member say nothing
        assert read == FileFormat("csv", header=read.header)
        return
    again = parse_options({"columns": json.dumps(shown)})
    assert again == first
    assert again.apply(FileFormat("csv")).as_public_json()["columns"] == shown
    assert file_format_from_json(json.loads(json.dumps(read.as_json()))) == read


def test_every_member_is_kept() -> None:
    assert set(MEMBER_VALUES) | {"value"} == set(MEMBERS) == set(ColumnOptions.__annotations__)


@bounded
@given(NAMES, st.sampled_from(["", " ", "\u00a0", "\u202f ", "\t"]), st.sampled_from(["", " ", "\u00a0"]))
def test_case_and_outer_blanks_make_no_difference(name: str, before: str, after: str) -> None:
    assert fold(fold(name)) == fold(name)
    assert fold(before + name + after) == fold(name)
    assert fold(name.replace(" ", "\u00a0")) == fold(name)
    assert fold(unicodedata.normalize("NFD", name)) == fold(name)
    if len(name.upper()) == len(name) and name.upper().lower() == name.lower():
        assert fold(name.upper()) == fold(name)


@bounded
@given(st.lists(st.sampled_from(["sku", "SKU", "Sku", "\u00a0sku", "price", "PRICE", "other", ""]), max_size=5))
def test_no_column_is_chosen_where_two_match(names: list[str]) -> None:
    dataset = Dataset("d", PARTS.columns[1:3], ())
    names = [name.strip() for name in names]
    targets = find_columns(names, None, dataset).targets
    for column in ("sku", "price"):
        exact = [at for at, name in enumerate(names) if name == column]
        alike = [at for at, name in enumerate(names) if fold(name) == column]
        assert [at for at, to in enumerate(targets) if to == column] == (exact or alike)
