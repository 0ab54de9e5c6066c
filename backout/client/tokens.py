"""Tokens and sessions: who may use the API; and the audit of who did."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from backout.client.transport import Transport


class TokenMethods:
    """What an administrator does with tokens and sessions, and reads in the audit."""

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

    def sessions(self) -> list[dict[str, Any]]:
        """List the sessions of browsers, the newest first.

        Returns:
            What the API shows of each.

        Raises:
            NotAllowed: this client's own token lacks the scope `admin`.

        Example:
            >>> [session["client"] for session in client.sessions() if not session["ended_at"]]
            ['anna']
        """
        return list(self._transport.ask("GET", "/v1/sessions")["sessions"])

    def end_session(self, id: str) -> None:
        """End a session: its browser has to sign in again.

        Args:
            id: the session's id.

        Raises:
            NotFound: there is no such session, or it has ended.
            NotAllowed: this client's own token lacks the scope `admin`.

        Example:
            >>> client.end_session("0b7e9a526f0a4f7e")
        """
        with self._transport.stream("DELETE", f"/v1/sessions/{quote(id, safe='')}", repeatable=False):
            pass

    def audit(self, **filters: str) -> Iterator[dict[str, Any]]:
        """List who changed what and who was denied what, newest first, page by page as they are needed.

        Args:
            filters: `client`, `act`, `target`, `outcome`, `address`, `since`, `until`: see docs/reference/audit.md.

        Yields:
            One line after the other, as the API shows it.

        Raises:
            InvalidRequest: a filter is unknown or has a wrong value.
            NotAllowed: this client's own token lacks the scope `admin`.

        Example:
            >>> [line["target"] for line in client.audit(client="anna", act="stop_import")]
        """
        path: str | None = f"/v1/audit?{urlencode({**filters, 'limit': '200'})}"
        while path:
            page = self._transport.ask("GET", path)
            yield from page["audit"]
            path = page["next"]


def _path(id: str) -> str:
    return f"/v1/tokens/{quote(id, safe='')}"
