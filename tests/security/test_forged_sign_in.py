"""What an OpenID provider says is believed only if all of it is right: each of these proves no one."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from app.domain.errors import ProviderUnavailable, SignInRefused
from app.lifecycle.access import provider as provider_module
from app.lifecycle.access.provider import Attempt, Person, Provider
from tests.servers import make_settings

CLIENT, SECRET, CALLBACK = "backout", "x" * 40, "http://127.0.0.1/sign-in/oidc/callback"
KEY = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256"}, private=True)
NEW = ECKey.generate_key("P-256", {"kid": "two", "alg": "ES256"}, private=True)
ANY = JWSRegistry(algorithms=["RS256", "ES256", "HS256", "none"])


class Fake:
    """Answers what a test wants; counts who asks for keys."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.keys: list[Any] = [KEY]
        self.answers: dict[str, tuple[int, Any]] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake.asked.append(self.path)
                status, body = fake.answers.get(self.path, (404, {}))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def publish(self, **metadata: Any) -> None:
        names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
        addresses = {name: self.issuer + path for name, path in names.items()}
        self.answers["/.well-known/openid-configuration"] = 200, {"issuer": self.issuer, **addresses, **metadata}
        self.answers["/keys"] = 200, {"keys": [key.as_dict(private=False) for key in self.keys]}

    def send(self, token: str | None, **more: Any) -> None:
        self.answers["/token"] = 200, {"access_token": "a", "token_type": "Bearer", "id_token": token, **more}


@pytest.fixture
def fake() -> Iterator[Fake]:
    fake = Fake()
    fake.publish()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def provider(fake: Fake, tmp_path: Any) -> Provider:
    asked = {"oidc_issuer": fake.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    return Provider(make_settings("mysql+pymysql://a@b/c", tmp_path, oidc_roles={"admins": "admin"}, **asked))


def claims_of(fake: Fake, attempt: Attempt) -> dict[str, Any]:
    now = int(time.time())
    return {
        **{"iss": fake.issuer, "aud": CLIENT, "sub": "42", "nonce": attempt.nonce},
        **{"iat": now, "exp": now + 300, "preferred_username": "anna", "groups": ["admins"]},
    }


def sign(claims: dict[str, Any], key: Any = KEY, alg: str = "RS256", kid: str | None = "one") -> str:
    header = {"alg": alg, **({"kid": kid} if kid else {})}
    return jwt.encode(header, claims, key, registry=ANY)


def finish(provider: Provider, attempt: Attempt) -> Person:
    return provider.finish(attempt, CALLBACK, "code")


def test_what_is_right_is_believed(fake: Fake, provider: Provider) -> None:
    attempt = Attempt()
    fake.send(sign(claims_of(fake, attempt)))
    assert finish(provider, attempt) == Person(fake.issuer, "42", "anna", ("admins",))
    fake.send(sign({**claims_of(fake, attempt), "exp": int(time.time()) - 30, "aud": [CLIENT]}))  # clocks differ
    assert finish(provider, attempt).subject == "42"
    for groups, read in (("admins", ("admins",)), (["a", 1], ("a", "1")), (None, ()), ([], ())):
        fake.send(sign({**claims_of(fake, attempt), "groups": groups}))
        assert finish(provider, attempt).groups == read


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def by_hmac(claims: dict[str, Any], secret: bytes) -> str:
    """What a program makes that takes the public key for a secret."""
    signed = ".".join(map(encode, (b'{"alg":"HS256","kid":"one"}', json.dumps(claims).encode())))
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), 'sha256'))}"


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def with_(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {**claims, **changes}


NOW = int(time.time())
FORGED: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "no token": lambda _: None,
    "no jwt": lambda _: "x.y.z",
    "not signed": lambda claims: ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg":"none","kid":"one"}', json.dumps(claims).encode(), b"")
    ),
    "by our secret": lambda claims: sign(claims, OctKey.import_key(SECRET), "HS256"),
    "by the public key as a secret": lambda claims: by_hmac(claims, KEY.as_pem(private=False)),
    "by another key": lambda claims: sign(claims, OTHER),
    "by a key that brings itself": lambda claims: jwt.encode(
        {"alg": "RS256", "jwk": OTHER.as_dict(private=False)}, claims, OTHER, registry=ANY
    ),
    "by an unknown key": lambda claims: sign(claims, NEW, "ES256", "two"),
    "expired": lambda claims: sign(with_(exp=NOW - 120)(claims)),
    "not yet": lambda claims: sign(with_(nbf=NOW + 86_400)(claims)),
    "of tomorrow": lambda claims: sign(with_(iat=NOW + 86_400)(claims)),
    "of another issuer": lambda claims: sign(with_(iss="https://evil.example")(claims)),
    "for another client": lambda claims: sign(with_(aud="other")(claims)),
    "for no client": lambda claims: sign(with_(aud=[])(claims)),
    "by way of another client": lambda claims: sign(with_(aud=["other", CLIENT], azp="other")(claims)),
    "of another sign-in": lambda claims: sign(with_(nonce="other")(claims)),
    "of another access token": lambda claims: sign(with_(at_hash="AAAAAAAAAAAAAAAAAAAAAA")(claims)),
    **{f"without {name}": lambda claims, name=name: sign(without(name)(claims))  # type: ignore[misc]
       for name in ("iss", "aud", "sub", "exp", "iat", "nonce")},
    "about no one": lambda claims: sign(with_(sub="")(claims)),
    "about a list": lambda claims: sign(with_(sub=["42"])(claims)),
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_what_is_forged_is_refused(fake: Fake, provider: Provider, how: str) -> None:
    attempt = Attempt()
    fake.send(FORGED[how](claims_of(fake, attempt)))
    with pytest.raises(SignInRefused):
        finish(provider, attempt)


