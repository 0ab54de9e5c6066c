"""Once: a caller does not import the same file with the same options twice at a time, unless a key says so.

A caller's job is its name and the content; the ledger has a unique key over the jobs that are under way. The caller is
the name of the API key, or nobody where there are no keys.
"""

import hashlib

from app.db.imports import queries
from app.domain.errors import AlreadyRunning
from app.lifecycle.services import Site


def name_job(client: str, content: str) -> str:
    """The job of a caller's content, which stands for the bytes and the options."""
    return hashlib.sha256(f"{client}\0{content}".encode()).hexdigest()


def settle(site: Site, key: str | None, job: str | None) -> str | None:
    """The ledger has this job already: which one to record instead. Raises `AlreadyRunning` where that is none."""
    if key is not None:
        return None  # its own key says that it is meant to be another
    assert job is not None
    refuse_again(site, job)
    return job  # the other one has ended meanwhile


def refuse_again(site: Site, job: str) -> None:
    """Raise `AlreadyRunning` if an import of this job is under way still."""
    with site.database.begin() as connection:
        running = queries.find_of_job(connection, job)
    if running is not None:
        raise AlreadyRunning(
            f"the same file is being imported with the same options, as import {running.id}: wait for it or stop it; if"
            " it is meant twice, send it with an Idempotency-Key of its own",
            import_id=running.id,
            running=f"/v1/imports/{running.id}",
        )
