"""Requests: for each operation that `/openapi.json` describes, good ones and what becomes of them; one seed, one row
of them."""

import gzip
import json
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from tests.contract import described_app
from tests.fuzz.files import draw_file
from tests.fuzz.nonsense import as_bytes, damage, draw_header, draw_text, quoted, spoil_json, write_json
from tests.fuzz.sending import Answer

METHODS = ("GET", "POST", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "get", "é", "GET " * 9)
STREAMS = "/events"
DEFINITION: dict[str, Any] = {
    "name": "things",
    "columns": [
        {"name": "sku", "type": "text", "length": 64, "controls": "none", "empty": False},
        {"name": "price", "type": "decimal", "precision": 10, "scale": 2, "signed": True},
        {"name": "amount", "type": "integer", "minimum": -5, "maximum": 2**63 - 1, "nullable": True, "default": "1"},
        {"name": "kind", "type": "enum", "choices": ["a", "b"], "nullable": True},
        {"name": "born", "type": "date", "formats": ["%d.%m.%Y"], "nullable": True},
        {"name": "seen", "type": "datetime", "scale": 3, "zone": "Europe/Berlin", "offsets": False, "nullable": True},
        {"name": "mail", "type": "email", "length": 100, "nullable": True},
        {"name": "currency", "type": "currency", "nullable": True},
        {"name": "tame", "type": "boolean", "nullable": True},
    ],
    "key": ["sku"],
}
ORDER = {
    "marketplace": "shop",
    "order_number": "F-1",
    "customer": "Jo Doe",
    "email": "jo@example.com",
    "ship_to": "1 Main St",
    "sku": "SKU-1",
    "quantity": 1,
    "unit_price": "12.50",
    "currency": "EUR",
    "status": "paid",
    "ordered_at": "2026-01-31 23:59:59",
}
BODIES: dict[str, list[Any]] = {
    "accept_import": [{"dataset": "orders", "generate": 3, "seed": "abc", "priority": 1}],
    "create_dataset": [DEFINITION, {"name": "foreign", "adopt": True}],
    "accept_order": [ORDER],
    "accept_handling": [
        {"orders": ["1-1", "2-1"], "mode": "ordered", "concurrency": 1, "pipeline": ["label"], "priority": 0},
        {"filter": {"import": "x", "status": "paid", "marketplace": "shop", "search": "Jo"}, "mode": "parallel"},
    ],
    "retry_handling": [{"pending": True}],
}


