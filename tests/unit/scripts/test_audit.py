"""`scripts/audit`: a weakness fails it; a package without an answer is named, and fails nothing."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

judge: Callable[[str, Any], bool] = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "audit"))["judge"]
SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "new", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "weak", "said"),
    [
        ([SOUND], False, "1 packages looked up, 0 with known weaknesses"),
        ([SOUND, WEAK], True, "old 1.0: CVE-1 (fixed in ['1.1'])"),
        ([SOUND, UNKNOWN], False, "SKIPPED: a.lock: no answer about 1 of 2 packages: new"),
        ([UNKNOWN], False, "SKIPPED: a.lock: no answer about 1 of 1 packages: new"),
    ],
)
def test_known_weaknesses_fail(
    packages: list[dict[str, Any]], weak: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge("a.lock", {"dependencies": packages}) is weak
    printed = capsys.readouterr()
    assert said in printed.out + printed.err


def test_an_index_that_is_not_reached_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert not judge("a.lock", None)
    assert "SKIPPED: a.lock: the package index can't be asked" in capsys.readouterr().err
