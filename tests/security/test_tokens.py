"""Tokens and browsers' sessions of running servers: made, rotated, ended, and limits for those who guess."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.lifecycle.access import tokens
from app.lifecycle.services import Services
from app.routes.access.failures import LIMIT
from tests.servers import DEAD_BROKER, ROOT, DatabaseServer
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

KEY, COOKIE = "alice-0123456789abcdef", "backout_session"


@pytest.fixture
def new_web(database: DatabaseServer, tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts web servers of one installation, without a broker."""
    made: list[Stack] = []

    def start(**settings: object) -> Stack:
        folder = tmp_path / f"web-{len(made)}"
        folder.mkdir()
        made.append(Stack(folder, database.url, DEAD_BROKER, find_port(), spool_dir=tmp_path / "spool", **settings))
        return made[-1].start("web")

    yield start
    for stack in made:
        stack.kill()


def run_cli(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", "tokens", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=stack.environment("web"), capture_output=True, text=True, check=False, timeout=patience()
    )


def make_token(stack: Stack, name: str = "root", scope: str = "admin", *more: str) -> str:
    done = run_cli(stack, "create", "--name", name, "--scope", scope, *more)
    assert done.returncode == 0, done.stderr
    found = re.search(r"bko_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", done.stdout)
    assert found is not None, done.stdout
    return found[0]


def as_client(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(stack: Stack, token: str) -> int:
    return stack.get("/v1/imports", headers=as_client(token)).status_code


def sign_in(stack: Stack, key: str, **options: Any) -> requests.Response:
    return requests.post(
        f"{stack.url}/sign-in", data={"key": key}, allow_redirects=False, timeout=patience(), **options
    )


def with_cookie(stack: Stack, cookie: str) -> int:
    return requests.get(f"{stack.url}/v1/imports", cookies={COOKIE: cookie}, timeout=patience()).status_code


def test_the_first_token_makes_others_and_the_ledger_has_no_secret(
    new_web: Callable[..., Stack], database: DatabaseServer
) -> None:
    stack = new_web(tokens=1)
    assert stack.get("/livez").status_code == 200 and stack.get("/v1/imports").status_code == 401
    root = make_token(stack)
    made = stack.post("/v1/tokens", json={"name": "night", "scopes": ["sender"]}, headers=as_client(root))
    assert made.status_code == 201
    token = made.json()
    assert token["scopes"] == ["imports:read", "imports:revert", "imports:stop", "imports:write", "rows:read"]
    days = (time.mktime(time.strptime(token["expires_at"][:10], "%Y-%m-%d")) - time.time()) / 86400
    assert 88 < days < 91
    assert status(stack, token["token"]) == 200
    assert stack.post("/v1/tokens", json={}, headers=as_client(token["token"])).json()["scope"] == "admin"
    with database.root() as cursor:
        cursor.execute("SELECT * FROM backout_tokens")
        rows = repr(cursor.fetchall())
    for text in (root, token["token"]):
        assert text not in rows and text.split("_", 2)[2] not in rows
        assert hashlib.sha256(text.encode()).hexdigest() in rows
    listed = stack.get("/v1/tokens", headers=as_client(root)).json()["tokens"]
    assert {one["name"]: one["created_by"] for one in listed}["night"] == "root"
    assert (
        all("token" not in one for one in listed)
        and next(one for one in listed if one["name"] == "night")["last_used_at"]
    )
    log = stack.log("web").read_text()
    assert root not in log and token["token"] not in log
    answered = [line for line in log.splitlines() if '"answered"' in line and "/v1/imports" in line]
    assert '"client": "night", "address": "127.0.0.1"' in answered[-1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": ["sender"]}, "name"),
        ({"name": "", "scopes": ["sender"]}, "name"),
        ({"name": "a:b", "scopes": ["sender"]}, "name"),
        ({"name": "n" * 65, "scopes": ["sender"]}, "name"),
        ({"name": "night"}, "scopes"),
        ({"name": "night", "scopes": []}, "scopes"),
        ({"name": "night", "scopes": ["root"]}, "scopes"),
        ({"name": "night", "scopes": ["admin"], "datasets": ["orders"]}, "datasets"),
        ({"name": "night", "scopes": ["sender"], "datasets": []}, "datasets"),
        ({"name": "night", "scopes": ["sender"], "expires_days": 0}, "expires_days"),
        ({"name": "night", "scopes": ["sender"], "expires_days": 4000}, "expires_days"),
        ({"name": "night", "scopes": ["sender"], "expires_days": True}, "expires_days"),
        ({"name": "night", "scopes": ["sender"], "admin": True}, "admin"),
    ],
)
def test_a_token_that_can_not_be_is_refused_with_the_field(
    services: Services, body: dict[str, Any], field: str
) -> None:
    from app import create_app  # noqa: PLC0415

    app = create_app(services.settings.model_copy(update={"tokens": True}))
    root = tokens.create_token(services.database, "root", ["admin"], created_by="test")
    answer = app.test_client().post("/v1/tokens", json=body, headers=as_client(root.text))
    assert answer.status_code == 422 and [error["field"] for error in answer.json["errors"]] == [field]


