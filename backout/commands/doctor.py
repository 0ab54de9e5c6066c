"""`backout doctor`: checks the parts of an installation, and shows how to fix those that fail."""

from dataclasses import asdict, dataclass

import click

from backout.client import BackoutError, Refused
from backout.commands.context import Session, command
from backout.commands.exit_codes import Exit, code_of_error

REMEDIES = {
    "api": "start the server (`make up` or `docker compose up`), or set its address: BACKOUT_URL",
    "key": "set BACKOUT_API_KEY, or BACKOUT_API_KEY_FILE to a file with a key of this installation",
    "database": "start the database, or let it be written; its address is the server's BACKOUT_DATABASE_URL",
    "xa": "MySQL: GRANT XA_RECOVER_ADMIN ON *.* TO the application's user; a Galera cluster can't be used",
    "durability": "set these variables as required, in the database server's configuration",
    "local_infile": "SET GLOBAL local_infile = 1, and in the database server's configuration local_infile = 1",
    "broker": "start RabbitMQ; its address is the server's BACKOUT_BROKER_URL",
    "worker": "start a worker: `celery -A celeryconfig worker`; its log says why it is not connected",
    "sweeper": "start a sweeper, `python -m app.tasks.sweep`, with the server's spool folder; first end one that hangs",
    "spool": "free some space, or give the server access to BACKOUT_SPOOL_DIR, or to the store BACKOUT_SPOOL_URL",
    "reverts": "MySQL, MariaDB: GRANT PROCESS ON *.* TO the application's user (`python -m app.cli provision`)",
    "recovery": "run `python -m app.cli branches` and follow docs/how-to/recovery.md",
}
UNKNOWN = "not known"


@dataclass(frozen=True)
class Check:
    """The check of one part: `detail` is the result, `remedy` says how to fix a failure."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None


@click.command()
@command
def doctor(session: Session) -> int:
    """Check API, database, XA, durability, local_infile, broker, worker and sweeper: pass or fail, and the remedy."""
    checks, code = _examine(session)
    lines = [_line(check) for check in checks]
    document = {
        "url": session.client.url,
        "ok": all(check.ok for check in checks),
        "checks": [asdict(check) for check in checks],
    }
    session.show(document, *lines)
    return code


def _examine(session: Session) -> tuple[list[Check], Exit]:
    try:
        ready = session.client.ready()
    except Refused as error:
        if error.status not in (401, 403):
            return [Check("api", False, error.message, REMEDIES["api"])], code_of_error(error)
        here = Check("api", True, f"{session.client.url} answers")
        return [here, Check("key", False, error.message, REMEDIES["key"])], Exit.NOT_ALLOWED
    except BackoutError as error:
        return [Check("api", False, error.message, REMEDIES["api"])], code_of_error(error)
    checks = [Check("api", True, f"{session.client.url} answers")]
    order = [*REMEDIES, *ready.parts]
    for name in sorted(ready.parts, key=order.index):
        detail = ready.parts[name]
        remedy = None if detail in ("ok", UNKNOWN) else REMEDIES.get(name)
        checks.append(Check(name, detail == "ok", detail, remedy))
    return checks, Exit.DONE if all(check.ok for check in checks) else Exit.FAILED


def _line(check: Check) -> str:
    verdict = "pass" if check.ok else "?   " if check.detail == UNKNOWN else "FAIL"
    remedy = f"\n      {'':<12}  fix: {check.remedy}" if check.remedy else ""
    return f"{verdict}  {check.name:<12}  {check.detail}{remedy}"
