"""Backout's Python client and command line: `from backout import BackoutClient`.

`backout.client` has the client's errors and models as well.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backout.client import BackoutClient
else:

    def __getattr__(name):
        """Import `BackoutClient` at its first use: it needs httpx, which would slow `backout --help` down."""
        if name != "BackoutClient":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from backout.client import BackoutClient  # noqa: PLC0415

        return BackoutClient


__all__ = ["BackoutClient"]
