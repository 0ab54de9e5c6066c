"""Pauses: imports that no worker begins until someone resumes them. A stop, an undo and a commit go on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PHASE = "paused"  # of a queued import that a pause holds


class Scope(StrEnum):
    """What a pause holds."""

    ALL = "all"
    DATASET = "dataset"  # all imports into it
    IMPORT = "import"


@dataclass(frozen=True)
class Pause:
    """One pause.

    Attributes:
        scope, name: what it holds; `name` is the dataset's name, the import's id, or empty.
        client: who asked for it: the name of an API key, or empty.
        paused_at: UTC.
    """

    scope: Scope
    name: str
    client: str
    paused_at: datetime

    def __str__(self) -> str:
        names = {
            Scope.ALL: "all imports",
            Scope.DATASET: f"imports into {self.name}",
            Scope.IMPORT: f"import {self.name}",
        }
        who = f" by {self.client}" if self.client else ""
        return f"{names[self.scope]}, paused{who} at {self.paused_at:%Y-%m-%d %H:%M} UTC"