def test_a_revoked_token_and_its_sessions_end_in_every_process_within_a_second(new_web: Callable[..., Stack]) -> None:
    one, two = new_web(tokens=1), new_web(tokens=1)
    root, night = make_token(one), make_token(one, "night", "viewer")
    cookie = sign_in(two, night).cookies[COOKIE]
    for _ in range(3):
        assert status(one, night) == status(two, night) == with_cookie(two, cookie) == 200
    stream = requests.get(f"{two.url}/v1/events?after=0~*", headers=as_client(night), stream=True, timeout=patience())
    assert stream.status_code == 200
    id = night.split("_")[1]
    revoked = one.http.delete(f"{one.url}/v1/tokens/{id}", headers=as_client(root), timeout=patience()).json()
    assert (revoked["live"], revoked["revoked_by"]) == (False, "root")
    assert status(one, night) == 401
    time.sleep(1)
    assert status(two, night) == with_cookie(two, cookie) == 401
    accepted = two.post("/insert/5", headers=as_client(root)).json()["task_id"]
    assert accepted not in stream.text  # it ends without the news
    assert status(two, root) == 200
    again = run_cli(one, "revoke", id, "--yes")
    assert again.returncode == 0 and "revoked" in again.stdout
    assert run_cli(one, "revoke", "unknown", "--yes").returncode == 1


def test_a_rotated_token_stays_for_the_overlap(new_web: Callable[..., Stack]) -> None:
    stack = new_web(tokens=1)
    root, night = make_token(stack), make_token(stack, "night", "sender", "--dataset", "orders")
    path = f"/v1/tokens/{night.split('_')[1]}/rotate"
    made = stack.post(path, headers=as_client(root)).json()
    assert (made["name"], made["datasets"], made["replaces"]) == ("night", ["orders"], night.split("_")[1])
    assert status(stack, night) == status(stack, made["token"]) == 200
    last = stack.post(path, json={"overlap_hours": 0.0003}, headers=as_client(root)).json()
    wait_for(lambda: status(stack, night) == 401, "the overlap is over")
    assert status(stack, last["token"]) == 200
    assert stack.post(path, headers=as_client(root)).status_code == 404  # what has expired is not rotated
    done = run_cli(stack, "rotate", last["id"], "--overlap", "0h", "--expires", "1d", "--json")
    assert done.returncode == 0 and '"replaces": "' + last["id"] in done.stdout
    wait_for(lambda: status(stack, last["token"]) == 401, "the overlap is over")


