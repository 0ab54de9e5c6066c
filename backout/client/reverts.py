"""Reverts: take committed imports out of the table again, and see what became of that."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from backout.client.models import Import, read_import
from backout.client.options import RevertOptions
from backout.client.paths import import_path
from backout.client.transport import Transport


class RevertMethods:
    """What a client takes back."""

    _transport: Transport

    def revert(self, id: str, **options: Unpack[RevertOptions]) -> Import:
        """Revert a committed import: its rows are deleted, those that it updated get their old values back. Rows that
        someone has changed since stand in the way. A revert that kept images is reverted by its own id: what it took
        is in the table again.

        Args:
            id: the id of the import, or of the revert.
            options: how, see `RevertOptions`.

        Returns:
            The revert, which is watched, waited for and stopped by its own id. Of one that has ended, `rows_done` is
            the number of deleted rows (or of those brought back), `rows_updated` of those with old values again,
            `rows_rejected` of what stood in the way, which `rejects` lists.

        Raises:
            InvalidRequest: it can't be reverted, for example since it was reverted before; the message says why.
            NotFound: there is no such import.

        Example:
            >>> client.wait(client.revert(accepted.id).id).state
            'committed'
        """
        return self._send(f"{import_path(id)}/revert", dict(options))

    def revert_imports(self, ids: Sequence[str], **options: Unpack[RevertOptions]) -> Import:
        """Revert several imports of one dataset in one transaction: all of them, or none.

        Args:
            ids: the imports' ids, in any order.
            options: how, see `RevertOptions`; `rows` is for one import.

        Returns:
            The one revert of them all, as `revert` returns it. `reverts` with its id says what became of each import.

        Raises:
            InvalidRequest: one of them can't be reverted, or they are of different datasets; the message says why.
            NotFound: one of them does not exist.

        Example:
            >>> night = [found.id for found in client.imports(states=["committed"], dataset="orders")]
            >>> client.wait(client.revert_imports(night, reason="prices without tax").id).state
            'committed'
        """
        return self._send("/v1/reverts", {"ids": list(ids), **options})

    def reverts(self, id: str) -> dict[str, Any]:
        """Whether an import can be reverted, and what its reverts came to.

        Args:
            id: the id of the import, or of a revert.

        Returns:
            The server's answer: `revertible`, the `reason` where not, `revertible_until`, and all `reverts`. Of a
            revert, `imports` has what became of each of its imports; its `fingerprint` can be `expected`.

        Raises:
            NotFound: there is no such import.

        Example:
            >>> client.reverts(accepted.id)["revertible"]
            True
        """
        return self._transport.ask("GET", f"{import_path(id)}/revert")

    def _send(self, path: str, options: Mapping[str, Any]) -> Import:
        asked = {name: value for name, value in options.items() if value is not None}
        return read_import(self._transport.ask("POST", path, repeatable=False, json=asked))