def test_a_new_key_is_looked_for_once_a_minute(fake: Fake, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt()
    fake.send(sign(claims_of(fake, attempt)))
    finish(provider, attempt)
    fake.keys = [NEW]
    fake.publish()
    fake.send(sign(claims_of(fake, attempt), NEW, "ES256", "two"))
    assert finish(provider, attempt).subject == "42" and fake.asked.count("/keys") == 2
    fake.send(sign(claims_of(fake, attempt), OTHER))
    for _ in range(3):
        with pytest.raises(SignInRefused):
            finish(provider, attempt)
    assert fake.asked.count("/keys") == 2
    monkeypatch.setattr(provider_module, "KEYS_SECONDS", 0.0)
    with pytest.raises(SignInRefused):
        finish(provider, attempt)
    assert fake.asked.count("/keys") == 3


def test_what_is_missing_is_asked_for(fake: Fake, provider: Provider) -> None:
    attempt = Attempt()
    fake.publish(userinfo_endpoint=f"{fake.issuer}/userinfo")
    fake.send(sign(without("groups")(claims_of(fake, attempt))))
    fake.answers["/userinfo"] = 200, {"sub": "42", "groups": ["admins"], "preferred_username": "eve"}
    assert finish(provider, attempt) == Person(fake.issuer, "42", "anna", ("admins",))
    fake.answers["/userinfo"] = 200, {"sub": "43", "groups": ["admins"]}
    with pytest.raises(SignInRefused, match="another person"):
        finish(provider, attempt)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, {})),
        ("/.well-known/openid-configuration", (200, {"issuer": "https://other.example"})),
        ("/.well-known/openid-configuration", (302, {})),
        ("/keys", (503, {})),
        ("/token", (502, {})),
        ("/token", (401, {"error": "invalid_client"})),
    ],
)
def test_who_answers_otherwise_is_not_available(
    fake: Fake, provider: Provider, path: str, answer: tuple[int, Any]
) -> None:
    attempt = Attempt()
    fake.send(sign(claims_of(fake, attempt)))
    fake.answers[path] = answer
    with pytest.raises(ProviderUnavailable):
        finish(provider, attempt)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys": 5}', b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
def test_nonsense_is_refused(fake: Fake, provider: Provider, path: str, body: bytes) -> None:
    attempt = Attempt()
    fake.send(sign(claims_of(fake, attempt)))
    fake.answers[path] = 200, body
    with pytest.raises((SignInRefused, ProviderUnavailable)):
        finish(provider, attempt)
