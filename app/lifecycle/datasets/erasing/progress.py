"""Progress: how far an erasure has come. A client carries it from one step to the next, so that no table has to keep
whose data it is; it has no value of the person."""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from time import monotonic
from typing import Any

from app.domain.errors import BadRequest
from app.domain.requests.erasure import Person

STEP_SECONDS = 5.0  # how long one request works before it answers
MAX_NAMED = 100  # imports, and things that are left

PLACES = ("rows", "images", "files", "rejects", "slips", "handlings", "texts")


class Stage(IntEnum):
    """What is looked at, in this order: a file could bring rows back, an image too."""

    ROWS = 0
    IMAGES = 1
    FILES = 2
    TEXTS = 3
    EXTENSIONS = 4
    END = 5


# what `at` has in each stage
SHAPES: dict[Stage, tuple[type, ...]] = {
    Stage.ROWS: (int, int),
    Stage.IMAGES: (int, int, int),
    Stage.FILES: (str,),
    Stage.TEXTS: (int,),
    Stage.EXTENSIONS: (int, int, int),
    Stage.END: (),
}


@dataclass
class Progress:
    """Of one erasure.

    Attributes:
        last: the highest number of the imports that this erasure answers for: a later file may bring the person anew.
        since: when the look began.
        looks: how many looks there were; a revert that ends meanwhile makes another one necessary.
        at: where the stage goes on.
        counts: what was erased, by place.
        imports: the numbers of the imports of which something was erased.
        left: what could not be erased, and what helps.
    """

    last: int
    since: datetime
    looks: int = 1
    stage: Stage = Stage.ROWS
    at: list[Any] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    imports: set[int] = field(default_factory=set)
    left: list[dict[str, Any]] = field(default_factory=list)
    until: float = field(default_factory=lambda: monotonic() + STEP_SECONDS)

    @property
    def is_over(self) -> bool:
        """Whether this step has taken its time."""
        return monotonic() >= self.until

    def add(self, place: str, count: int = 1, number: int | None = None) -> None:
        """Count what was erased, of the import with this number."""
        if count:
            self.counts[place] += count
            if number is not None and len(self.imports) < MAX_NAMED:
                self.imports.add(number)

    def leave(self, place: str, reason: str, id: str | None = None) -> None:
        """Name what could not be erased, once."""
        one = {"place": place, "import": id, "reason": reason}
        if one not in self.left and len(self.left) < MAX_NAMED:
            self.left.append(one)

    def go_on(self, stage: Stage) -> None:
        """Begin with the next stage."""
        self.stage, self.at = stage, []

    def look_again(self, since: datetime) -> None:
        """Begin anew: what was left may be gone."""
        self.go_on(Stage.ROWS)
        self.since, self.looks, self.left = since, self.looks + 1, []

    def write(self, person: Person, *, dry_run: bool) -> str:
        """The cursor."""
        said = {
            "of": [person.dataset.name, person.columns, dry_run],
            "last": self.last,
            "since": self.since.isoformat(),
            "looks": self.looks,
            "stage": self.stage,
            "at": self.at,
            "counts": dict(self.counts),
            "imports": sorted(self.imports),
            "left": self.left,
        }
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


def read_progress(cursor: str, person: Person, *, dry_run: bool) -> Progress:
    """The progress that `Progress.write` returned this for. Raises `BadRequest` for another erasure's cursor."""
    try:
        said: Any = json.loads(base64.urlsafe_b64decode(cursor))
        if not isinstance(said, Mapping) or said["of"] != [person.dataset.name, person.columns, dry_run]:
            raise ValueError("another erasure's")
        stage, at = Stage(said["stage"]), list(said["at"])
        if (at and tuple(map(type, at)) != SHAPES[stage]) or any(
            isinstance(one, int) and abs(one) >= 2**62 for one in at
        ):
            raise ValueError("no place")
        return Progress(
            last=int(said["last"]),
            since=datetime.fromisoformat(said["since"]),
            looks=int(said["looks"]),
            stage=stage,
            at=at,
            counts=Counter({name: int(said["counts"].get(name, 0)) for name in PLACES}),
            imports={int(one) for one in said["imports"]},
            left=[{name: one[name] for name in ("place", "import", "reason")} for one in said["left"]],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise BadRequest(
            "the cursor is of another erasure: send the one of the last answer, or none to begin anew",
            errors=[{"field": "cursor"}],
        ) from None
