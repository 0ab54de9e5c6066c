"""The audit's chain: extended by the sweeper, verified by a person.

Each committed line gets a link: a digest of the link before it and of the line. A mark of the last link is kept in the
spool folder, beside the ledger's generation. It is written only of links that have committed, so the chain always
reaches it, whatever crashes; a chain that does not was cut off, written anew, or comes from a backup.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import structlog

from app.db.access import audit, audit_chain
from app.db.database import Connection, Database
from app.domain.audit.entry import GENESIS, Entry, Link, Mark, Wanted
from app.domain.errors import NotAllowed
from app.lifecycle.services import Services
from app.spool import AUDIT

MAX_FINDINGS = 20
WHAT_TO_DO = "`python -m app.cli audit verify` (docs/reference/audit.md)"

log = structlog.get_logger(__name__)


class AuditBroken(Exception):
    """The chain does not reach its mark: a person must look."""


@dataclass(frozen=True)
class Report:
    """What a verification has found.

    Attributes:
        links: how many were compared with their lines.
        waiting: how many lines have no link yet.
        findings: sentences, the first fault first; none where all is well.
        is_chain_whole: whether only the mark is amiss.
        mark: the mark in the spool folder.
    """

    links: int
    waiting: int
    findings: list[str]
    is_chain_whole: bool
    mark: Mark | None = None


def extend_chain(services: Services) -> None:
    """Write the mark of what has committed, and link the lines that wait for it. Raises `AuditBroken` where the mark is
    not in the chain: it stays then, and lines are linked nevertheless."""
    with services.database.begin() as connection:
        audit_chain.hold(connection)
        last = audit_chain.find_last(connection)
        try:
            mark = read_mark(services)
            trouble = _compare(connection, last, mark)
        except ValueError as error:
            mark, trouble = None, f"the mark can't be read: {error}"
        # before anything is linked: a mark of links that are lost with this transaction would accuse someone
        if trouble is None and (mark is None or mark.sequence < last.sequence):
            _write(services, replace(mark or Mark(), sequence=last.sequence, digest=last.digest))
        if waiting := audit_chain.list_waiting(connection):
            audit_chain.link(connection, waiting, last)
    # a crash here leaves an older mark, which is in the chain as well
    if trouble is not None:
        raise AuditBroken(f"{trouble}: {WHAT_TO_DO}")


def forget_old(services: Services) -> bool:
    """Delete a batch of the lines up to the checkpoint, and then move the checkpoint on: what the mark does not name is
    never deleted. Does nothing while the mark is in doubt. Returns whether there may be more."""
    with services.database.begin() as connection:
        audit_chain.hold(connection)
        last = audit_chain.find_last(connection)
        mark = read_mark(services)
        if mark is None or _compare(connection, last, mark) is not None:
            return False
        days = services.settings.audit_retention_days
        deleted = audit_chain.delete_old(connection, mark.checkpoint, days)
        before = Link(mark.checkpoint, 0, mark.checkpoint_digest)
        until = audit_chain.find_checkpoint(connection, before, mark.sequence, days)
        if until.sequence > mark.checkpoint:
            _write(services, replace(mark, checkpoint=until.sequence, checkpoint_digest=until.digest))
    # a crash before the commit leaves what the checkpoint allows to be gone
    if deleted:
        log.info("audit_forgotten", lines=deleted)
    return deleted == audit_chain.BATCH or until.sequence > mark.checkpoint


def verify(services: Services) -> Report:
    """Compare every line with its link, and the chain with the mark. Raises OSError where the mark can't be read."""
    try:
        before = read_mark(services)  # the chain that is read next reaches it
        with services.database.snapshot() as connection:
            last = audit_chain.find_last(connection)
            # read again: lines may be deleted up to the checkpoint that it has now, which was written before
            after = read_mark(services)
            return _verify(connection, last, before or (after and Mark()), after)
    except ValueError as error:
        return Report(0, 0, [f"the mark in the spool folder can't be read: {error}"], is_chain_whole=False)


