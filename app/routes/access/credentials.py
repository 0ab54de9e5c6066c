"""Credentials: what a caller shows, and what it allows: a key of the file, a token, or a browser's session."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from app.db.database import Database
from app.domain.audit.actor import acting, current
from app.domain.caller import Access, Scope, parse_scopes
from app.domain.errors import DatabaseUnavailable, NoRole, TooManyFailures
from app.lifecycle.access import sessions as browser_sessions
from app.lifecycle.access.sessions import Sessions, prove
from app.lifecycle.access.tokens import Tokens
from app.routes.access.failures import Failures
from app.routes.access.keys import KeyFile

if TYPE_CHECKING:  # its packages are installed where it is used
    from app.lifecycle.access.provider import Person


class Credentials:
    """Those of one installation, with a small memory of each process."""

    def __init__(self, database: Database, keys: KeyFile | None, roles: Mapping[str, str] | None = None) -> None:
        """`roles` of groups at the OpenID provider."""
        self._roles = dict(roles or {})
        self.tokens, self.sessions = Tokens(database), Sessions(database)
        self._database, self._keys, self._failures = database, keys, Failures()

    def find(self, given: str, address: str) -> Access | None:
        """What a key or token allows; None for a wrong one, which counts against the address.

        Raises `TooManyFailures`, and `DatabaseUnavailable` for what looks like a token. A right token is never refused
        for what others at its address sent: its 256 bits can't be guessed, so that would only let a stranger lock
        others out. A key may be weak: while its address has too many failures, only a key that was right there before
        is taken, so that no guess can be right.
        """
        left = self._failures.seconds_left(address)
        if (client := self._find_key(given)) is not None and not (left and not self._failures.knows(address, given)):
            self._failures.remember(address, given)
            return Access(client)
        if client is None and (token := self.tokens.find(given)) is not None:
            self.tokens.note_use(token)
            return token.access
        if left:
            raise TooManyFailures(
                f"too many wrong keys came from {address}: wait {left} s. An administrator makes tokens; keys are in"
                " the server's BACKOUT_API_KEYS_FILE",
                retry_after=left,
            )
        self._failures.add(address)
        return None

    def find_session(self, secret: str) -> Access | None:
        """What a browser's session allows: what its token or key allows now. None if it or that is over."""
        session = self.sessions.find(secret)
        if session is None:
            return None
        if session.groups is not None:
            scopes = self._find_scopes(session.groups)
            return Access(session.client, scopes, session=session.id) if scopes else None
        if session.token is not None:
            token = self.tokens.find_live(session.token)
            if token is None:
                return None
            self.tokens.note_use(token)
            return replace(token.access, session=session.id)
        proof = session.key_proof or ""
        client = self._keys and self._keys.find(lambda key: hmac.compare_digest(prove(key, secret), proof))
        return Access(client, session=session.id) if client else None

    def is_valid(self, given: str, cookie: str) -> bool:
        """Whether what a caller has shown still allows something; where the database can't be asked, it does not."""
        try:
            if not given:
                return self.find_session(cookie) is not None
            return self._find_key(given) is not None or self.tokens.find(given) is not None
        except DatabaseUnavailable:
            return False

    def sign_in(self, given: str, address: str) -> str | None:
        """Begin a session for what was given; returns the secret for the browser, None for a wrong key. Raises what
        `find` raises."""
        access = self.find(given, address)
        if access is None:
            return None
        key = given if access.token is None else None
        asked = current.get()
        with acting(asked and replace(asked, client=access.client, token=access.token)):
            return browser_sessions.begin_session(
                self._database, access.client, token=access.token, key=key, address=address
            )

    def sign_in_person(self, person: "Person", address: str) -> str:
        """Begin a session for who has signed in at the OpenID provider; returns the secret for the browser. Raises
        `NoRole` for who is in no group that has a role here."""
        groups = [group for group in person.groups if group in self._roles]
        if not groups:
            raise NoRole(
                f"{person.name} is in none of the groups that may come in here, which are"
                f" {', '.join(sorted(self._roles))}: an administrator of your accounts can add you to one"
            )
        client = browser_sessions.name_person(self._database, person.issuer, person.subject, person.name)
        asked = current.get()
        with acting(asked and replace(asked, client=client)):
            return browser_sessions.begin_session(self._database, client, groups=groups, address=address)

    def require_patience(self, address: str) -> None:
        """Raise `TooManyFailures` while too many came from this address."""
        if left := self._failures.seconds_left(address):
            raise TooManyFailures(f"too many failures came from {address}: wait {left} s", retry_after=left)

    def note_failure(self, address: str) -> None:
        """Count a sign-in that failed."""
        self._failures.add(address)

    def sign_out(self, access: Access) -> None:
        """End the session by which this caller asks. Raises `SessionNotFound`."""
        if access.session is not None:
            self.end_session(access.session, access.client)

    def end_session(self, id: str, client: str) -> None:
        """End any session. Raises `SessionNotFound`."""
        browser_sessions.end_session(self._database, id, ended_by=client)
        self.sessions.forget()

    def _find_scopes(self, groups: Iterable[str]) -> frozenset[Scope]:
        """What these groups may do by today's settings, not by those of the sign-in."""
        roles = [self._roles[group] for group in groups if group in self._roles]
        return parse_scopes(roles) if roles else frozenset()

    def _find_key(self, given: str) -> str | None:
        return None if self._keys is None else self._keys.find_client(given)
