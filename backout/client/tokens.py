"""Tokens: who may use the API."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from backout.client.transport import Transport


class TokenMethods:
    """What an administrator does with tokens."""

    _transport: Transport

    def tokens(self) -> list[dict[str, Any]]:
        """List the tokens, the newest first, without their secrets.

        Returns:
            What the API shows of each.

        Raises:
            NotAllowed: this client's own token lacks the scope `admin`.

        Example:
            >>> [token["name"] for token in client.tokens() if token["live"]]
            ['night']
        """
        return list(self._transport.ask("GET", "/v1/tokens")["tokens"])

    def create_token(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        datasets: Sequence[str] | None = None,
        expires_days: float | None = None,
    ) -> dict[str, Any]:
        """Create a token. It is not retried after a lost answer.

        Args:
            name: the client's name: what tokens of this name have made is this token's own.
            scopes: scopes or roles, as in docs/reference/access.md.
            datasets: the only ones that it may use; all if left out.
            expires_days: for how long it is valid; 90 if left out.

        Returns:
            The token: `token` is the secret, which can't be had again.

        Raises:
            InvalidRequest: a name or scope is invalid; `fields` lists the reasons.
            NotAllowed: this client's own token lacks the scope `admin`.

        Example:
            >>> secret = client.create_token("night", ["sender"], expires_days=30)["token"]
        """
        document: dict[str, Any] = {"name": name, "scopes": list(scopes)}
        if datasets is not None:
            document["datasets"] = list(datasets)
        if expires_days is not None:
            document["expires_days"] = expires_days
        return dict(self._transport.ask("POST", "/v1/tokens", json=document, repeatable=False))

    def rotate_token(
        self, id: str, *, expires_days: float | None = None, overlap_hours: float | None = None
    ) -> dict[str, Any]:
        """Create a token that allows the same. It is not retried after a lost answer.

        Args:
            id: the old token's id, which stands between `bko_` and the next `_`.
            expires_days: for how long the new one is valid; 90 if left out.
            overlap_hours: for how long the old one stays valid; 24 if left out.

        Returns:
            The new token, as `create_token`.

        Raises:
            NotFound: there is no such token, or it was revoked or has expired.
            NotAllowed: this client's own token lacks the scope `admin`.

        Example:
            >>> secret = client.rotate_token("k3v9x0qa", overlap_hours=1)["token"]
        """
        given = {"expires_days": expires_days, "overlap_hours": overlap_hours}
        document = {name: value for name, value in given.items() if value is not None}
        return dict(self._transport.ask("POST", f"{_path(id)}/rotate", json=document, repeatable=False))

    def revoke_token(self, id: str) -> dict[str, Any]:
        """Revoke a token: a second later no server takes it any more.

        Args:
            id: the token's id.

        Returns:
            The token as it is now.

        Raises:
            NotFound: there is no such token.
            NotAllowed: this client's own token lacks the scope `admin`.

        Example:
            >>> client.revoke_token("k3v9x0qa")["live"]
            False
        """
        return dict(self._transport.ask("DELETE", _path(id)))


def _path(id: str) -> str:
    return f"/v1/tokens/{quote(id, safe='')}"
