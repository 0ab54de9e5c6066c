"""The verdict: every promise, over every import, from the ledger and from what clients were told."""

import os
import traceback
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from time import time
from typing import Any

from app.db import xa
from app.domain.imports import reject_name
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, LEGAL_MOVES, State
from app.lifecycle.recovery import cleanup
from tests import invariants
from tests.chaos.evidence import LedgerRow, Violation, read_events, read_ledger, read_reverted
from tests.chaos.installation import FOREIGN, SETTINGS, Installation
from tests.chaos.journal import FormatOptions, Journal
from tests.chaos.plan import FILES, Action
from tests.chaos.reader import Reader, is_sum
from tests.waiting import patience

LEADS_TO = {
    State.COMMITTING: State.COMMITTED,
    State.COMMITTED: State.COMMITTED,
    State.STOPPING: State.STOPPED,
    State.STOPPED: State.STOPPED,
    State.FAILING: State.FAILED,
    State.FAILED: State.FAILED,
}
FREED = (State.STOPPED, State.FAILED)  # an import that ended so gives its key back
SAME_ORDERS = ("duplicate_key", "key_in_use")


class Verdict:
    """What is wrong, at the end of a run, when the installation has converged."""

    def __init__(self, installation: Installation, journal: Journal, plan: list[Action], reader: Reader) -> None:
        self._installation, self._journal, self._reader = installation, journal, reader
        self._sends: dict[str, dict[str, Any]] = {
            action.values["name"]: action.values for action in plan if action.kind == "send"
        }
        self.rows = read_ledger(installation)
        self._events = read_events(installation)
        self._by_id = {row.id: row for row in self.rows}
        by_number = {row.number: row for row in self.rows}
        taken = read_reverted(installation)
        self._reverted = {number: by_number[revert] for number, revert in taken.items() if revert in by_number}
        self._reverts = {action.values["name"]: action.values for action in plan if action.kind == "revert"}

    def violations(self) -> list[Violation]:
        """All of them; none is what is promised."""
        found = [Violation("the test itself", broken) for broken in self._journal.broken]
        for row in self.rows:
            found += self._check_import(row)
        for told in self._journal.told:
            found += self._check_told(told)
        for id, states in self._journal.states.items():
            found += self._check_watched(id, states)
        for name, values in self._sends.items():
            found += self._check_family(name, values)
        return [*found, *self._check_reader(), *self._check_server(), *self._check_spool(), *self._check_logs()]

    # --- one import ---------------------------------------------------------------------------------------------------

    def _check_import(self, row: LedgerRow) -> Iterator[Violation]:
        if row.state not in FINAL:
            yield Violation("every import ends", f"{row.id} is still {row.state}", row.number)
            return
        try:
            invariants.check(self._installation.services, row.number)
        except AssertionError as error:
            said = str(error) or traceback.extract_tb(error.__traceback__)[-1].line
            yield Violation("all or nothing, and nothing in doubt", f"{row.id}: {said}", row.number)
        kinds = self._kinds(row)
        moves = list(pairwise(kinds))
        illegal = [move for move in moves if (State(move[0]), State(move[1])) not in LEGAL_MOVES]
        if illegal or not kinds or kinds[0] != State.QUEUED or kinds[-1] != row.state:
            yield Violation(
                "only legal moves, and final is final", f"{row.id} is {row.state} after {kinds}", row.number
            )
        yield from self._check_outcome(row)

    def _kinds(self, row: LedgerRow) -> list[str]:
        """Its states in order, without what a revert adds to an import's timeline."""
        return [kind for _, kind in self._events.get(row.number, []) if not kind.startswith("revert")]

    def _check_outcome(self, row: LedgerRow) -> Iterator[Violation]:
        yield from self._check_revert(row) if row.kind == Kind.REVERT else self._check_load(row)
        if row.state == State.STOPPED and row.id not in self._journal.asked_to_stop:
            yield Violation("only a stop stops", f"nobody asked to stop {row.id}", row.number)

    def _check_revert(self, row: LedgerRow) -> Iterator[Violation]:
        values = self._reverts.get(row.name)
        if values is None:
            yield Violation("imports come from requests", f"nobody sent {row.id}, {row.request_id}", row.number)
            return
        targets = [number for number, revert in self._reverted.items() if revert.number == row.number]
        if len(targets) != (row.state == State.COMMITTED):
            yield Violation("a revert has its import if it committed", f"{row.id} has {targets}", row.number)
        if row.state == State.COMMITTED:
            names = [other.name for other in self.rows if other.number in targets]
            deleted = [other.rows_deleted for other in self.rows if other.number in targets]
            if names != [values["of"]] or deleted != [row.rows_done]:
                said = f"{row.id} was to revert {values['of']}, and took {deleted} rows of {names}"
                yield Violation("a revert takes the import that was named", said, row.number)
        tried = self._kinds(row).count(State.RUNNING) >= int(str(SETTINGS["max_attempts"]))
        if row.state == State.FAILED and not (tried and (row.error or {}).get("code") == "gave_up"):
            yield Violation("a good revert fails for no reason", f"{row.id}: {row.error}", row.number)

    def _check_load(self, row: LedgerRow) -> Iterator[Violation]:
        values = self._sends.get(row.name)
        if values is None:
            yield Violation("imports come from requests", f"nobody sent {row.id}, {row.request_id}", row.number)
            return
        if row.state == State.COMMITTED and (values["bad_row"] or row.rows_total != values["rows"]):
            said = f"{row.rows_total} rows of {values['rows']}, bad row {values['bad_row']}"
            yield Violation("what commits is what was sent", f"{row.id}: {said}", row.number)
        if row.rows_deleted != (row.rows_total if row.number in self._reverted else 0):
            said = f"{row.rows_deleted} rows of {row.id} are deleted, {self._reverted.get(row.number)}"
            yield Violation("a revert takes all rows, nobody else one", said, row.number)
        if row.state == State.FAILED and not self._may_fail(row, values):
            yield Violation("a good import fails for no reason", f"{row.id}: {row.error}", row.number)

    def _may_fail(self, row: LedgerRow, values: dict[str, Any]) -> bool:
        error = row.error or {}
        if values["bad_row"] and error.get("line") == values["bad_row"] + (not values["form"].startswith("ndjson")):
            return True
        if error.get("code") in SAME_ORDERS:
            other = self._by_id.get(error.get("other_import", ""))
            return other is not None and other.name.rstrip("t") == row.name.rstrip("t") and other.id != row.id
        if error.get("code") == "gave_up" and not row.inline:
            return self._kinds(row).count(State.RUNNING) >= int(str(SETTINGS["max_attempts"]))
        return bool(row.inline) and error.get("code") in ("gave_up", "deserted")

    # --- what clients were told ---------------------------------------------------------------------------------------

    def _check_told(self, told: FormatOptions) -> Iterator[Violation]:
        if told.status is None or told.status == 503:
            return  # nothing was promised
        row = self._by_id.get(told.id or "")
        if row is None:
            if told.status in (200, 202):
                yield Violation("what was accepted is never lost", str(told))
            elif not (told.status == 409 and told.kind == "/problems/key-in-flight"):
                yield Violation("an answer that nobody expects", str(told))
            return
        if told.asked == "stop":
            yield from self._check_stop(told, row)
        elif told.asked == "wait":
            yield from self._check_waited(told, row)
        elif told.asked == "revert":
            yield from self._check_accepted(told, row)
        elif told.status == 409 and told.kind == "/problems/reverted" and row.number in self._reverted:
            return  # its key does not load the file once more
        elif told.status not in (200, 202):
            yield Violation("an answer that nobody expects", str(told), row.number)
        elif told.state in LEADS_TO and LEADS_TO[State(told.state)] != row.state:
            yield Violation("what a client was told", f"{told}; it is {row.state}", row.number)

    def _check_stop(self, told: FormatOptions, row: LedgerRow) -> Iterator[Violation]:
        if told.status in (200, 202):
            if told.state not in (State.STOPPING, State.STOPPED) or row.state != State.STOPPED:
                yield Violation("a stop that was accepted", f"{told}; it is {row.state}", row.number)
        elif told.status == 409:
            if told.state not in LEADS_TO or LEADS_TO[State(told.state)] != row.state or row.state == State.STOPPED:
                yield Violation("a stop that came too late", f"{told}; it is {row.state}", row.number)
        else:
            yield Violation("an answer that nobody expects", str(told), row.number)

    def _check_accepted(self, told: FormatOptions, row: LedgerRow) -> Iterator[Violation]:
        """Of a revert: accepted, or refused since another one of the same import was."""
        others = [one for one in self.rows if one.kind == Kind.REVERT and one.request_id != told.request_id]
        rivals = [one for one in others if self._reverts[one.name]["of"] == self._reverts[told.name]["of"]]
        accepted = told.status == 202 and row.kind == Kind.REVERT
        if not accepted and not (told.status == 409 and rivals):
            yield Violation("an answer that nobody expects", str(told), row.number)

    def _check_waited(self, told: FormatOptions, row: LedgerRow) -> Iterator[Violation]:
        expected = {200: State.COMMITTED, 409: State.STOPPED, 500: State.FAILED}.get(told.status or 0)
        if row.state != expected:
            yield Violation("what who waited was told", f"{told}; it is {row.state}", row.number)

    def _check_watched(self, id: str, states: list[str]) -> Iterator[Violation]:
        row = self._by_id.get(id)
        if row is None:
            yield Violation("what was shown is never lost", f"{id} was {states}")
            return
        final = [state for state in states if state in FINAL]
        decided = [LEADS_TO[State(state)] for state in states if state in LEADS_TO]
        if any(state != row.state for state in decided) or (final and states[-1] != final[0]):
            yield Violation("a decision is final", f"{id} was shown as {states} and is {row.state}", row.number)

    def _check_family(self, name: str, values: dict[str, Any]) -> Iterator[Violation]:
        """The imports that one file's requests made."""
        rows = [row for row in self.rows if row.name == name]
        family = [row for row in self.rows if row.name.rstrip("t") == name.rstrip("t")]
        if values["key"] and any(row.state not in FREED and row.number not in self._reverted for row in rows[:-1]):
            said = [(row.id, row.state) for row in rows]
            yield Violation("a key stands for one import", f"{values['key']}: {said}", rows[0].number)
        there = [row for row in family if row.state == State.COMMITTED and row.number not in self._reverted]
        if values["form"] in FILES and len(there) > 1:
            yield Violation("an order is loaded once", f"{[row.id for row in family]}", family[0].number)

    # --- what readers, server, spool and logs show --------------------------------------------------------------------

    def _check_reader(self) -> Iterator[Violation]:
        if not (self._reader.looks and self._reader.counts):
            yield Violation("the test itself", "the reader saw nothing at all")
        yield from (Violation("a reader sees whole imports", wrong) for wrong in self._reader.wrong)
        reverted = [row.rows_total or 0 for row in self.rows if row.number in self._reverted]
        for said, more, changed in self._reader.unexplained:
            if not is_sum(more, [*changed, *reverted]):
                yield Violation("a reader sees whole imports", said)
        for number in self._reader.gone - set(self._reverted):
            yield Violation("only a revert takes rows away", "they were there and are gone", number)
        by_number = {row.number: row for row in self.rows}
        for number, counts in self._reader.seen.items():
            row = by_number.get(number)
            if row is None or row.state != State.COMMITTED or counts != {row.rows_total}:
                yield Violation("a reader sees whole imports", f"counts {counts} of {row}", number)

    def _check_server(self) -> Iterator[Violation]:
        with self._installation.services.database.session() as session:
            listed = xa.list_prepared(session)
        if FOREIGN not in listed:
            yield Violation("foreign branches are left alone", f"only these are prepared: {listed}")
        if ours := [raw for raw in listed if raw != FOREIGN]:
            yield Violation("nothing stays in doubt", f"prepared: {ours}")
        loads = [row for row in self.rows if row.kind == Kind.IMPORT and row.state == State.COMMITTED]
        committed = sum((row.rows_total or 0) - row.rows_deleted for row in loads)
        with self._installation.database.root(read_timeout=patience()) as cursor:
            cursor.execute("SELECT COUNT(*) FROM orders")
            counted = int((cursor.fetchone() or (0,))[0])
        told = self._installation.stack.count()
        if not committed == counted == told:
            yield Violation("the table holds what committed", f"{committed} rows, {counted} counted, {told} told")

    def _check_spool(self) -> Iterator[Violation]:
        """A file without an import is left only by a request that had no answer, a reject file without rejects only by
        an attempt that was killed; and the cleaner deletes both."""
        spool = self._installation.services.spool
        known = {row.spool_name for row in self.rows if row.spool_name}
        known |= {reject_name(row.id, row.epoch) for row in self.rows if row.rows_rejected}
        orphans = [path for path in _files(spool.folder) if path.name not in known]
        uploads = [path for path in orphans if path.suffix != ".rejects"]
        excused = sum(told.asked == "send" and told.status in (None, 503) for told in self._journal.told)
        if len(uploads) > excused:
            yield Violation("a refused upload leaves no file", f"{len(uploads)} orphans, {excused} without an answer")
        long_ago = time() - 2 * cleanup.ORPHAN_SECONDS
        for path in orphans:
            os.utime(path, (long_ago, long_ago))
        cleanup.clean(self._installation.services)
        if left := {path.name for path in _files(spool.folder)} ^ known:
            yield Violation("the spool holds the imports' files", f"orphans or missing: {sorted(left)[:5]}")

    def _check_logs(self) -> Iterator[Violation]:
        for path in sorted(self._installation.folder.glob("*.log*")):
            for line in path.read_text(errors="replace").splitlines():
                if '"level": "critical"' in line or "unexpected_error" in line:
                    yield Violation("nothing unexpected in the logs", f"{path.name}: {line[:1500]}")


def _files(folder: Path) -> list[Path]:
    """Uploads, whole or half; a name that begins with a dot is none."""
    return [path for path in folder.iterdir() if not path.name.startswith(".")]
