"""Clients: they send imports, stop them, watch them, and remember what they were told."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread, local
from typing import Any

import requests

from app.domain.states import State
from tests.chaos.bodies import content_type, make_body
from tests.chaos.journal import FormatOptions, Journal
from tests.chaos.plan import Action
from tests.waiting import patience, stretched, wait_for

AT_ONCE = 32
ANSWER_SECONDS = patience()
PATIENCE_SECONDS = stretched(10)  # of who wants to stop an import whose id is not told yet
WATCH_PAUSE_SECONDS = 0.5


class Clients:
    """Many at once. Each request has an id of its own, which the ledger keeps: what became of it can be looked up even
    where its answer was lost."""

    def __init__(self, url: str, journal: Journal) -> None:
        self._url, self._journal = url, journal
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="client")
        self._mine = local()
        self._lock = Lock()
        self._ids: dict[str, str] = {}
        self._sent: dict[str, int] = {}
        self._done = Event()
        self._watcher = Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> "Clients":
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._done.set()
        self._watcher.join()

    def begin(self, action: Action) -> None:
        """Do what the plan says, beside everything else."""
        act = {"send": self._send, "stop": self._stop, "revert": self._revert}[action.kind]
        self._pool.submit(self._guarded, act, action)

    def stop_now(self, id: str) -> None:
        """Stop an import that somebody found, and return when it was answered."""
        self._ask("stop", "", "", "POST", f"/v1/imports/{id}/stop", about=id)

    def finish(self) -> None:
        """Wait for the answers to all that was begun."""
        self._pool.shutdown()

    def _guarded(self, act: Any, action: Action) -> None:
        try:
            act(action.values)
        except Exception as error:  # noqa: BLE001 — shown with the verdict: a client of ours must not die in silence
            self._journal.broken.append(f"{action}: {error!r}")

    def _send(self, values: dict[str, Any]) -> None:
        name = values["name"]
        with self._lock:
            self._sent[name] = self._sent.get(name, 0) + 1
            request_id = f"{name}.{self._sent[name]}"
        headers = {"X-Request-ID": request_id}
        if values["key"]:
            headers["Idempotency-Key"] = values["key"]
        match values["form"]:
            case "generated":
                body = {"generate": values["rows"], "seed": values["orders"]}
                self._ask("send", name, request_id, "POST", "/v1/imports", headers=headers, json=body)
            case "classic":
                self._ask("send", name, request_id, "GET", f"/insert/{values['rows']}", headers=headers)
            case "waited-for":
                self._ask("wait", name, request_id, "GET", f"/dpd_insert/{values['rows']}", headers=headers)
            case _:
                headers["Content-Type"] = content_type(values)
                headers.setdefault("Idempotency-Key", request_id)  # the same orders at once, and meant
                self._ask("send", name, request_id, "POST", "/v1/imports", headers=headers, data=make_body(values))

    def _stop(self, values: dict[str, Any]) -> None:
        try:
            id = wait_for(lambda: self._ids.get(values["name"]), seconds=PATIENCE_SECONDS)
        except AssertionError:
            self._journal.note("stop", values, "passed over: no id was told")
            return
        method = "POST" if values["route"].startswith("/v1") else "GET"
        self._ask("stop", values["name"], "", method, values["route"].format(id=id), about=id)

    def _revert(self, values: dict[str, Any]) -> None:
        """Ask until the import has committed, as a person does who looks at it."""
        try:
            id = wait_for(lambda: self._ids.get(values["of"]), seconds=PATIENCE_SECONDS)
            wait_for(lambda: State.COMMITTED in self._journal.states.get(id, ()), seconds=PATIENCE_SECONDS)
        except AssertionError:
            self._journal.note("revert", values, "passed over: it has not committed")
            return
        name, path = values["name"], f"/v1/imports/{id}/revert"
        self._ask("revert", name, name, "POST", path, headers={"X-Request-ID": name}, json={"reason": "a wrong file"})

    def _ask(
        self,
        asked: str,
        name: str,
        request_id: str,
        method: str,
        path: str,
        *,
        about: str | None = None,
        **options: Any,
    ) -> None:
        if about is not None:
            self._journal.asked_to_stop.add(about)
        try:
            answer = self._http.request(method, self._url + path, timeout=ANSWER_SECONDS, **options)
        except requests.RequestException as error:
            self._tell(asked, name, request_id, None, about, None, type(error).__name__, str(error)[:200])
            return
        told = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
        id = told.get("id") or told.get("task_id") or told.get("import_id") or about
        state = told.get("state")
        self._tell(
            asked, name, request_id, answer.status_code, id, state, told.get("type", ""), str(told.get("detail", ""))
        )
        if asked != "stop" and answer.ok and id:
            with self._lock:
                self._ids[name] = id

    def _tell(self, asked: str, name: str, request_id: str, *rest: Any) -> None:
        self._journal.tell(FormatOptions(self._journal.now(), asked, name, request_id, *rest))

    def _watch(self) -> None:
        """What a page that shows the imports is told, again and again."""
        with requests.Session() as http:
            while not self._done.wait(WATCH_PAUSE_SECONDS):
                try:
                    answer = http.get(f"{self._url}/v1/imports?limit=200", timeout=ANSWER_SECONDS)
                except requests.RequestException:
                    continue
                if answer.ok:
                    for row in answer.json()["imports"]:
                        self._journal.see(row["id"], row["state"])

    @property
    def _http(self) -> requests.Session:
        session: requests.Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = self._mine.session = requests.Session()
        return session
