"""Once: the same file with the same options is not imported twice at a time, unless its sender says so by a key.

A caller's job is its name and the content; the ledger has a unique key over the jobs that are under way.
"""

import hashlib

from app.db import history
from app.domain.errors import AlreadyRunning
from app.lifecycle.site import Site


def name_job(client: str, content: str) -> str:
    """The job of a caller's content, which stands for the bytes and the options."""
    return hashlib.sha256(f"{client}\0{content}".encode()).hexdigest()


def refuse_again(site: Site, job: str) -> None:
    """Raise `AlreadyRunning` if an import of this job is under way still."""
    with site.database.begin() as connection:
        running = history.find_of_job(connection, job)
    if running is not None:
        raise AlreadyRunning(
            f"the same file is being imported with the same options, as import {running.id}: wait for it or stop it; if"
            " it is meant twice, send it with an Idempotency-Key of its own",
            import_id=running.id,
            running=f"/v1/imports/{running.id}",
        )
