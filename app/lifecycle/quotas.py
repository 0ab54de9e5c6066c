"""Quotas: whether a client may send one more import."""

from collections.abc import Mapping

from app.db.database import Database
from app.db.imports.usage import measure_usage
from app.domain.errors import QuotaExceeded
from app.domain.requests.quota import RETRY_SECONDS, WORDS, Quota

MAX_CLIENTS = 1000  # whose numbers are kept for the headers of answers


class Quotas:
    """Of each client, in one process. Without quotas nothing is asked.

    Requests that come at the same moment may exceed a quota by what they bring, and a file by its own size: it is
    counted once it is accepted.
    """

    def __init__(self, most: Mapping[Quota, int], kept_hours: float) -> None:
        self.most = most
        self._kept_seconds = kept_hours * 3600
        self._known: dict[str, dict[Quota, int]] = {}

    def require(self, database: Database, client: str) -> None:
        """Raise `QuotaExceeded` where a client has used up one of its quotas; one without a name has none."""
        if not self.most or not client:
            return
        with database.begin() as connection:
            used = measure_usage(connection, client, self._kept_seconds)
        if len(self._known) >= MAX_CLIENTS:
            self._known.clear()
        self._known[client] = used
        for quota, most in self.most.items():
            if used[quota] >= most:
                raise QuotaExceeded(
                    f"{client} has {used[quota]:,} {WORDS[quota]}, and at most {most:,} are allowed: nothing was kept",
                    limit=str(quota),
                    most=most,
                    used=used[quota],
                    retry_after=RETRY_SECONDS[quota],
                )
        used[Quota.IMPORTS] += 1

    def list_left(self, client: str) -> dict[Quota, int]:
        """How much of each quota was left when it was last asked for; empty where it never was."""
        used = self._known.get(client, {})
        return {quota: max(0, most - used[quota]) for quota, most in self.most.items()} if used else {}
