"""Evidence: all there is to know about an import, to understand a violation."""

import json
from dataclasses import dataclass
from typing import Any

import pymysql

from app.db import xa
from app.domain.xid import parse_xid
from tests.chaos.installation import Installation
from tests.chaos.journal import Journal
from tests.waiting import patience

LINES = 25


@dataclass(frozen=True)
class Violation:
    """A rule that did not hold, and the import that it is about, if it is about one."""

    rule: str
    detail: str
    number: int | None = None


@dataclass(frozen=True)
class LedgerRow:
    """An import as the ledger has it at the end."""

    number: int
    id: str
    state: str
    epoch: int
    inline: int
    request_id: str
    rows_total: int | None
    rows_done: int
    rows_rejected: int
    spool_name: str | None
    error: dict[str, Any] | None
    kind: str
    rows_deleted: int

    @property
    def name(self) -> str:
        """Of the import in the plan: a request's id begins with it."""
        return self.request_id.partition(".")[0]


def read_ledger(installation: Installation) -> list[LedgerRow]:
    columns = list(LedgerRow.__dataclass_fields__)
    with installation.database.root(read_timeout=patience()) as cursor:
        cursor.execute(f"SELECT {', '.join(f'`{name}`' for name in columns)} FROM imports ORDER BY number")
        rows = [LedgerRow(*row) for row in cursor.fetchall()]
    return [LedgerRow(**(row.__dict__ | {"error": row.error and json.loads(str(row.error))})) for row in rows]


def read_reverted(installation: Installation) -> dict[int, int]:
    """The revert that has each import, or had it to the end: number by number."""
    with installation.database.root(read_timeout=patience()) as cursor:
        cursor.execute("SELECT import_no, revert_no FROM backout_reverted_imports WHERE active = 1")
        return {int(number): int(revert) for number, revert in cursor.fetchall()}


def read_events(installation: Installation) -> dict[int, list[tuple[int, str]]]:
    """(sequence, kind) of every import's timeline."""
    found: dict[int, list[tuple[int, str]]] = {}
    with installation.database.root(read_timeout=patience()) as cursor:
        cursor.execute("SELECT import_no, sequence, kind FROM events ORDER BY import_no, sequence")
        for number, sequence, kind in cursor.fetchall():
            found.setdefault(int(number), []).append((int(sequence), str(kind)))
    return found


def explain(installation: Installation, journal: Journal, violation: Violation) -> str:
    """The violation with what ledger, server, clients and logs say about its import."""
    parts = [f"VIOLATION: {violation.rule}: {violation.detail}"]
    if violation.number is None:
        return parts[0]
    with installation.database.root(read_timeout=patience(), cursorclass=pymysql.cursors.DictCursor) as cursor:
        cursor.execute("SELECT * FROM imports WHERE number = %s", (violation.number,))
        row = dict(cursor.fetchone() or {})
        parts.append("  ledger: " + _line(row))
        cursor.execute("SELECT * FROM receipts WHERE import_no = %s", (violation.number,))
        parts += [f"  receipt: {_line(receipt)}" for receipt in cursor.fetchall()]
        cursor.execute("SELECT COUNT(*) AS rows_in_table FROM orders WHERE import_no = %s", (violation.number,))
        parts.append("  " + _line(cursor.fetchone() or {}))
        cursor.execute("SELECT * FROM events WHERE import_no = %s ORDER BY sequence", (violation.number,))
        parts += [f"  event: {_line(event)}" for event in cursor.fetchall()]
    with installation.services.database.session() as session:
        for raw in xa.list_prepared(session):
            xid = parse_xid(raw, installation.services.installation)
            if xid is not None and xid.number == violation.number:
                parts.append(f"  prepared: {xid}")
    id, request_id = str(row.get("id")), str(row.get("request_id"))
    name = request_id.partition(".")[0]
    parts += [f"  client: {told}" for told in journal.told if told.id == id or told.name == name]
    parts.append(f"  watcher: {journal.states.get(id, [])}")
    return "\n".join([*parts, *_log_lines(installation, (id, f'"import_no": {violation.number},'))])


def _log_lines(installation: Installation, words: tuple[str, ...]) -> list[str]:
    found = [
        (line[line.find('"timestamp"') :][:45], f"  {path.name}: {line[:600]}")
        for path in sorted(installation.folder.glob("*.log*"))
        for line in path.read_text(errors="replace").splitlines()
        if any(word in line for word in words) and '"answered"' not in line
    ]
    return [line for _, line in sorted(found)[-LINES:]]


def _line(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
