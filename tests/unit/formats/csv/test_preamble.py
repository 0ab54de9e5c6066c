"""What may stand above a table, and what is refused there since it looks like rows."""

from pathlib import Path

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.formats.detection import detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows

PETS = Dataset(
    "pets",
    (
        Column("name", ColumnType.TEXT, length=30),
        Column("city", ColumnType.TEXT, length=30),
        Column("age", ColumnType.INTEGER, maximum=9999),
    ),
    (),
)
TEXTS = Dataset("texts", tuple(Column(name, ColumnType.TEXT, length=30) for name in ("name", "city")), ())
ONE = Dataset("one", (Column("name", ColumnType.TEXT, length=30),), ())
HEADLESS = {"header": "false", "columns": "name,city,age"}


def read(path: Path, text: str, dataset: Dataset, **said: str) -> list[list[str | None]]:
    """The rows; of what is refused the preview has to say the same."""
    data = text.encode()
    path.write_bytes(data)
    file_format = detect(None, None, data, dataset, parse_options(said))
    found = make_preview(path, file_format, dataset, 100)
    try:
        check_head(path, dataset, file_format)
    except ImportFailed as failed:
        assert found.problem is not None and found.problem.as_dict() == failed.as_dict()
        raise
    assert found.problem is None
    batches = list(read_rows(path, dataset, file_format, 1 << 20))
    return [list(values) for batch in batches for _, values in read_payload(batch.payload)]


@pytest.mark.parametrize(
    ("dataset", "text", "said", "lines"),
    [
        (PETS, "Account,DE12,\nFrom,January,to March\nname,city,age\nZoe,Ulm,4\n", {}, "1, 2"),
        (PETS, "Rex,Ulm,old\nname,city,age\nZoe,Ulm,4\n", {}, "1"),
        (PETS, "Rex,Ulm,1\nTom,Ulm,2\nIda,Bonn,3\nname,city,age\nZoe,Ulm,4\n", {}, "1, 2, 3"),
        (PETS, "Rex;Ulm;1\r\nTom;Ulm;2\r\nname;city;age\r\nZoe;Ulm;4\r\n", {}, "1, 2"),
        (PETS, "Rex,Ulm,1\rname,city,age\rZoe,Ulm,4\r", {}, "1"),
        (PETS, '"Rex","Ulm","1"\n"name","city","age"\n"Zoe","Ulm","4"\n', {}, "1"),
        (PETS, 'Rex,"Ulm\nDonau",1\nname,city,age\nZoe,Ulm,4\n', {}, "1"),
        (PETS, 'Rex "R",Ulm,1\nname,city,age\nZoe,Ulm,4\n', {}, "1"),
        (PETS, "Pets\n\nRex,Ulm,1\n\nname,city,age\nZoe,Ulm,4\n", {}, "3"),
        (PETS, "Rex,Ulm,1.5\nname,city,age\nZoe,Ulm,4\n", {}, "1"),
        (PETS, "Rex,Ulm,1,x\nname,city,age\nZoe,Ulm,4\n", {}, "1"),
        (PETS, "Rex,Ulm,1,\nname,city,age\nZoe,Ulm,4,\n", {}, "1"),
        (PETS, "1,Rex,Ulm\nage,name,city\n4,Zoe,Ulm\n", {"columns": "age,name,city"}, "1"),
        (PETS, "R,1,Ulm\nnom,age,city\n4,4,Ulm\n", {"columns": '{"nom": "name"}'}, "1"),
        (TEXTS, "Ann,Ulm\nname,city\nZoe,Ulm\n", {}, "1"),
        (TEXTS, "".join(f"Ann{n},Ulm\n" for n in range(8)) + "name,city\nZoe,Ulm\n", {}, "1, 2, 3, 4, 5, …"),
        (TEXTS, "#1001,Ulm\nname,city\n#1002,Ulm\n", {}, "1"),
        (TEXTS, '"Ann\nname,city\nx",Ulm\n', {}, "1"),
        (ONE, "Rex\nTom\nname\nZoe\n", {}, "1, 2"),
        (ONE, "#sale\nname\n#summer\n", {}, "1"),
        (PETS, "#1,Ulm,1\n#2,Ulm,2\nRex,Ulm,3\n", HEADLESS, "1, 2"),
        (PETS, "# 1,Ulm,1\nRex,Ulm,3\n", HEADLESS, "1"),
        (PETS, "Rex,Ulm\nTom,Ulm,2\nIda,Ulm,3\n", HEADLESS, "1"),
        (PETS, "#1,Ulm,1\nRex,Ulm,3\n", {"columns": "name,city,age"}, "1"),
    ],
)
def test_rows_above_are_refused(tmp_path: Path, dataset: Dataset, text: str, said: dict[str, str], lines: str) -> None:
    with pytest.raises(ImportFailed) as caught:
        read(tmp_path / "file", text, dataset, **said)
    assert (caught.value.code, caught.value.line) == ("rows_above", int(lines.partition(",")[0]))
    assert f"line{'s' * (',' in lines)} {lines}." in caught.value.reason
    assert "first_line=" in caught.value.reason


@pytest.mark.parametrize(
    ("dataset", "text", "said"),
    [
        (PETS, "Pets of the week\n\nname,city,age\nZoe,Ulm,4\n", {}),
        (PETS, "# made by us\n# at 10:00, in Ulm, by hand\nname,city,age\nZoe,Ulm,4\n", {}),
        (PETS, "#fields:\n#name,city,age\nname,city,age\nZoe,Ulm,4\n", {}),
        (PETS, "#name,city,age\nZoe,Ulm,4\n", HEADLESS),
        (PETS, "# none\n\nZoe,Ulm,4\n", HEADLESS),
        (PETS, "Pets\nZoe,Ulm,4\nAnn,Ulm,4\n", HEADLESS),
        (PETS, "Account,DE12\nPeriod,January\n\nname,city,age\nZoe,Ulm,4\n", {}),
        (PETS, "Pets of the week,,\n,,\nname,city,age\nZoe,Ulm,4\n", {}),
        (PETS, '"EXTF",700,"Batch"\nname,city,age\nZoe,Ulm,4\n', {}),
        (TEXTS, "sep=,\nname,city\nZoe,Ulm\n", {}),
        (TEXTS, "sep=;\r\nname;city\r\nZoe;Ulm\r\n", {}),
        (TEXTS, "sep=,\nKunde,Ort\nZoe,Ulm\n", {"columns": "name,city", "header": "true"}),
        (TEXTS, "sep=;\nZoe;Ulm\n", {"columns": "name,city", "header": "false"}),
        (ONE, "# made by us\nname\nZoe\n", {}),
        (PETS, "Rex,Ulm,1\nname,city,age\nZoe,Ulm,4\n", {"first_line": "2"}),
        (PETS, "#1,Ulm,1\nZoe,Ulm,4\n", {**HEADLESS, "first_line": "2"}),
    ],
)
def test_what_is_no_row_may_stand_above(tmp_path: Path, dataset: Dataset, text: str, said: dict[str, str]) -> None:
    rows = read(tmp_path / "file", text, dataset, **said)
    assert len(rows) >= 1 and rows[0][0] == "Zoe"


def test_a_second_header_among_the_rows_is_not_the_header(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed) as caught:
        read(tmp_path / "file", "Na-me,city,age\nRex,Ulm,1\nname,city,age\nZoe,Ulm,4\n", PETS)
    assert caught.value.code == "rows_above" and caught.value.line == 2
