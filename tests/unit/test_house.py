"""Rules of the house that no linter knows."""

from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
MAX_FILES = 18
SOURCES = sorted(APP.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(APP)))
def test_a_room_is_small_and_xa_is_spoken_in_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    verbs = [f'"XA {verb}' for verb in ("START", "END", "PREPARE", "COMMIT", "ROLLBACK", "RECOVER")]
    assert path == APP / "db" / "xa.py" or not any(verb in text for verb in verbs)


def test_a_folder_has_few_files() -> None:
    folders = {
        path.parent for name in ("app", "backout", "benchmarks", "tests") for path in (APP.parent / name).rglob("*.py")
    }
    counts = {str(folder.relative_to(APP.parent)): len(list(folder.glob("*.py"))) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MAX_FILES} == {}
