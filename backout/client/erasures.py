"""Erasures: a person's data, removed."""

from collections.abc import Mapping
from typing import Any

from backout.client.transport import Transport


class ErasureMethods:
    """What an administrator does when a person asks for it."""

    _transport: Transport

    def erase(self, dataset: str, where: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Erase the rows of a person, and all that is kept of them; returns at the end. It is safe to repeat.

        Args:
            dataset: the dataset's name.
            where: columns with values; a row of the person has all of them.
            dry_run: only count.

        Returns:
            What the API shows: `counts` by place, `left` with what could not be erased, `complete`.

        Raises:
            InvalidRequest: a column or a value is invalid; `fields` lists the reasons.
            NotAllowed: this client's token lacks the scope `admin`.

        Example:
            >>> client.erase("orders", {"email": "anna@example.org"})["complete"]
            True
        """
        document: dict[str, Any] = {"dataset": dataset, "where": dict(where), "dry_run": dry_run}
        while True:
            found = dict(self._transport.ask("POST", "/v1/erasures", json=document))
            if found["cursor"] is None:
                return found
            document["cursor"] = found["cursor"]
