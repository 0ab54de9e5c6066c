"""Rules of the house that no linter knows."""

from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
SOURCES = sorted(APP.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(APP)))
def test_a_room_is_small_and_xa_is_spoken_in_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    verbs = [f'"XA {verb}' for verb in ("START", "END", "PREPARE", "COMMIT", "ROLLBACK", "RECOVER")]
    assert path == APP / "db" / "xa.py" or not any(verb in text for verb in verbs)
