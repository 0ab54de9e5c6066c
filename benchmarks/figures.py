"""Figures: the same thing measured in pairs, ours and a peer's, and what their ratio is to be."""

import statistics
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from benchmarks.places import Place


class Goal(StrEnum):
    """How a ratio is read."""

    SPEED = "times its speed"  # the peer's seconds by ours: at least
    PRICE = "times its price"  # ours by the peer's: at most


@dataclass(frozen=True)
class Figure:
    """One row of the report. `ours` and `theirs` are pairs, one a run; where `per_second`, they are rates."""

    database: str
    what: str
    peer: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    goal: Goal
    target: float | None = None
    unit: str = "s"
    per_second: bool = False

    @property
    def ratios(self) -> list[float]:
        """One a pair."""
        turned = (self.goal is Goal.SPEED) != self.per_second
        return [
            (theirs / ours if turned else ours / theirs) for ours, theirs in zip(self.ours, self.theirs, strict=True)
        ]

    @property
    def ratio(self) -> float:
        """The pairs' median."""
        return statistics.median(self.ratios)

    @property
    def reached(self) -> bool | None:
        """Whether the target was; None where there is none."""
        if self.target is None:
            return None
        return self.ratio >= self.target if self.goal is Goal.SPEED else self.ratio <= self.target


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rows: int = 1_000_000
    pairs: int = 5
    large: int = 4  # times `rows`
    memory: int = 10
    slow_rows: int = 20_000  # for peers that need minutes otherwise
    clients: int = 200
    requests: int = 2000
    waiting: int = 100
    small: int = 300
    history: int = 1_000_000  # imports that have ended
    background: int = 5_000_000  # rows of imports that only keep the slots busy


FULL = Scale()
QUICK = Scale(
    rows=200_000,
    pairs=2,
    memory=4,
    slow_rows=5000,
    clients=50,
    requests=500,
    waiting=20,
    small=60,
    history=60_000,
    background=2_000_000,
)
SMOKE = Scale(
    rows=3000,
    pairs=1,
    large=2,
    memory=2,
    slow_rows=200,
    clients=5,
    requests=20,
    waiting=3,
    small=5,
    history=2000,
    background=300_000,
)


@dataclass
class Report:
    """What was measured, in its order."""

    scale: Scale
    figures: list[Figure] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, figure: Figure) -> None:
        """Keep a figure, and say it."""
        self.figures.append(figure)
        print(f"  {figure.database:8} {figure.what:58} {figure.ratio:6.2f} {figure.goal} of {figure.peer}", flush=True)


class Measure(Protocol):
    """One measurement: a module's `measure`."""

    def __call__(self, place: Place, scale: Scale, report: Report) -> None: ...
