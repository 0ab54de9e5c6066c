"""The journal: what was done and what clients were told, in the order in which it happened."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any


@dataclass(frozen=True)
class FormatOptions:
    """What a client asked and what it was told; no status where the connection broke before an answer."""

    at: float
    asked: str  # send, wait, stop, revert
    name: str
    request_id: str
    status: int | None
    id: str | None
    state: str | None
    kind: str = ""  # of a problem
    detail: str = ""


@dataclass
class Journal:
    """Written by many threads."""

    path: Path
    begun: float = field(default_factory=monotonic)
    told: list[FormatOptions] = field(default_factory=list)
    states: dict[str, list[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    asked_to_stop: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)  # clients, faults or readers that failed themselves
    _lock: Any = field(default_factory=Lock)

    def now(self) -> float:
        return round(monotonic() - self.begun, 3)

    def tell(self, told: FormatOptions) -> None:
        """A client was told this."""
        with self._lock:
            self.told.append(told)
            self._write("told", asdict(told))

    def see(self, id: str, state: str) -> None:
        """A watcher was shown an import in this state."""
        with self._lock:
            seen = self.states.setdefault(id, [])
            if not seen or seen[-1] != state:
                seen.append(state)
                self._write("seen", {"id": id, "state": state})

    def note(self, kind: str, values: dict[str, Any], outcome: str = "") -> None:
        """A fault was done, or passed over."""
        with self._lock:
            (self.passed_over if outcome.startswith("passed over") else self.faults)[kind] += 1
            self._write("fault", {"kind": kind, **values, "outcome": outcome})

    def remark(self, text: str) -> None:
        """Something else worth knowing."""
        with self._lock:
            self._write("remark", {"text": text})

    def _write(self, what: str, values: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"now": self.now(), "what": what, **values}, default=str) + "\n")
