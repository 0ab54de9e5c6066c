"""Who may ask, from where, under which name; and what the log says of it."""

import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.routes.bodies import check_problem, file_of, line, raw_post, send_raw
from tests.servers import ROOT
from tests.stack import COMMANDS, Stack
from tests.waiting import patience

pytestmark = pytest.mark.in_turn

ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789-abcdef"
EVERYTHING = [
    ("GET", "/"),
    ("GET", "/readyz"),
    ("GET", "/static/page.css"),
    ("POST", "/insert/1"),
    ("GET", "/insert/1"),
    ("GET", "/dpd_insert/1"),
    ("GET", "/stop/x"),
    ("GET", "/status/x"),
    ("GET", "/delete_all"),
    ("GET", "/get_data"),
    ("GET", "/get_data/count"),
    ("GET", "/v1/imports"),
    ("POST", "/v1/imports"),
    ("GET", "/v1/imports/x"),
    ("POST", "/v1/imports/x/stop"),
    ("GET", "/nope"),
    ("DELETE", "/nope"),
    ("OPTIONS", "/insert"),
    ("GET", "/livez/"),
    ("GET", "//livez/../v1/imports"),
]


def keys_file(folder: Path, text: str) -> Path:
    path = folder / "keys"
    path.write_text(text)
    return path


def test_with_keys_nobody_asks_without_one(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    keys = keys_file(tmp_path, f"# who may ask\n\nalice:{ALICE}\nalice:{ALICE}-new\n{BOB}\n")
    stack = new_stack(api_keys_file=keys).start("web")
    assert stack.get("/livez").json() == {"status": "ok"}
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": f"Bearer {ALICE}x"},
        {"Authorization": f"Bearer {ALICE[:-1]}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer  "},
        {"Authorization": f"Basic {ALICE}"},
        {"Authorization": ALICE},
        {"Authorization": "Bearer alice"},
        {"X-API-Key": ""},
        {"X-API-Key": ALICE.upper()},
        {"X-API-Key": "\xe9" * 20},
        {"X-API-Key": f"alice:{ALICE}"},
        {"X-API-Key": ALICE, "Authorization": "Bearer wrong-wrong-wrong-wrong"},
        {"X_API_Key": ALICE},
        {"Cookie": f"X-API-Key={ALICE}"},
    ]
    for verb, path in EVERYTHING:
        for headers in wrong if path == "/v1/imports" and verb == "GET" else wrong[:2]:
            sent = {name: value.encode("latin-1") for name, value in headers.items()}
            answer = stack.http.request(verb, stack.url + path, headers=sent, timeout=patience())
            document = check_problem(answer, 401, "key-required")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer") and ALICE not in answer.text
            assert ("task_id" in document) == path.startswith(
                ("/insert", "/dpd_insert", "/stop", "/status", "/delete_all", "/get_data")
            ) or path == "/"
    big = stack.post("/v1/imports", data=bytes(3_000_000), headers={"X-API-Key": "wrong"})
    check_problem(big, 401, "key-required")

    right = {"Authorization": f"Bearer {ALICE}"}
    assert stack.get("/v1/imports", headers=right).json() == {"imports": [], "next": None}
    for headers in (right, {"X-API-Key": f"{ALICE}-new"}, {"Authorization": f"bearer {ALICE}"}, {"X-API-Key": BOB}):
        assert stack.get("/get_data/count", headers=headers | {"Host": "orders.example.com"}).status_code == 200
    # one client's Idempotency-Key says nothing about another's
    ids = {
        stack.get("/insert/5", headers={"X-API-Key": key, "Idempotency-Key": "night"}).json()["task_id"]
        for key in (ALICE, f"{ALICE}-new", BOB, BOB)
    }
    assert len(ids) == 2
    log = stack.log("web").read_text()
    assert ALICE not in log and BOB not in log