def accept(services: Services) -> Report:
    """Go on from the chain as it is, after a person has looked; this is recorded with what was found, which it returns.

    Where only the mark is amiss, as after a restore, all lines are still verified. Else the first to be verified is the
    next one. Raises `NotAllowed` where nothing is amiss, and OSError.
    """
    found = verify(services)
    if not found.findings:
        raise NotAllowed("the audit is as it was written: there is nothing to accept")
    with services.database.begin() as connection:
        audit_chain.hold(connection)
        last = audit_chain.find_last(connection)
        while stray := audit_chain.list_stray(connection):
            last = audit_chain.link(connection, stray, last)
        audit.record(connection, reason=found.findings[0])
    # a crash here leaves what was found as it was: do it again
    with services.database.begin() as connection:
        audit_chain.hold(connection)
        last = audit_chain.find_last(connection)
        mark = Mark(last.sequence, last.digest, last.sequence, last.digest)
        if found.is_chain_whole:
            kept = found.mark or Mark()
            mark = replace(mark, checkpoint=kept.checkpoint, checkpoint_digest=kept.checkpoint_digest)
        _write(services, mark)
    log.warning("audit_accepted", findings=found.findings)
    return found


def is_in_use(database: Database) -> bool:
    """Whether anything was recorded."""
    with database.begin() as connection:
        return bool(audit.list_entries(connection, Wanted(), None, 1))


def list_entries(services: Services, wanted: Wanted, before: int | None, limit: int) -> list[Entry]:
    """Lines, the newest first."""
    with services.database.begin() as connection:
        return audit.list_entries(connection, wanted, before, limit)


@contextmanager
def open_entries(services: Services, wanted: Wanted) -> Iterator[Iterator[Entry]]:
    """All lines that are wanted, of one instant, the newest first."""
    with services.database.snapshot() as connection:
        yield audit.read_entries(connection, wanted)


def _compare(connection: Connection, last: Link, mark: Mark | None) -> str | None:
    """Why this chain is not the one of the mark; None where it goes on from there."""
    if mark is None:
        return None if last.sequence == 0 else "the mark in the spool folder is gone"
    if mark.sequence > last.sequence:
        return (
            f"the end is cut off, or an older backup was restored: the last link is {last.sequence}, and the mark says"
            f" {mark.sequence}"
        )
    found = audit_chain.find_link(connection, mark.sequence) if mark.sequence else Link(0, 0, GENESIS)
    if found is None or found.digest != mark.digest:
        return f"the chain was written anew: link {mark.sequence} is not the one that the mark names"
    return None


def _verify(connection: Connection, last: Link, before: Mark | None, after: Mark | None) -> Report:
    findings: list[str] = []
    start = Link(0, 0, GENESIS)
    if after is not None and after.checkpoint:
        start = Link(after.checkpoint, 0, after.checkpoint_digest)
        kept = audit_chain.find_link(connection, after.checkpoint)
        if kept is None or kept.digest != start.digest:
            findings.append(f"link {start.sequence}, from which lines are kept, is gone or was changed")
    previous, links = start, 0
    for link, entry in audit_chain.read_chain(connection, start.sequence):
        if link.sequence != previous.sequence + 1:
            findings.append(f"the links {previous.sequence + 1} to {link.sequence - 1} are missing, with their lines")
        elif entry is None:
            findings.append(f"line {link.audit_no} (link {link.sequence}) is missing")
        elif entry.digest(previous.digest) != link.digest:
            findings.append(f"line {link.audit_no} of {entry.at:%Y-%m-%dT%H:%M:%SZ} (link {link.sequence}) was changed")
        previous, links = link, links + 1
        if len(findings) >= MAX_FINDINGS:
            break
    findings += (f"line {number} was inserted" for number in audit_chain.list_stray(connection)[:MAX_FINDINGS])
    is_chain_whole = not findings
    if trouble := _compare(connection, last, before):
        findings.append(trouble)
    return Report(links, audit_chain.count_waiting(connection), findings, is_chain_whole, after)


def read_mark(services: Services) -> Mark | None:
    """The mark in the spool folder; None where there is none. Raises OSError, and ValueError for what is no mark."""
    try:
        return Mark.parse(services.spool.read(_mark_name(services)).decode())
    except FileNotFoundError:
        return None


def _write(services: Services, mark: Mark) -> None:
    services.spool.write_whole(_mark_name(services), json.dumps(asdict(mark)).encode(), durable=True)


def _mark_name(services: Services) -> str:
    return f"{AUDIT}{services.installation}"