@cache
def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of everything that is described."""
    paths = described_app()[1]["paths"]
    return [(method.upper(), path, one) for path, each in paths.items() for method, one in each.items()]


@cache
def weights() -> list[int]:
    """How often each of them is drawn: those with a body, or with rows to choose from, have more to go wrong."""
    return [8 if "requestBody" in one else 4 if len(one.get("parameters", [])) > 2 else 1 for _, _, one in operations()]


@dataclass
class Known:
    """What there is to name in a request."""

    ids: deque[str] = field(default_factory=lambda: deque(["00000000-0000-4000-8000-000000000000"], 40))
    datasets: deque[str] = field(default_factory=lambda: deque(["orders", "orders", "foreign"], 30))
    columns: dict[str, list[str]] = field(default_factory=dict)
    addresses: deque[str] = field(default_factory=lambda: deque(["/"], 40))  # of pages that follow


class Requests:
    """Draws one request after another. What was answered is told to it, and makes the next ones better."""

    def __init__(self, seed: str, keys: tuple[str, ...] = ()) -> None:
        self._random = Random(seed)
        self._keys = keys
        self._made = 0
        self._next: deque[bytes] = deque()
        self._file: tuple[bytes, dict[str, str]] = (b"", {})
        self.known = Known()

    def draw(self) -> bytes:
        """The next request."""
        random = self._random
        if self._next:
            return self._next.popleft()
        if random.random() < 0.08:
            return self._get(random.choice(self.known.addresses))
        [(method, path, operation)] = random.choices(operations(), weights())
        if STREAMS in path and random.random() < 0.7:
            return self.draw()  # each lasts a second
        self._file = (b"", {})
        headers: list[tuple[str, bytes]] = [("Host", b"localhost")]
        body = b""
        if "requestBody" in operation and random.random() < 0.97:
            kind, body = self._body(operation)
            headers.append(("Content-Type", kind))
        address = self._fill(path) + self._query(operation)
        if random.random() < 0.03:
            method = random.choice(METHODS)
        return self._write(method, address, headers, body)

    def learn(self, request: bytes, answer: Answer) -> None:
        """Take from an answer what there is to be asked for; send back what was proposed."""
        document = answer.document()
        if not isinstance(document, dict) or answer.status >= 300:
            return
        if isinstance(document.get("id"), str):
            self.known.ids.append(document["id"])
        if answer.status == 202 and request.startswith(b"POST /v1/imports?") and self._random.random() < 0.3:
            this = f"/v1/imports/{document['id']}"
            page = self._write("GET", this.removeprefix("/v1"), [("Host", b"localhost"), ("Accept", b"text/html")], b"")
            self._next.extend([page, self._get(f"{this}/rejects?format=csv"), self._get(f"{this}/rejects")])
            self.known.addresses.append(f"{this}/rejects?format=csv")
        if isinstance(document.get("next"), str):
            self.known.addresses.append(document["next"])
        if isinstance(document.get("columns"), list) and isinstance(document.get("name"), str):
            self.known.columns[document["name"]] = [each["name"] for each in document["columns"]]
            if request.startswith(b"POST /v1/datasets "):
                self.known.datasets.append(document["name"])
        if isinstance(document.get("definition"), dict) and b"/v1/previews" in request[:40]:
            self._send_back(document)

    def _send_back(self, preview: dict[str, Any]) -> None:
        """Create the dataset that was proposed, import the same file into it, and look at the rows."""
        self._made += 1
        name = f"proposed_{self._made}"
        definition = {**preview["definition"], "name": name}
        columns = [each["name"] for each in definition["columns"]]
        file, said = self._file
        options = {**said, **{key: value for key, value in preview["file_format"].items() if isinstance(value, str)}}
        options = {"dataset": name, **{key: value for key, value in options.items() if value and key != "compression"}}
        if preview["file_format"].get("columns") is not None:
            options["columns"] = json.dumps(preview["file_format"]["columns"], ensure_ascii=False)
        address = "/v1/imports?" + "&".join(f"{quoted(key)}={quoted(text)}" for key, text in options.items())
        as_json, local = [("Content-Type", b"application/json")], [("Host", b"localhost")]
        body = json.dumps(definition).encode()
        self._next.append(self._write("POST", "/v1/datasets", local + as_json, body, good=True))
        self._next.append(self._write("POST", address, [*local, ("Content-Type", b"")], file, good=True))
        rows = f"/v1/datasets/{name}/rows"
        for column in self._random.sample(columns, min(3, len(columns))):
            text = quoted(draw_text(self._random))
            self._next.append(self._get(f"{rows}?limit=1&sort={quoted(column)}&filter%5B{quoted(column)}%5D={text}"))
        self._next.append(self._get(f"{rows}?format=csv"))

    def _get(self, address: str) -> bytes:
        return self._write("GET", address, [("Host", b"localhost")], b"", good=self._random.random() < 0.7)

    def _fill(self, path: str) -> str:
        """The path with its parameters; now and then with others."""
        random = self._random
        while "{" in path:
            before, _, rest = path.partition("{")
            name, _, after = rest.partition("}")
            turn = random.random()
            if turn < 0.25:
                value = quoted(draw_text(random))
            elif "dataset" in before or "/rows" in before:
                value = quoted(random.choice(self.known.datasets))
            elif name == "order_id":
                value = random.choice(["1-1", "2-1", "3-2", "4294967295-1"])
            elif name == "rows":
                value = str(random.choice([1, 2, 3]))
            else:
                value = random.choice(self.known.ids)
            path = before + value + after
        return path

    def _query(self, operation: dict[str, Any]) -> str:
        random = self._random
        parts: list[tuple[str, str]] = []
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and random.random() < 0.25:
                parts.append((parameter["name"], self._value(parameter)))
        said = [name for name, _ in parts]
        parts += [(name, text) for name, text in self._file[1].items() if name not in said and random.random() < 0.9]
        if operation["operationId"] == "preview_file" and random.random() < 0.5:
            parts = [(name, text) for name, text in parts if name != "infer"] + [("infer", "true")]
        if random.random() < 0.06:
            parts.append((draw_text(random), draw_text(random)))
        if parts and random.random() < 0.05:
            parts.append(random.choice(parts))
        written = "&".join(f"{self._name(name)}={quoted(text)}" for name, text in parts)
        return f"?{written}" if written else ""

    def _name(self, name: str) -> str:
        if name != "filter":
            return quoted(name)
        return quoted(f"filter[{self._column()}]")

    def _column(self) -> str:
        known = self.known.columns.get(self._random.choice(self.known.datasets)) or list(ORDER)
        return draw_text(self._random) if self._random.random() < 0.1 else self._random.choice(known)

    def _value(self, parameter: dict[str, Any]) -> str:
        random, schema = self._random, parameter.get("schema", {})
        if random.random() < 0.4:
            return draw_text(random)
        good = [*schema.get("enum", []), *schema.get("examples", [])]
        good += [value for value in (parameter.get("example"), schema.get("default")) if value is not None]
        good += [schema[bound] for bound in ("minimum", "maximum") if bound in schema]
        if parameter["name"] in ("sort", "null", "column"):
            good += ["-" * random.randrange(2) + self._column()]
        if parameter["name"] in ("dataset", "confirm", "name"):
            good += [random.choice(self.known.datasets)]
        if parameter["name"] == "import":
            good += [random.choice(self.known.ids)]
        return str(random.choice(good)) if good else draw_text(random)

    def _body(self, operation: dict[str, Any]) -> tuple[bytes, bytes]:
        """Its media type and the body."""
        random = self._random
        media = random.choice(list(operation["requestBody"]["content"]))
        if media == "application/json" or (operation["operationId"] in BODIES and random.random() < 0.2):
            value = random.choice(BODIES.get(operation["operationId"], [{}]))
            value = json.loads(json.dumps(value))
            if value.get("name") == "things":
                self._made += 1
                value["name"] = f"things_{self._made}"
            for _ in range(random.choice([0, 1, 1, 1, 2])):
                value = spoil_json(value, random)
            return b"application/json", write_json(value, random)
        if media == "application/x-www-form-urlencoded":
            key = random.choice([*self._keys, draw_text(random)])
            fields = {"key": key, "next": draw_text(random)}
            return media.encode(), "&".join(f"{name}={quoted(text)}" for name, text in fields.items()).encode()
        file, options = draw_file(random)
        self._file = (file, options)
        if media == "multipart/form-data":
            return self._form(operation, file, options)
        return (media.encode() if random.random() < 0.7 else b""), file

    def _form(self, operation: dict[str, Any], file: bytes, options: dict[str, str]) -> tuple[bytes, bytes]:
        random = self._random
        fields = {**options}
        known = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        for name in random.sample(sorted(set(known) - {"file"}), random.choice([0, 1, 2])):
            fields[name] = self._value({"name": name, "schema": known[name]})
        name = random.choice(["a.csv", "a.xlsx", draw_text(random)])
        parts = [(f'name="file"; filename="{name}"', file)]
        parts += [(f'name="{key}"', as_bytes(text)) for key, text in fields.items()]
        random.shuffle(parts)
        parts += parts[:1] * random.choice([0, 0, 0, 0, 1, 30])
        body = b"".join(
            b"--XX\r\nContent-Disposition: form-data; " + as_bytes(head) + b"\r\n\r\n" + data + b"\r\n"
            for head, data in parts
        )
        body += b"--XX--\r\n"
        return b"multipart/form-data; boundary=XX", damage(body, random) if random.random() < 0.2 else body

    def _write(
        self, method: str, address: str, headers: list[tuple[str, bytes]], body: bytes, *, good: bool = False
    ) -> bytes:
        """The request's bytes; one that is not `good` may get more headers, another framing or damage."""
        random = self._random
        headers = [*headers, ("Connection", b"close")]
        if self._keys and random.random() < 0.8:
            headers.append(("X-API-Key", random.choice(self._keys).encode()))
        if not good and random.random() < 0.1:
            body = gzip.compress(body, mtime=0)
        for _ in range(0 if good else random.choice([0, 0, 0, 1, 1, 2])):
            headers.append(draw_header(random))
        if body and not good and random.random() < 0.1:
            headers.append(("Transfer-Encoding", b"chunked"))
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif body or method == "POST":
            headers.append(("Content-Length", b"%d" % len(body)))
        head = as_bytes(f"{method} {address} HTTP/1.1\r\n")
        head += b"".join(as_bytes(name) + b": " + value + b"\r\n" for name, value in headers)
        if not good and random.random() < 0.06:
            head = damage(head, random)
        return head + b"\r\n" + body
