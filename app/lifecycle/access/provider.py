"""The OpenID provider: where people prove who they are, and which groups they are in.

It is asked by the code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636). What it publishes is fetched
when it is needed first, so that a provider that is down keeps no one else out.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from app.config import Settings
from app.domain.errors import Overloaded, ProviderUnavailable, SignInRefused
from app.web.places import NoPlace, Places

WELL_KNOWN = "/.well-known/openid-configuration"
REPLY_SECONDS = 5.0
METADATA_SECONDS = 3600.0
KEYS_SECONDS = 60.0  # between two looks for a key that is not known
CLOCK_SECONDS = 60  # that its clock may differ from ours
AT_ONCE = 8  # questions to the provider, each of which holds a thread
# signed by what the provider alone has: neither "none", nor HMAC under a secret that we have too
ALGORITHMS = tuple(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512))

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Attempt:
    """One try to sign in; the browser keeps it until it comes back, and it alone can go on with it."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


@dataclass(frozen=True)
class Person:
    """Who has signed in: `subject` never changes at its provider, while `name` may. `groups` are the provider's."""

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]


class Provider:
    """One provider, with a small memory of what it publishes."""

    def __init__(self, settings: Settings) -> None:
        assert settings.oidc_issuer and settings.oidc_client_id and settings.oidc_client_secret
        self.issuer = settings.oidc_issuer
        self.roles = dict(settings.oidc_roles)
        self.secret = settings.oidc_client_secret.get_secret_value().strip()
        self._client_id, self._claim = settings.oidc_client_id, settings.oidc_groups_claim
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._metadata_at = self._looked_at = float("-inf")
        self._lock, self._places = Lock(), Places(AT_ONCE)

    @property
    def host(self) -> str:
        """What people know it by."""
        return urlsplit(self.issuer).netloc

    def begin(self, attempt: Attempt, redirect_uri: str) -> str:
        """The address at which a browser signs in. Raises `ProviderUnavailable` and `Overloaded`."""
        metadata = self._ask(self._load_metadata)
        known = metadata.get("scopes_supported") or ()
        scopes = ["openid", *(one for one in ("profile", "email", "groups") if one in known)]
        address = prepare_grant_uri(
            metadata["authorization_endpoint"],
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=" ".join(scopes),
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return str(address)

    def finish(self, attempt: Attempt, redirect_uri: str, code: str) -> Person:
        """Who has come back with this code. Raises `SignInRefused`, `ProviderUnavailable` and `Overloaded`."""
        return self._ask(lambda: self._finish(attempt, redirect_uri, code))

    def _finish(self, attempt: Attempt, redirect_uri: str, code: str) -> Person:
        metadata = self._load_metadata()
        with _http() as http:
            token = self._exchange(http, metadata, code, redirect_uri, attempt.verifier)
            claims = self._verify(token, attempt.nonce)
            if (address := metadata.get("userinfo_endpoint")) and not (self._claim in claims and _find_name(claims)):
                more = _read_json(http.get(address, headers={"Authorization": f"Bearer {token['access_token']}"}))
                if more.get("sub") != claims["sub"]:  # section 5.3.2
                    raise SignInRefused(f"{self.host} answered about another person")
                claims = {**more, **claims}
        subject, groups = claims["sub"], claims.get(self._claim) or []
        if not isinstance(subject, str) or not subject:
            raise SignInRefused(f"{self.host} says of no one who they are")
        return Person(
            issuer=self.issuer,
            subject=subject,
            name=_find_name(claims) or subject,
            groups=tuple(map(str, groups if isinstance(groups, list) else [groups])),
        )

    def _exchange(
        self, http: httpx.Client, metadata: Mapping[str, Any], code: str, redirect_uri: str, verifier: str
    ) -> dict[str, Any]:
        """The tokens for a code (RFC 6749, sections 2.3.1 and 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        address = metadata["token_endpoint"]
        if "client_secret_basic" in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            answer = http.post(address, data=form, auth=(quote(self._client_id, ""), quote(self.secret, "")))
        else:
            form |= {"client_id": self._client_id, "client_secret": self.secret}
            answer = http.post(address, data=form)
        if answer.status_code == 400 and (error := answer.json().get("error")) != "invalid_client":
            raise SignInRefused(f"{self.host} does not take this answer any more ({error!s:.100})")
        return _read_json(answer)

    def _verify(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the id_token, after all checks of section 3.1.3.7."""
        text = token.get("id_token")
        if not isinstance(text, str):
            raise SignInRefused(f"{self.host} sent no id_token")
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        try:
            read = jwt.decode(text, self._load_keys(), registry=registry)
        except (JoseError, ValueError):
            if not self._may_look_again():
                raise
            read = jwt.decode(text, self._load_keys(), registry=registry)  # signed by a new key
        claims = CodeIDToken(
            read.claims,
            read.header,
            {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self._client_id}},
            {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=CLOCK_SECONDS)
        return dict(claims)

    def _load_metadata(self) -> dict[str, Any]:
        with self._lock:
            found, is_young = self._metadata, monotonic() < self._metadata_at + METADATA_SECONDS
        if found and is_young:
            return found
        with _http() as http:
            found = _read_json(http.get(self.issuer.rstrip("/") + WELL_KNOWN))
        if found.get("issuer") != self.issuer:  # OpenID Connect Discovery 1.0, section 4.3
            raise ProviderUnavailable(
                f"BACKOUT_OIDC_ISSUER is {self.issuer}, but there is {found.get('issuer')!s:.200}"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not str(found.get(name, "")).startswith(f"{urlsplit(self.issuer).scheme}://"):
                raise ProviderUnavailable(f"{self.host} publishes no {name} that could be used")
        with self._lock:
            self._metadata, self._metadata_at = found, monotonic()
        return found

    def _load_keys(self) -> KeySet:
        with self._lock:
            if self._keys is not None:
                return self._keys
        with _http() as http:
            keys = KeySet.import_key_set(_read_json(http.get(self._load_metadata()["jwks_uri"])))  # type: ignore[arg-type]
        with self._lock:
            self._keys = keys
        return keys

    def _may_look_again(self) -> bool:
        with self._lock:
            if monotonic() < self._looked_at + KEYS_SECONDS:
                return False
            self._keys, self._looked_at = None, monotonic()
            return True

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            self._places.take("")
        except NoPlace:
            raise Overloaded(f"{AT_ONCE} people are signing in at {self.host} now: try again in a moment") from None
        try:
            return question()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("provider_not_reached", provider=self.host, error=repr(error))
            away = f"{self.host} does not answer as it must: sign in with a token, or try again later"
            raise ProviderUnavailable(away) from error
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.warning("sign_in_refused", provider=self.host, error=repr(error))
            raise SignInRefused(
                f"what {self.host} sent is not valid ({error or type(error).__name__!s:.100})"
            ) from error
        finally:
            self._places.give_back("")


def _http() -> httpx.Client:
    return httpx.Client(timeout=REPLY_SECONDS)


def _find_name(claims: Mapping[str, Any]) -> str:
    names = (claims.get(name) for name in ("preferred_username", "email"))
    return next((name for name in names if isinstance(name, str) and name.strip()), "")


def _read_json(answer: httpx.Response) -> dict[str, Any]:
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found
