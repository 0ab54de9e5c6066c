"""scripts/check-commits: which subjects a commit may have."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "check-commits"
list_faults = runpy.run_path(str(SCRIPT))["list_faults"]


@pytest.mark.parametrize(
    "message",
    [
        "Refuse a mutant whose target is gone\n\nA rename made an empty one.",
        "Process blank lines at the speed of reading",
        "Merge branch 'other', which git wrote",
        "Add a revert\n# a comment of git's",
    ],
)
def test_a_plain_imperative_is_accepted(message: str) -> None:
    assert list_faults(message) == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("", "empty"),
        ("Add " + "x" * 69, "73 characters"),
        ("wip: add a thing", "prefix"),
        ("Tests: add a thing", "prefix"),
        ("Added a thing", "no imperative"),
        ("Adds a thing", "no imperative"),
        ("Adding a thing", "no imperative"),
        ("add a thing", "small letter"),
        ("Add a thing.", "full stop"),
        ("Add a thing\nand another", "second line"),
    ],
)
def test_another_subject_is_refused_with_a_sentence(message: str, fault: str) -> None:
    assert fault in " ".join(list_faults(message))
