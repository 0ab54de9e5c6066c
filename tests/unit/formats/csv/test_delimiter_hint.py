"""A header that another delimiter would split into known names is refused with that delimiter, never read with it."""

from pathlib import Path

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.formats.detection import detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows

TEXTS = Dataset("pairs", tuple(Column(name, ColumnType.TEXT, length=20) for name in ("key", "value")), ())


def read(path: Path, text: str, **options: str) -> list[tuple[str | None, ...]]:
    """The rows. Raises what a preview says, after making sure that an import says the same."""
    path.write_text(text)
    file_format = detect(path.name, None, text.encode(), TEXTS, parse_options(options))
    found = make_preview(path, file_format, TEXTS, 10)
    if found.problem is None:
        head = check_head(path, TEXTS, file_format)
        batches = read_rows(path, TEXTS, head.file_format, 1000)
        return [values for batch in batches for _, values in read_payload(batch.payload)]
    assert found.suggested is None, "a suggestion that splits the fields in the wrong places would lose characters"
    with pytest.raises(ImportFailed) as refused:
        check_head(path, TEXTS, file_format)
    assert str(refused.value) == str(found.problem)
    raise found.problem


@pytest.mark.parametrize("delimiter", ["~|~", "^", "~", ":", "::", " ", "#", "§", "|;"])
def test_the_message_names_the_delimiter_that_lets_the_file_in(tmp_path: Path, delimiter: str) -> None:
    text = f"key{delimiter}value\na-b{delimiter}x\n"
    with pytest.raises(ImportFailed) as refused:
        read(tmp_path / "f.csv", text)
    assert refused.value.code == "other_delimiter"
    option = refused.value.reason.partition("set delimiter=")[2]
    assert read(tmp_path / "f.csv", text, delimiter=option) == [("a-b", "x")]


def test_the_client_s_names_count_as_well(tmp_path: Path) -> None:
    text, columns = "No~Name\n1~x\n", '{"No": "key", "Name": "value"}'
    with pytest.raises(ImportFailed, match=r"set delimiter=~$"):
        read(tmp_path / "f.csv", text, columns=columns)
    assert read(tmp_path / "f.csv", text, columns=columns, delimiter="~") == [("1", "x")]


def refusal(path: Path, text: str) -> str:
    path.write_text(text)
    file_format = detect(path.name, None, text.encode(), TEXTS, parse_options({}))
    problem = make_preview(path, file_format, TEXTS, 10).problem
    assert problem is not None
    return problem.reason


def test_what_can_not_be_known_is_a_condition(tmp_path: Path) -> None:
    assert "If '~' is between the fields, set delimiter=~" in refusal(tmp_path / "f.csv", "No~Name\n1~x\n")
    assert "If something else than ',' is between the fields" in refusal(tmp_path / "f.csv", "Name\nx\n")
    assert "columns of a fixed width are not read" in refusal(tmp_path / "f.csv", "key    value\na      x\n")
    for drawn in ("+---+---+\n| key | value |\n+---+---+\n| a | x |\n", "| key | value |\n|---|---|\n| a | x |\n"):
        assert "`mysql --batch` instead of `mysql --table`" in refusal(tmp_path / "f.csv", drawn)


@pytest.mark.parametrize(("text", "row"), [(",key,value\n7,a,x\n", ("a", "x")), ("key||value\na||x\n", ("a", "x"))])
def test_a_column_without_a_name_can_be_left_out(tmp_path: Path, text: str, row: tuple[str, str]) -> None:
    reason = refusal(tmp_path / "f.csv", text)
    assert 'leave it out with columns={"": null}' in reason
    assert read(tmp_path / "f.csv", text, columns='{"": null}') == [row]
    if "||" in text:
        assert "If '||' is between the fields, set delimiter=||" in reason
        assert read(tmp_path / "f.csv", text, delimiter="||") == [row]


@pytest.mark.parametrize("marks", [1, 2, 3])
def test_byte_order_marks_are_no_part_of_a_name(tmp_path: Path, marks: int) -> None:
    assert read(tmp_path / "f.csv", "\ufeff" * marks + 'key,value\na,"x"\n') == [("a", "x")]
    assert read(tmp_path / "f.csv", "\ufeff" * marks + "a,x\n", columns="key,value", header="false") == [("a", "x")]


def test_a_comment_below_the_header_names_the_option(tmp_path: Path) -> None:
    path, text = tmp_path / "f.csv", "key,value\na,x\n# made by us\n"
    path.write_text(text)
    file_format = detect(path.name, None, text.encode(), TEXTS, parse_options({}))
    [reject] = [reject for batch in read_rows(path, TEXTS, file_format, 1000) for reject in batch.rejects]
    assert "set comment=# if lines that begin with '#' are comments" in reject.reason
    assert read(path, text, comment="#") == [("a", "x")]
