"""`backout doctor`: what of an installation works, and how to mend what does not."""

from dataclasses import asdict, dataclass

import click

from backout.client import BackoutError, Refused
from backout.commands.context import Session, command
from backout.commands.exit_codes import Exit, code_of_error

REMEDIES = {
    "api": "start the server (`make up` or `docker compose up`), or say where it is: BACKOUT_URL",
    "key": "set BACKOUT_API_KEY, or BACKOUT_API_KEY_FILE to a file with a key of this installation",
    "database": "start the database; the server finds it by its BACKOUT_DATABASE_URL",
    "xa": "MySQL: GRANT XA_RECOVER_ADMIN ON *.* TO the application's user; a Galera cluster can't be used",
    "durability": "set the variables named here to what they must be, in the database server's configuration",
    "local_infile": "SET GLOBAL local_infile = 1, and in the database server's configuration local_infile = 1",
    "broker": "start RabbitMQ; the server finds it by its BACKOUT_BROKER_URL",
    "worker": "start one: `celery -A celeryconfig worker`; its log says why it is not connected",
    "spool": "make room, or give the server's account the folder BACKOUT_SPOOL_DIR",
    "recovery": "a person must look: `python -m app.cli branches`, and docs/how-to/recovery.md",
}
UNKNOWN = "not known"


@dataclass(frozen=True)
class Check:
    """One part: `detail` says what was found, `mend` what to do where it is not in order."""

    name: str
    ok: bool
    detail: str
    mend: str | None = None


@click.command()
@command
def doctor(session: Session) -> int:
    """Look at API, database, XA, durability settings, local_infile, broker and worker: pass or fail, and the mend."""
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
        told = ready.parts[name]
        mend = None if told in ("ok", UNKNOWN) else REMEDIES.get(name)
        checks.append(Check(name, told == "ok", told, mend))
    return checks, Exit.DONE if all(check.ok for check in checks) else Exit.FAILED


def _line(check: Check) -> str:
    verdict = "pass" if check.ok else "?   " if check.detail == UNKNOWN else "FAIL"
    mend = f"\n      {'':<12}  mend: {check.mend}" if check.mend else ""
    return f"{verdict}  {check.name:<12}  {check.detail}{mend}"
