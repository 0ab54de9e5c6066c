"""Health: whether each part that imports need can do its work. A ledger that has gone back is frozen by a look, too."""

from app.db import server_checks, xa
from app.db.imports import transitions
from app.db.reverts import hindrances
from app.domain.errors import DatabaseUnavailable, LedgerFrozen
from app.domain.imports import RecoveryAction
from app.lifecycle import freeze
from app.lifecycle.imports import pause
from app.lifecycle.recovery import chores, in_doubt
from app.lifecycle.services import Services


def check_parts(services: Services) -> dict[str, str]:
    """What each part that an import needs answers: "ok", or a sentence that says what is wrong."""
    parts = _check_database(services)
    waiting = services.hints.queue_stats()
    parts["broker"] = "ok" if waiting else "the broker does not answer: imports are accepted and wait for it"
    if waiting and (silent := services.hints.list_silent_nodes()):
        parts["broker"] = f"no answer from {', '.join(silent)}: the work goes on by the other nodes"
    parts["worker"] = "ok"
    if waiting is None:
        parts["worker"] = "not known"
    elif not waiting.workers:
        parts["worker"] = "no worker is connected to the broker: imports are accepted and wait for one"
    parts["spool"] = services.spool.find_problem() or "ok"
    if parts["spool"] != "ok" and parts["sweeper"] != "ok":
        parts["sweeper"] = "not known: sweepers say in the spool that they run"
    return parts


def _check_database(services: Services) -> dict[str, str]:
    """The parts that are the database's."""
    parts = dict.fromkeys(("database", "durability", "local_infile", "xa", "recovery", "sweeper"), "ok")
    try:
        with services.database.begin() as connection:
            transitions.installation_id(connection)
            if server_checks.is_read_only(connection):
                parts["database"] = "the server may only be read (read_only): nothing is accepted, stopped or loaded"
            if weaknesses := server_checks.list_weaknesses(connection):
                parts["durability"] = "; ".join(weaknesses)
            missing = hindrances.find_missing_right(connection)
            if not server_checks.allows_local_infile(connection):
                parts["local_infile"] = "local_infile is 0, must be 1: nothing can be loaded"
        with services.database.session() as session:
            if fault := xa.find_fault(session):
                parts["xa"] = f"the server refuses distributed transactions: {fault}"
    except DatabaseUnavailable as error:
        return dict.fromkeys(parts, "not known") | {"database": error.detail}
    parts["recovery"] = _find_trouble(services) or "ok"
    if not chores.count_failures(services.spool, services.installation)[0]:
        parts["sweeper"] = "no sweeper has been heard of for a minute: nothing is repaired, or hinted at again"
    if missing is not None:
        parts["reverts"] = missing
    if paused := pause.list_pauses(services.database):
        more = f"; {len(paused) - 1} more" if paused[1:] else ""
        parts["pauses"] = f"{paused[0]}{more}: `backout resume` lets them begin"
    return parts


def _find_trouble(services: Services) -> str | None:
    """Sentences about what only a person can fix; None if there is nothing."""
    try:
        freeze.require_sweeping(services)
        doubt = in_doubt.list_in_doubt(services.database)
    except LedgerFrozen as error:
        return error.detail
    except DatabaseUnavailable as error:
        return f"not known: {error.detail}"
    told = [
        f"import {row.id} (number {row.number}) has lost a branch: `python -m app.cli resolve {row.number} rollback`"
        for row in doubt.lost
    ]
    told += [
        f"the sweeper fails to {name}, and tries again: {error}"
        for name, error in chores.list_failing(services.spool, services.installation).items()
    ]
    told += [
        f"prepared branch {listed.xid.lock_name()}: {listed.meaning}"
        for listed in doubt.branches
        if listed.recovery_action is RecoveryAction.REPORT
    ]
    return "; ".join(told) or None
