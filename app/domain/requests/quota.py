"""Quotas: how much one client may have or send, where an operator has set it."""

from enum import StrEnum

DAY_SECONDS = 86400


class Quota(StrEnum):
    """What is counted, of each client."""

    IMPORTS = "imports"  # unfinished at once
    ROWS = "rows"  # of imports of the last 24 hours
    BYTES = "bytes"  # of files of the last 24 hours
    SPOOL_BYTES = "spool_bytes"  # of files that are kept


A_DAY = frozenset({Quota.ROWS, Quota.BYTES})
WORDS = {
    Quota.IMPORTS: "unfinished imports",
    Quota.ROWS: "rows in the imports of the last 24 hours",
    Quota.BYTES: "bytes in the files of the last 24 hours",
    Quota.SPOOL_BYTES: "bytes in files that are kept",
}
RETRY_SECONDS = {Quota.IMPORTS: 5, Quota.ROWS: 600, Quota.BYTES: 600, Quota.SPOOL_BYTES: 600}
