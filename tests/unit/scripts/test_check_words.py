"""scripts/check-words: which words and how many of them documents and messages may have."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "check-words"
check_words = runpy.run_path(str(SCRIPT))
list_faults = check_words["list_faults"]


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("Fix the file.\n\nThe mended file is accepted.", 3, "mended"),
        ("Nobody reads it.", 1, "Nobody"),
        ("a column that there\nis not", 1, "that there is not"),
        ("The next one is due.", 1, "is due"),
        ("Rows that are not in order", 1, "are not in order"),
    ],
)
def test_an_accent_is_found_in_a_document(tmp_path: Path, text: str, line: int, found: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert [fault[:2] for fault in list_faults(page)] == [(line, found)]


@pytest.mark.parametrize(
    "text", ["It amends the recommended order.", "This is due to a crash.", "The keys are in order."]
)
def test_plain_words_are_accepted(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert list_faults(page) == []


def test_of_a_program_only_strings_and_comments_are_read(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text('told = 1\n"""Nobody\n\nis told."""\nf"whoever {1}"  # mend it\n')
    assert [fault[:2] for fault in list_faults(program)] == [(2, "Nobody"), (4, "told"), (5, "whoever"), (5, "mend")]


def test_every_checked_path_exists() -> None:
    assert [name for name in check_words["CHECKED"] if not (check_words["ROOT"] / name).exists()] == []
    assert check_words["list_files"](check_words["CHECKED"])