def run_backout(stack: Stack, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from backout.commands.main import run; run()", *arguments]
    given = {"PATH": os.environ["PATH"], "BACKOUT_URL": stack.url, "BACKOUT_API_KEY": token}
    return subprocess.run(program, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=patience())


def test_the_command_line_makes_lists_rotates_and_revokes(new_web: Callable[..., Stack]) -> None:
    stack = new_web(tokens=1)
    root = make_token(stack)
    given = ("--name", "night", "--scope", "sender", "--dataset", "orders", "--expires", "2d")
    made = run_backout(stack, root, "admin", "tokens", "create", *given)
    night, id = made.stdout.strip(), made.stdout.split("_")[1]
    assert made.returncode == 0 and status(stack, night) == 200 and f"{id}  night  until" in made.stderr
    refused = run_backout(stack, night, "admin", "tokens", "list")
    assert refused.returncode == 4 and "this needs the scope admin" in refused.stderr
    assert run_backout(stack, root, "admin", "tokens", "create", "--name", "x", "--scope", "king").returncode == 2
    listed = json.loads(run_backout(stack, root, "admin", "tokens", "list", "--json").stdout)["tokens"]
    assert [one["datasets"] for one in listed if one["name"] == "night"] == [["orders"]]
    rotated = run_backout(stack, root, "admin", "tokens", "rotate", id, "--overlap", "1h").stdout.strip()
    assert status(stack, rotated) == status(stack, night) == 200
    assert run_backout(stack, root, "admin", "tokens", "revoke", id).returncode == 2  # no terminal to ask at
    revoked = run_backout(stack, root, "admin", "tokens", "revoke", id, "--yes")
    assert revoked.returncode == 0 and "revoked 20" in revoked.stdout
    assert status(stack, night) == 401 and status(stack, rotated) == 200
    sent = run_backout(stack, rotated, "import", "--generate", "5").stdout.strip()
    assert run_backout(stack, root, "stop", sent).returncode == 0
    shown = run_backout(stack, rotated, "status", sent).stdout
    assert re.search("^accepted .* by night$", shown, re.MULTILINE), shown
    assert re.search("^ended .* by root$", shown, re.MULTILINE), shown


def test_the_command_line_ends_sessions_and_reads_the_audit(new_web: Callable[..., Stack]) -> None:
    stack = new_web(tokens=1)
    root = make_token(stack)
    sign_in(stack, root)
    ((id, ended),) = [
        (one["id"], one["ended_at"])
        for one in json.loads(run_backout(stack, root, "admin", "sessions", "list", "--json").stdout)["sessions"]
    ]
    assert ended is None and f"{id}  root  until" in run_backout(stack, root, "admin", "sessions", "list").stdout
    assert run_backout(stack, root, "admin", "sessions", "end", id).returncode == 2  # no terminal to ask at
    assert run_backout(stack, root, "admin", "sessions", "end", id, "--yes").returncode == 0
    assert run_backout(stack, root, "admin", "sessions", "end", "unknown", "--yes").returncode == 1
    assert "ended 20" in run_backout(stack, root, "admin", "sessions", "list").stdout
    sent = [run_backout(stack, root, "import", "--generate", "5").stdout.strip() for _ in range(2)]
    told = run_backout(stack, root, "admin", "audit", "--act", "accept_import", "--client", "root", "--json")
    assert [line["target"] for line in json.loads(told.stdout)["audit"]] == sent[::-1]
    lines = run_backout(stack, root, "admin", "audit", "--limit", "2", "--outcome", "done").stdout.splitlines()
    assert len(lines) == 2 and all("accept_import  root" in line for line in lines)
    assert run_backout(stack, root, "admin", "audit", "--since", "soon").returncode == 2
    listed = run_backout(stack, root, "list").stdout.splitlines()
    assert listed[0].split()[-2:] == ["BY", "SOURCE"] and "  root  generated" in listed[1]
    assert len(run_backout(stack, root, "list", "--created-by", "no one").stdout.splitlines()) == 1
    run_backout(stack, root, "pause", sent[0])
    assert re.search(
        "^state +queued, paused by root$", run_backout(stack, root, "status", sent[0]).stdout, re.MULTILINE
    )


def test_an_expired_token_is_refused(services: Services) -> None:
    made = tokens.create_token(services.database, "night", ["viewer"], created_by="test", days=2 / 86400)
    known = tokens.Tokens(services.database)
    assert known.find(made.text) is not None and known.find(made.text[:-1] + "x") is None
    wait_for(lambda: known.find(made.text) is None, "it has expired")


def test_a_session_ends_when_its_person_or_an_administrator_says_so(
    new_web: Callable[..., Stack], database: DatabaseServer, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice:{KEY}\n")
    stack = new_web(api_keys_file=keys)
    first, second = (sign_in(stack, KEY).cookies[COOKIE] for _ in range(2))
    assert first != second and len(first) == 43
    assert with_cookie(stack, first) == with_cookie(stack, second) == 200
    listed = stack.get("/v1/sessions", headers=as_client(KEY)).json()["sessions"]
    assert [(one["client"], one["token"], one["address"]) for one in listed] == [("alice", None, "127.0.0.1")] * 2
    answer = requests.post(f"{stack.url}/sign-out", cookies={COOKIE: first}, allow_redirects=False, timeout=patience())
    assert answer.status_code == 303
    assert with_cookie(stack, first) == 401 and with_cookie(stack, second) == 200, "a copy of the cookie, too"
    open_now = [
        one for one in stack.get("/v1/sessions", headers=as_client(KEY)).json()["sessions"] if not one["ended_at"]
    ]
    path = f"{stack.url}/v1/sessions/{open_now[0]['id']}"
    assert stack.http.delete(path, headers=as_client(KEY), timeout=patience()).status_code == 204
    assert with_cookie(stack, second) == 401
    assert stack.http.delete(path, headers=as_client(KEY), timeout=patience()).status_code == 404
    listed = stack.get("/v1/sessions", headers=as_client(KEY)).json()["sessions"]
    assert [one["ended_by"] for one in listed] == ["alice"] * 2
    with database.root() as cursor:
        cursor.execute("SELECT * FROM backout_sessions")
        rows = repr(cursor.fetchall())
    assert first not in rows and KEY not in rows and hashlib.sha256(KEY.encode()).hexdigest() not in rows


def test_a_key_that_is_written_while_the_server_runs_counts(new_web: Callable[..., Stack], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice:{KEY}\n")
    stack = new_web(api_keys_file=keys)
    token = make_token(stack, "night", "viewer")
    assert status(stack, KEY) == status(stack, token) == 200  # tokens count beside keys
    keys.write_text(f"bob:{KEY[::-1]}\n")
    time.sleep(1.1)
    assert status(stack, KEY) == 401 and status(stack, KEY[::-1]) == 200
    keys.write_text("broken\n")
    time.sleep(1.1)
    assert status(stack, KEY[::-1]) == 200 and status(stack, KEY[::-1]) == 200
    assert stack.log("web").read_text().count("keys_not_read") == 1


def test_guessing_is_limited_and_harms_no_one_else(new_web: Callable[..., Stack], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice:{KEY}\nbob:{KEY[::-1]}\n")
    stack = new_web(api_keys_file=keys, trusted_proxies="127.0.0.1")
    token = make_token(stack, "night", "viewer")
    elsewhere = {"X-Forwarded-For": "192.0.2.7"}
    assert status(stack, KEY) == 200
    for number in range(LIMIT.amount):
        guess = as_client(f"guess-{number:020}") if number % 2 else as_client("bko_aaaaaaaa_" + f"{number:043}")
        assert stack.get("/v1/imports", headers=guess).status_code == 401
    refused = stack.get("/v1/imports", headers=as_client("guess-one-more-0000"))
    assert refused.status_code == 429 and refused.json()["type"] == "/problems/too-many-failures"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert sign_in(stack, "guess-one-more-0000").status_code == 429
    # a key that no one had used at this address may be a guess that is right
    assert status(stack, KEY[::-1]) == 429
    assert stack.get("/v1/imports", headers=as_client(KEY[::-1]) | elsewhere).status_code == 200
    assert status(stack, KEY) == status(stack, token) == 200
    assert sign_in(stack, token).status_code == sign_in(stack, KEY).status_code == 303
    assert stack.get("/v1/imports", headers=as_client("wrong-wrong-wrong-1") | elsewhere).status_code == 401
    assert stack.get("/v1/imports").status_code == 401  # nothing was guessed


def test_a_cookie_is_secure_behind_a_proxy_that_is_trusted_and_no_one_else_says_so(
    new_web: Callable[..., Stack], tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice:{KEY}\n")
    https = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.9, 10.1.2.3"}
    stack = new_web(api_keys_file=keys)
    assert "Secure" not in sign_in(stack, KEY, headers=https).headers["Set-Cookie"]
    assert "198.51.100.9" not in stack.log("web").read_text()
    stack = new_web(api_keys_file=keys, trusted_proxies="127.0.0.0/8, 10.0.0.0/8")
    secure, plain = sign_in(stack, KEY, headers=https).headers, sign_in(stack, KEY).headers
    assert "Secure" in secure["Set-Cookie"] and "Secure" not in plain["Set-Cookie"]
    assert secure["Strict-Transport-Security"] == "max-age=31536000" and "Strict-Transport-Security" not in plain
    assert {secure[f"Cross-Origin-{kind}-Policy"] for kind in ("Opener", "Resource")} == {"same-origin"}
    assert '"address": "198.51.100.9"' in stack.log("web").read_text()
