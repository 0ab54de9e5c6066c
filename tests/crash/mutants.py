"""Mutants: the protocol, broken on purpose. Each must be caught by a cell, or the checker proves nothing."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from app.db import xa
from app.db.reverts import claims
from app.domain.imports import RecoveryAction
from app.lifecycle.imports import pause, rollback
from app.lifecycle.imports.loading import heartbeat
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery import sweeper
from tests.crash import mutations
from tests.crash.mutations import replace_by
from tests.crash.places import Cell
from tests.crash.subjects.revert import CASCADE, RETURN


@dataclass(frozen=True)
class Mutant:
    """One rule broken; `caught_by` names cells (fault, failpoint) of which one is to notice, `of` an import or a
    revert."""

    rule: str
    put_in: Callable[[], None]
    caught_by: tuple[tuple[str, str], ...]
    of: str = "import"

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The same, to be run."""
        return tuple(Cell(failpoint, fault, self.of) for fault, failpoint in self.caught_by)


MUTANTS = {
    "no import learns of its revert": Mutant(
        "the end of a revert and what the import says of it are one transaction",
        replace_by(claims, "finish", lambda *_: None),
        (("kill -9 process", "decided"),),
        of="revert",
    ),
    "a revert never lets go": Mutant(
        "a revert that ends without a commit gives its import back",
        replace_by(claims, "release", lambda *_: None),
        (("stop", "one prepared"),),
        of="revert",
    ),
    "a stopped revert claims dependents": Mutant(
        "an attempt claims more imports only while it has its revert",
        replace_by(claims, "holds", lambda *_: True),
        (("stop, waited for", "begun again"),),
        of=CASCADE,
    ),
    "rows are back and said to be gone": Mutant(
        "a revert of a revert lets go of its imports in the transaction that records its commit",
        replace_by(claims, "_free", lambda *_: None),
        (("kill -9 process", "half loaded"),),
        of=RETURN,
    ),
    "sweeper always commits": Mutant(
        "direction goes by state and epoch",
        partial(mutations.direct, rollback=RecoveryAction.COMMIT),
        (("kill -9 worker, stop", "all prepared"), ("kill -9 process", "all prepared")),
    ),
    "sweeper always rolls back": Mutant(
        "a decided import goes forward only",
        partial(mutations.direct, commit=RecoveryAction.ROLLBACK),
        (("kill -9 process", "decided"),),
    ),
    "sweeper rolls back what runs": Mutant(
        "a branch under a living lease is left alone",
        partial(mutations.direct, leave=RecoveryAction.ROLLBACK),
        (("slow worker", "all prepared"), ("slow worker", "decided")),
    ),
    "sweeper ignores leases": Mutant(
        "only an expired lease is taken away",
        mutations.ignore_leases,
        (("slow worker", "half loaded"),),
    ),
    "no one renews the lease": Mutant(
        "the heartbeat holds the lease from claim to end",
        replace_by(heartbeat.Heartbeat, "_beat", lambda self: None),
        (("slow worker", "half loaded"),),
    ),
    "no epoch check": Mutant(
        "every move of an attempt names its epoch",
        mutations.leave_epochs,
        (("zombie beside the next", "deciding"), ("zombie beside the next", "all prepared")),
    ),
    "epoch never raised": Mutant(
        "each attempt has an epoch of its own",
        mutations.keep_epoch,
        (("zombie beside the next", "deciding"), ("kill -9 process", "all prepared")),
    ),
    "receipt skipped": Mutant(
        "the receipt is the first statement in each branch",
        mutations.skip_receipt,
        (("second delivery", "claimed"),),
    ),
    "XAER_NOTA taken for success": Mutant(
        "only receipts prove a commit",
        mutations.trust_list,
        (("branch rolled back by hand", "decided"),),
    ),
    "one receipt is enough": Mutant(
        "committed needs every branch's receipt and no branch listed",
        mutations.any_receipt,
        (("branch rolled back by hand", "one committed"),),
    ),
    "decision after commit": Mutant(
        "the decision is recorded before any branch commits",
        mutations.decide_after_commit,
        (("stop", "all committed"), ("kill -9 process", "one committed")),
    ),
    "lost decision ignored": Mutant(
        "0 rows changed: roll everything back",
        mutations.ignore_lost_decision,
        (("stop, its kill lost", "all prepared"), ("stop, its kill lost", "deciding")),
    ),
    "rolled back when unsure": Mutant(
        "a lost answer to the decision: do neither",
        mutations.roll_back_when_unsure,
        (("answer to decision's COMMIT lost", "started"),),
    ),
    "ledger written inside the branch": Mutant(
        "no row of the ledger is locked by a branch",
        mutations.write_ledger_in_branch,
        (("stop", "receipt written"), ("slow worker", "receipt written")),
    ),
    "stop after the decision": Mutant(
        "a stop is refused once the import has been decided",
        mutations.stop_decided,
        (("stop", "decided"),),
    ),
    "stop ignored": Mutant(
        "a stop is answered when the ledger has it",
        mutations.stop_in_words,
        (("stop", "half loaded"),),
    ),
    "undo not waited for": Mutant(
        "stopped is said when nothing is left",
        replace_by(rollback, "_nothing_left", lambda *_: True),
        (("stop, long undo", "all loaded"),),
    ),
    "paused ones are claimed": Mutant(
        "no worker begins what is paused",
        mutations.claim_paused,
        (("pause", "half loaded"),),
    ),
    "pauses are only recorded": Mutant(
        "what runs and is paused goes back to the queue",
        replace_by(pause, "hold", lambda database: []),
        (("pause", "half loaded"),),
    ),
    "a pause is an attempt": Mutant(
        "a pause does not count as an attempt",
        mutations.count_pauses,
        (("pause", "half loaded"),),
    ),
    "foreign taken for ours": Mutant(
        "branches that are not ours are never touched",
        mutations.own_foreign,
        (("second delivery", "claimed"), ("kill -9 process", "half loaded")),
    ),
    "difference ignored": Mutant(
        "rows sent and rows loaded are compared",
        mutations.ignore_difference,
        (("1062 duplicate key", "claimed"),),
    ),
    "no owner lock": Mutant(
        "a killer always finds the owner",
        replace_by(xa.Branch, "hold_owner_lock", lambda self: None),
        (("SIGSTOP, SIGCONT worker", "half loaded"), ("stop", "half loaded")),
    ),
    "SIGTERM unmasked": Mutant(
        "on SIGTERM a worker finishes what it has prepared",
        replace_by(GracefulShutdown, "attempt", lambda self: nullcontext()),
        (("SIGTERM worker", "half loaded"), ("SIGTERM worker", "all prepared")),
    ),
    "no one hints again": Mutant(
        "what is queued is hinted at again",
        replace_by(sweeper.Sweeper, "_hint", lambda self: None),
        (("kill -9 process", "half loaded"),),
    ),
    "undecided commits": Mutant(
        "an attempt that has lost rolls its branches back",
        replace_by(xa.Branch, "rollback", xa.Branch.commit),
        (("stop, its kill lost", "all prepared"), ("stop, its kill lost", "deciding")),
    ),
    "broken branch goes on": Mutant(
        "any SQL error before PREPARE abandons the branch",
        mutations.swallow_errors,
        (("1205 lock wait timeout", "claimed"), ("1062 duplicate key", "claimed")),
    ),
}
