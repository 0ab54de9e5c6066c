"""Every file of the corpus comes to exactly what stands beside it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed, UnsupportedFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows
from tests.corpus.cases import Case, read_cases

CASES = read_cases()
UNSUPPORTED = "unsupported_format"  # such a file is refused before anything is read
SUPPORTED = [case for case in CASES if case.error != {"code": UNSUPPORTED}]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.name)
every_supported_case = pytest.mark.parametrize("case", SUPPORTED, ids=lambda case: case.path.name)


@pytest.fixture
def path(case: Case, tmp_path: Path) -> Path:
    """A copy: what is unpacked is written beside a file."""
    return Path(shutil.copy(case.path, tmp_path))


def outcome(path: Path, case: Case, batch_bytes: int) -> tuple[list[list[str | None]], list[dict[str, Any]], Any]:
    """Rows, rejects and the failure."""
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    blank = 0
    rejects: list[dict[str, Any]] = []
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        file_format = detect(path.name, None, head, case.dataset, parse_options(case.options))
        assert {name: file_format.as_public_json()[name] for name in case.file_format} == case.file_format
        check_head(path, case.dataset, file_format)
        for batch in read_rows(path, case.dataset, file_format, batch_bytes):
            rows += [list(values) for _, values in read_payload(batch.payload)]
            rejects += [{"line": bad.line, "code": bad.code, "column": bad.column} for bad in batch.rejects]
            assert all(bad.reason for bad in batch.rejects)
            numbers += [*batch.row_numbers, *(bad.row for bad in batch.rejects)]
            blank += batch.blank
    except ImportFailed as failed:
        assert failed.reason
        return rows, rejects, failed.as_dict()
    except UnsupportedFormat as refused:
        assert str(refused)
        return rows, rejects, {"code": UNSUPPORTED}
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert blank == case.blank
    return rows, rejects, None


@pytest.mark.parametrize(
    ("case", "batch_bytes"),
    [
        pytest.param(
            case,
            batch_bytes,
            id=f"{size}-{case.path.name}",
            marks=pytest.mark.long if (size, case.path.name) == ("small", "bomb.csv.gz") else (),
        )
        for case in CASES
        for size, batch_bytes in (("small", 16), ("large", 1 << 20))
    ],
)
def test_the_file_comes_to_what_stands_beside_it(case: Case, path: Path, batch_bytes: int) -> None:
    rows, rejects, failure = outcome(path, case, batch_bytes)
    if case.error is None:
        assert failure is None, failure
    else:
        assert failure is not None
        assert {name: failure.get(name) for name in case.error} == case.error
    assert rejects == case.rejects
    assert rows == case.rows


@every_supported_case
def test_its_preview_says_the_same(case: Case, path: Path) -> None:
    file_format = detect(path.name, None, path.read_bytes()[:HEAD_BYTES], case.dataset, parse_options(case.options))
    found = make_preview(path, file_format, case.dataset, 100)
    if case.error is not None:
        assert found.problem is not None
        return
    assert found.problem is None, found.problem
    shown = [(row.reject.line, row.reject.code) for row in found.rows if row.reject]
    assert shown == [(reject["line"], reject["code"]) for reject in case.rejects]
    assert len(found.rows) == len(case.rows) + len(case.rejects)
    assert found.blank == case.blank


@every_supported_case
def test_the_dataset_that_is_inferred_accepts_what_can_be_read(case: Case, path: Path) -> None:
    said = {name: text for name, text in case.options.items() if name != "columns"}
    nothing = Dataset("", (), ())
    file_format = detect(path.name, None, path.read_bytes()[:HEAD_BYTES], nothing, parse_options(said))
    found = make_preview(path, file_format, None, 100)
    assert found.inferred is not None
    unreadable = {"too_few_fields", "too_many_fields", "bad_quote", "not_utf8", "not_json", "not_an_object"}
    unreadable |= {"doubled_key", "cell_error"}
    codes = {row.reject.code for row in found.rows if row.reject}
    assert codes <= unreadable, codes


def test_the_corpus_is_whole() -> None:
    assert len(CASES) >= 60
    assert all(case.about for case in CASES)
