"""The cases of the corpus, read from their folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.dataset import ORDERS, Dataset
from app.domain.definition import read_definition

FILES = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Case:
    """A file and what must come of it.

    `rows` are the values that are loaded, None for NULL, `rejects` the others (line, code, column), and `error` is what
    ends the import: parts of `ImportFailed`; `blank` is how many rows are passed over. `file_format` holds parts of
    how it must be read where `options` are silent.
    """

    path: Path
    about: str
    dataset: Dataset
    options: dict[str, str]
    file_format: dict[str, Any]
    rows: list[list[str | None]]
    rejects: list[dict[str, Any]]
    error: dict[str, Any] | None
    blank: int


def read_cases() -> list[Case]:
    """All of them, by name."""
    return [_read(path) for path in sorted(FILES.iterdir()) if path.suffix != ".json" or not _has_file(path)]


def _has_file(path: Path) -> bool:
    return path.with_suffix("").exists()


def _read(path: Path) -> Case:
    told = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    return Case(
        path=path,
        about=told["about"],
        dataset=read_definition(told["dataset"]) if "dataset" in told else ORDERS,
        options=told.get("options", {}),
        file_format=told.get("file_format", {}),
        rows=told.get("rows", []),
        rejects=told.get("rejects", []),
        error=told.get("error"),
        blank=told.get("blank", 0),
    )
