"""The documentation says what is there: links lead somewhere, settings are those that are read."""

import re
from pathlib import Path

import pytest

from app.config import Settings

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What headings are called in links, by GitHub's rule."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(page)))
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {link.partition("#")[0] for link in _LINK.findall(index.read_text(encoding="utf-8"))}
    pages = {str(page.relative_to(index.parent)) for page in PAGES if page.is_relative_to(index.parent)}
    assert pages - {index.name} <= linked


def test_every_setting_is_described() -> None:
    rows = re.findall(
        r"^\| `BACKOUT_(\w+)` \|",
        (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert sorted(name.lower() for name in rows) == sorted(Settings.model_fields)
