"""Run: carry out a plan, let it calm down, and judge."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from app.domain.states import FINAL
from tests.chaos import plan
from tests.chaos.clients import Clients
from tests.chaos.evidence import LedgerRow, explain
from tests.chaos.faults import Faults
from tests.chaos.installation import Installation, open_installation
from tests.chaos.journal import Journal
from tests.chaos.reader import Reader
from tests.chaos.verdict import Verdict
from tests.waiting import patience, wait_for

CONVERGE_SECONDS = patience(180)  # the queue that the faults leave is part of it
SHOWN = 20  # violations that are explained in full


@dataclass
class Outcome:
    """What came of a run."""

    rows: list[LedgerRow]
    journal: Journal
    reader: Reader
    convergence: list[float]  # of imports that were unfinished when the faults ended
    goodbyes: list[float]
    explanations: list[str] = field(default_factory=list)

    def table(self) -> str:
        """A summary for people."""
        states = Counter(
            row.state + (f" ({(row.error or {}).get('code')})" if row.error and row.state == "failed" else "")
            for row in self.rows
        )
        answers = Counter(
            f"{told.asked} {told.status or 'no answer'}{f' {told.state}' if told.asked == 'stop' else ''}"
            for told in self.journal.told
        )
        lines = [
            _section("imports", states | Counter({"all": len(self.rows)})),
            f"committed rows: {sum(row.rows_total or 0 for row in self.rows if row.state == 'committed'):,}",
            _section("reverts", Counter(row.state for row in self.rows if row.kind == "revert")),
            _section("answers", answers),
            _section("faults", self.journal.faults),
            _section("passed over", self.journal.passed_over),
            f"reader: {self.reader.looks} looks at the table, {self.reader.counts} counts over HTTP",
            f"convergence after the last fault: {_spread(self.convergence)}",
            f"goodbyes of workers after SIGTERM: {_spread(self.goodbyes)}",
            f"violations: {len(self.explanations)}",
        ]
        return "\n".join(lines)


def run_chaos(
    folder: Path,
    seed: int,
    seconds: float,
    database: str,
    broker: str,
    branches: int,
    *,
    mutant: str = "",
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """A run on servers of its own in this folder; a mutant breaks a rule of the protocol (`tests.crash.mutants`)."""
    actions = plan.derive(seed, seconds)
    plan.write(actions, folder / "plan.jsonl")
    tell(f"plan: {len(actions)} actions, {folder / 'plan.jsonl'}")
    with open_installation(folder, database, broker, branches, mutant) as installation:
        journal = Journal(folder / "journal.jsonl")
        tell(f"everything runs; the faults begin and last {seconds:g} s")
        with Reader(installation, journal) as reader, Clients(installation.stack.url, journal) as clients:
            faults = Faults(installation, journal, clients.stop_now)
            _carry_out(actions, clients, faults, tell)
            faults.finish()
            installation.calm()
            clients.finish()
            convergence = _converge(installation)
            tell(f"everything runs again; converged: {_spread(convergence)}")
        verdict = Verdict(installation, journal, actions, reader)
        violations = verdict.violations()
        explanations = [explain(installation, journal, violation) for violation in violations[:SHOWN]]
        explanations += [f"VIOLATION: {violation}" for violation in violations[SHOWN:]]
        return Outcome(verdict.rows, journal, reader, convergence, faults.goodbyes, explanations)


def _carry_out(actions: list[plan.Action], clients: Clients, faults: Faults, tell: Callable[[str], None]) -> None:
    clock, told_at, begun = Event(), 0.0, monotonic()
    for action in actions:
        clock.wait(max(0.0, begun + action.at - monotonic()))
        (clients if action.kind in ("send", "stop", "revert") else faults).begin(action)
        if action.at > told_at + 30:
            told_at = action.at
            tell(f"{action.at:.0f} s")


def _converge(installation: Installation) -> list[float]:
    """Wait until every import is final and no transaction is open but the foreign one; the seconds each took."""
    begun = monotonic()
    waiting: set[Any] = set()
    took: list[float] = []

    def done() -> bool:
        nonlocal waiting
        with installation.database.root(read_timeout=patience()) as cursor:
            cursor.execute(f"SELECT number FROM imports WHERE state NOT IN ({','.join(['%s'] * len(FINAL))})", [*FINAL])
            unfinished = {number for (number,) in cursor.fetchall()}
            cursor.execute("SELECT COUNT(*) FROM information_schema.innodb_trx")
            (open_transactions,) = cursor.fetchone() or (0,)
        took.extend([monotonic() - begun] * len(waiting - unfinished))
        waiting = unfinished
        return not unfinished and int(open_transactions) <= 1

    try:
        wait_for(done, seconds=CONVERGE_SECONDS)
    except AssertionError:
        took.extend([float("inf")] * max(len(waiting), 1))
    return took


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "nothing was left to do"
    ordered = sorted(seconds)
    p50, p99 = (ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.99))
    return f"{len(ordered)}, p50 {p50:.1f} s, p99 {p99:.1f} s, max {ordered[-1]:.1f} s"


def _section(title: str, counted: Counter[str]) -> str:
    return f"{title}: " + ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