def start_refused(folder: Path, **settings: object) -> str:
    """What the web server says when it won't start."""
    stack = Stack(folder, "mysql+pymysql://a:b@127.0.0.1:1/none", "amqp://nobody@127.0.0.1:1//", 1, **settings)
    with socket.create_server(("127.0.0.1", 0)) as free:
        stack.settings["port"] = free.getsockname()[1]
    process = subprocess.Popen(
        COMMANDS["web"],
        cwd=ROOT,
        env=stack.environment("web"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=patience())
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        pytest.fail(f"it goes on: {process.communicate(timeout=patience())[0]}")
    assert process.returncode not in (0, None) and "Traceback" not in said, said
    return said


def test_it_does_not_start_where_it_would_be_open_to_all(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", ""):
        said = start_refused(tmp_path, host=host)
        assert said.count("Backout can't start:") == 1 and "BACKOUT_API_KEYS_FILE" in said and "127.0.0.1" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("", "has no key"),
        ("# none\n\n", "has no key"),
        (f"{ALICE}\nbob:short\n", "line 2: a key has at least 16"),
        (f"bob:{'ä' * 20}\n", "line 1: a key has at least 16"),
        (f"{'b' * 65}:{ALICE}\n", "line 1: a name has at most 64"),
    ],
)
def test_it_does_not_start_with_keys_that_are_none(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "keys" if text is None else keys_file(tmp_path, text)
    for host in ("127.0.0.1", "0.0.0.0") if not text else ("0.0.0.0",):  # no file is no better anywhere
        said = start_refused(tmp_path, api_keys_file=path, host=host)
        assert "Backout can't start:" in said and words in said and ALICE not in said


CHANGING = [
    ("GET", "/insert/1"),
    ("POST", "/insert"),
    ("GET", "/dpd_insert/1"),
    ("GET", "/stop/x"),
    ("POST", "/stop/x"),
    ("GET", "/delete_all"),
    ("DELETE", "/delete_all"),
    ("POST", "/v1/imports"),
    ("POST", "/v1/imports/x/stop"),
]


def test_a_foreign_page_changes_nothing(stack: Stack) -> None:
    stack.get("/dpd_insert/3")
    for verb, path in CHANGING:
        for site in ("cross-site", "same-site", "nonsense", "CROSS-SITE", "none, cross-site", ""):
            answer = stack.http.request(verb, stack.url + path, headers={"Sec-Fetch-Site": site}, timeout=patience())
            document = check_problem(answer, 403, "cross-site")
            assert "nothing was done" in document["detail"]
    # the same endpoints by other spellings of their paths
    for path in (b"//insert/1", b"/%69nsert/1", b"/insert%2f1", b"http://localhost/insert/1", b"/insert/1?x=/status"):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"
        assert send_raw(stack, request).status_code in (403, 404), path
    request = b"GET /insert/1 HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n\r\n"
    assert send_raw(stack, request).status_code in (400, 403)
    assert stack.count() == 3 and len(stack.get("/v1/imports").json()["imports"]) == 1
    # reading is no harm: a browser shows the answer to its own user only
    for path in ("/", "/status/x", "/get_data/count", "/v1/imports", "/livez"):
        answer = stack.get(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code in (200, 404) and "Access-Control-Allow-Origin" not in answer.headers
    for services in ("same-origin", "none"):
        assert stack.get("/insert/1", headers={"Sec-Fetch-Site": services}).status_code == 200
        assert stack.send(file_of(line(order_number=services)), headers={"Sec-Fetch-Site": services}).status_code == 202


def test_without_keys_only_this_machines_names_are_answered(stack: Stack) -> None:
    """A name that a foreign page's owner points at 127.0.0.1 must not do."""
    port = str(stack.port)
    for host in ("localhost", f"localhost:{port}", "127.0.0.1", "[::1]", f"[::1]:{port}", "LOCALHOST"):
        assert stack.get("/livez", headers={"Host": host}).status_code == 200, host
    foreign = ["example.com", "localhost.example.com", "localhost@example.com", "127.0.0.1.nip.io", "127.0.0.2", "x y"]
    for host in foreign:
        for ask, path in ((stack.get, "/v1/imports"), (stack.get, "/insert/1"), (stack.post, "/v1/imports")):
            document = check_problem(ask(path, headers={"Host": host}), 400, "unknown-host")
            assert host in document["detail"]
    two = b"GET /v1/imports HTTP/1.1\r\nHost: localhost\r\nHost: example.com\r\n\r\n"
    assert send_raw(stack, two).status_code == 400
    for name in ("X-Forwarded-Host", "Forwarded", "X-Forwarded-For"):
        assert stack.get("/v1/imports", headers={name: "host=example.com"}).status_code == 200
    assert stack.get("/v1/imports").json()["imports"] == []


def test_a_request_has_a_name_that_is_fit_for_a_log(stack: Stack) -> None:
    for sane in ("abc", "night-7_run.3", "f" * 64, "0b2f6c1e-6d1b-4a53-8f0e-0f8a7a7e1c55"):
        answer = stack.get("/v1/imports/x", headers={"X-Request-ID": sane})
        assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == sane
    made = set()
    for hostile in ("", "a b", "f" * 65, '"}{', "<script>", "\xe9", "a,b", "a;b", "../x", "%0a"):
        answer = stack.get("/v1/imports/x", headers={"X-Request-ID": hostile.encode("latin-1")})
        made.add(answer.headers["X-Request-ID"])
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"] != hostile
    assert len(made) == 10 and all(len(id) == 32 and id.isalnum() for id in made)


def test_the_log_is_json_with_the_ids_of_request_and_import(stack: Stack) -> None:
    start = stack.log("web").stat().st_size
    accepted = stack.send(file_of(line()), headers={"X-Request-ID": "upload-1"}).json()["id"]
    stack.wait_state(accepted)
    stack.post(f"/v1/imports/{accepted}/stop", headers={"X-Request-ID": "late"})
    inline = stack.get("/dpd_insert/5", headers={"X-Request-ID": "inline-1"}).json()["task_id"]
    forged = '/v1/imports/x%0a{"event":"forged"}'
    stack.get(forged, headers={"X-Request-ID": "forger"})
    send_raw(stack, raw_post("Content-Length: 9", "X-Request-ID: cut"), b"1")
    stack.get("/livez")
    with stack.log("web").open("rb") as file:
        file.seek(start)
        entries: list[dict[str, Any]] = [json.loads(text) for text in file.read().decode().splitlines()]

    def find(request: str, event: str) -> dict[str, Any]:
        (entry,) = [each for each in entries if each.get("request_id") == request and each["event"] == event]
        assert entry["level"] == "info" and entry["timestamp"].endswith("Z") and entry["logger"].startswith("app.")
        return entry

    assert find("upload-1", "accepted")["import_id"] == accepted
    answered = find("upload-1", "answered")
    assert (answered["method"], answered["path"], answered["status"]) == ("POST", "/v1/imports", 202)
    assert answered["milliseconds"] > 0
    assert find("late", "answered")["status"] == 409
    for event in ("accepted", "attempt_started", "committed"):
        assert find("inline-1", event)["import_id"] == inline
    assert find("forger", "answered")["path"].endswith('x\n{"event":"forged"}')
    assert find("cut", "answered")["status"] == 400
    assert not [entry for entry in entries if entry["event"] == "forged" or entry.get("path") == "/livez"]
    assert "import_id" not in find("forger", "answered")  # nothing sticks to a thread from an earlier request
