"""The plan: what clients ask and what fails, and when. It derives wholly from a seed."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests import proxy as statements

PROCESSES = ("web", "worker", "worker-2", "sweeper", "sweeper-2")
WORKERS = ("worker", "worker-2")
SWEEPERS = ("sweeper", "sweeper-2")
LEASE_SECONDS = 4.0

IMPORT_GAP_SECONDS = 0.7
FAULT_GAP_SECONDS = 1.6
QUIET_SECONDS = 1.0  # before the first fault

FORMS = {"csv": 5, "csv.gz": 2, "ndjson": 2, "ndjson.gz": 1, "generated": 3, "classic": 2, "waited-for": 1}
FILES = ("csv", "csv.gz", "ndjson", "ndjson.gz")
SIZES = {(1, 1): 1, (2, 500): 10, (500, 5_000): 6, (5_000, 40_000): 2}  # rows, from and to

# A deck of faults: each is drawn as often before any comes again.
FAULTS = {
    "kill child": 4,
    "kill worker": 2,
    "kill sweeper": 2,
    "kill web": 1,
    "kill database": 2,
    "kill broker": 1,
    "pause worker": 3,
    "drain worker": 2,
    "cut": 5,
    "freeze": 4,
    "refuse": 3,
    "cut broker": 2,
    "freeze broker": 2,
    "lose": 14,
    "hold": 12,
}
# (kind of process, statement, after what)
LOSSES: tuple[tuple[str, str, str | None], ...] = (
    *(
        ("worker", statement, after)
        for statement, after in (
            (statements.RECEIPT, None),
            (statements.BULK_LOAD, None),
            (statements.ENDED, None),
            (statements.PREPARE, None),
            (statements.DECISION, None),
            (statements.DECISION_COMMIT, statements.DECISION),
            (statements.DECISION_COMMIT, statements.DECISION),
            (statements.XA_COMMIT, None),
            (statements.XA_COMMIT, None),
            ("^XA ROLLBACK", None),
            ("^COMMIT$", r"^UPDATE imports FORCE INDEX \(PRIMARY\) SET state='running'"),
            ("^COMMIT$", r"^UPDATE imports FORCE INDEX \(PRIMARY\) SET state='failing'"),
            ("^COMMIT$", statements.RECORDED),
        )
    ),
    ("web", "^COMMIT$", "^INSERT INTO imports"),
    ("web", "^COMMIT$", "^INSERT INTO imports"),
    ("web", "^COMMIT$", statements.STOP),
    ("web", "^COMMIT$", statements.STOP),
    ("web", "^COMMIT$", "^INSERT INTO idempotency_keys"),
    ("sweeper", "^XA COMMIT", None),
    ("sweeper", "^XA ROLLBACK", None),
    ("sweeper", "^COMMIT$", statements.RECORDED),
    ("sweeper", "^COMMIT$", r"^UPDATE imports FORCE INDEX \(PRIMARY\) SET state='queued'"),
    ("sweeper", "^COMMIT$", r"^UPDATE imports FORCE INDEX \(PRIMARY\) SET state='stopped'"),
)
# Statements of a worker that are held back, and what happens meanwhile. Of a stop that is unheard the web server's look
# for the owners is lost, and the statement goes on at once.
HOLDS = (
    (statements.ENDED, None),
    (statements.PREPARE, None),
    (statements.DECISION, None),
    (statements.DECISION, None),
    (statements.DECISION_COMMIT, statements.DECISION),
    (statements.XA_COMMIT, None),
    (statements.RECORDED, None),
)
MEANWHILE = {"stop": 4, "stop unheard": 4, "kill": 2, "stop, kill": 3, "cut": 1, "stop, cut": 1, "": 1}


@dataclass(frozen=True)
class Action:
    """One thing that is done `at` so many seconds; `values` are what it needs."""

    at: float
    kind: str
    values: dict[str, Any]


def derive(seed: int, seconds: float) -> list[Action]:
    """All actions of a run of this length, in order."""
    random = Random(seed)
    actions = [*_clients(random, seed, seconds), *_faults(random, seconds)]
    return sorted(actions, key=lambda action: action.at)


def write(actions: list[Action], path: Path) -> None:
    """One action a line, as JSON."""
    path.write_text("".join(json.dumps(asdict(action)) + "\n" for action in actions))


def _clients(random: Random, seed: int, seconds: float) -> Iterator[Action]:
    at, number = 0.0, 0
    while (at := at + random.expovariate(1 / IMPORT_GAP_SECONDS)) < seconds:
        number += 1
        values = _an_import(random, seed, number)
        yield from _one_import(random, at, values)
        if values["form"] in FILES and random.random() < 0.12:  # the same orders in another import
            twin = values | {"name": f"{values['name']}t", "key": None, "bad_row": None}
            yield from _one_import(random, at + random.uniform(0, 1.5), twin)


def _an_import(random: Random, seed: int, number: int) -> dict[str, Any]:
    form = _weighted(random, FORMS)
    rows = random.randint(*_weighted(random, SIZES))
    bad = form in FILES and random.random() < 0.15
    hold_idempotency_key = form != "waited-for" and random.random() < 0.4
    return {
        "name": f"i{number}",
        "form": form,
        "rows": rows,
        "orders": f"s{seed % 10**9}n{number}",
        "bad_row": random.randint(1, rows) if bad else None,
        "key": f"key-{seed}-{number}" if hold_idempotency_key else None,
    }


def _one_import(random: Random, at: float, values: dict[str, Any]) -> Iterator[Action]:
    yield Action(round(at, 3), "send", values)
    if values["key"]:
        for _ in range(random.choice((0, 1, 1, 2, 3))):
            delay = random.choice((random.uniform(0, 0.2), random.uniform(0, 3), random.uniform(2, 12)))
            yield Action(round(at + delay, 3), "send", values | {"again": True})
    if random.random() < 0.4:
        delay = random.choice((random.uniform(0, 0.4), random.uniform(0.2, 3), random.uniform(2, 15)))
        for _ in range(random.choice((1, 1, 2))):
            route = random.choice(("/v1/imports/{id}/stop", "/stop/{id}"))
            yield Action(round(at + delay, 3), "stop", {"name": values["name"], "route": route})
            delay += random.choice((0, random.uniform(0, 5)))
    elif random.random() < 0.4:
        delay = random.choice((random.uniform(0.5, 4), random.uniform(2, 15)))
        for number in range(random.choice((1, 1, 2))):
            revert = {"name": f"r{number}-{values['name']}", "of": values["name"]}
            yield Action(round(at + delay, 3), "revert", revert)
            if random.random() < 0.3:
                stop = {"name": revert["name"], "route": "/v1/imports/{id}/stop"}
                yield Action(round(at + delay + random.uniform(0, 1), 3), "stop", stop)
            delay += random.choice((0, random.uniform(0, 5)))


def _faults(random: Random, seconds: float) -> Iterator[Action]:
    deck: list[str] = []
    at = QUIET_SECONDS
    while (at := at + random.uniform(0.2, 1.8) * FAULT_GAP_SECONDS) < seconds:
        if not deck:
            deck = [kind for kind, times in FAULTS.items() for _ in range(times)]
            random.shuffle(deck)
        kind = deck.pop()
        yield Action(round(at, 3), kind, _fault(random, kind))


def _fault(random: Random, kind: str) -> dict[str, Any]:
    match kind:
        case "kill child":
            return {"target": random.choice(WORKERS), "child": random.randint(0, 1)}
        case "kill worker" | "drain worker":
            return {"target": random.choice(WORKERS), "seconds": round(random.uniform(0, 3), 2)}
        case "kill sweeper":
            return {"target": random.choice(SWEEPERS), "seconds": round(random.uniform(0, 4), 2)}
        case "kill web":
            return {"target": "web", "seconds": round(random.uniform(0, 1), 2)}
        case "kill database" | "kill broker":
            return {"target": kind.split()[1], "seconds": round(random.uniform(0, 3), 2)}
        case "pause worker":
            return {"target": random.choice(WORKERS), "seconds": round(LEASE_SECONDS * random.uniform(1.2, 2.2), 2)}
        case "cut":
            return {"target": random.choice(PROCESSES)}
        case "freeze" | "refuse":
            return {"target": random.choice(PROCESSES), "seconds": round(random.uniform(0.3, 2 * LEASE_SECONDS), 2)}
        case "cut broker":
            return {"target": random.choice(PROCESSES)}
        case "freeze broker":
            return {"target": random.choice(PROCESSES), "seconds": round(random.uniform(0.3, 6), 2)}
        case "lose":
            process, statement, after = random.choice(LOSSES)
            return {"target": process, "statement": statement, "after": after, "arrives": random.random() < 0.7}
        case "hold":
            statement, after = random.choice(HOLDS)
            meanwhile = _weighted(random, MEANWHILE)
            return {
                "target": random.choice(WORKERS),
                "statement": statement,
                "after": after,
                "meanwhile": meanwhile,
                "seconds": round(random.choice((0.2, 1, LEASE_SECONDS, 2 * LEASE_SECONDS)) * random.uniform(0.5, 1), 2),
            }
    raise AssertionError(kind)


def _weighted(random: Random, weights: dict[Any, int]) -> Any:
    return random.choices(list(weights), list(weights.values()))[0]
