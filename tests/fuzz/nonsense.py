"""Nonsense: texts, numbers, JSON and damage that broken clients and attackers send, drawn from a seed."""

import json
import re
import time
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

DEEP = "@deep@"  # stands in JSON for what `write_json` makes of it

TEXTS = [
    *("", " ", "a", "0", "1", "-1", "-0", "+1", "1.5", "1e3", "1e400", "NaN", "Infinity", "0x10", "1_000", "01067"),
    *("true", "false", "null", "None", "[]", "{}", '{"a": 1}', "[null]", '"', "'", "`", "\\", "%", "%s", "%(x)s", "?"),
    *(":a", "$x", "{{7*7}}", "<img src=x onerror=alert(1)>", "'; DROP TABLE imports; --", "../../etc/passwd", "*", "-"),
    *(
        "é",
        "ß",
        "İ",
        "ｆｕｌｌ",
        "日本語",
        "👩‍👩‍👧",
        "\U0010ffff",
        "\ufffe",
        "\uffff",
        "\ufeff",
        "\u202e",
        "\u0300",
        "\x85",
        "\xa0",
    ),
    *(
        "\0",
        "a\0b",
        "\t",
        "\r\n",
        "\x1b[2J",
        "\x7f",
        "\ud800",
        "\udfff",
        "\udcff",
        "Ann\udce9e",
        "\udbff\udbff",
        "\udc80",
    ),
    *("a,b", "a;b", "a|b", "a b", ",", ",,", "=", "&", "#", "/", "//", ".", "..", "2026-01-31", "2026-01-31 23:59:59"),
    *("0001-01-01", "9999-12-31", "0000-00-00", "10000-01-01", "2026-02-30", "2026-01-31T23:59:60Z", "24:00:00"),
    *("%Y-%m-%d", "%Y-%m-%d %d", "%", "%Z%z", "(%Y", "Europe/Berlin", "../UTC", "1-1", "0-0", "4294967295-4294967295"),
    *("2147483648", "4294967296", "9223372036854775808", "18446744073709551616", "-9223372036854775809", "9" * 30),
    *("9" * 300, "9" * 3900, "a" * 70, "a" * 256, "a" * 3900, "é" * 500, "." * 300, "[" * 900, "a," * 900, "%" * 200),
    *("bnVsbA", "WyJcdWQ4MDAiXQ", "W10", "W251bGwsbnVsbF0", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiLCIxIl0", "====", "e30"),
    *("csv", "ndjson", "json", "xlsx", "parquet", "tsv", "utf-16", "idna", "rot13", "hex", "unicode_escape", "utf-7"),
    *("abort", "reject", "update", "skip", "fail", "100%", "0%", "inf%", "queued", "committed", "pending", "orders"),
]
NUMBERS = [
    0,
    -1,
    1,
    2,
    64,
    65,
    255,
    2**31,
    2**32,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    10**400,
    1.5,
    -0.0,
    1e308,
]
# A sign-in that has not run out; one time for a whole process, so that a seed stands for the same requests.
SIGNED_IN = int(time.time()) - 9
HEADERS = [
    ("Idempotency-Key", None),
    ("If-None-Match", ['W/"1"', "*", '"', 'W/"', ",,,", 'W/"1", "2"']),
    (
        "If-Modified-Since",
        ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 99999 99:99:99 GMT", "0", "Mon, 99 Foo 0 0:0:0"],
    ),
    ("If-Range", ['"1"', "Fri, 31 Dec 9999 23:59:59 +9999"]),
    (
        "Last-Event-ID",
        ["0", "1", "9" * 40, "1~*", "99999999999999999~*", "1~1.1_2.2", "1~" + "9" * 10 + "." + "9" * 20],
    ),
    ("Range", ["bytes=0-1", "bytes=-1", "bytes=5-2", "bytes=9999999999999999999999-", "lines=1", "bytes=0-0,1-1,2-2"]),
    ("Content-Encoding", ["gzip", "zstd", "br", "identity", "gzip, gzip", "x-gzip"]),
    (
        "Content-Type",
        ["", "text/csv; charset=utf-16", "application/json; charset=x", "multipart/form-data", "a/b;c", ";"],
    ),
    ("Content-Type", ['multipart/form-data; boundary="', "multipart/form-data; boundary=é", "*/*", "application/JSON"]),
    ("Content-Length", ["-1", "abc", "1e3", "9" * 40, "+5", "5, 5", "0", "1"]),
    ("Transfer-Encoding", ["chunked", "identity", "gzip", "chunked, chunked", "\x0bchunked"]),
    ("Accept", ["text/html", "text/html;q=nan", "*/*;q=-1", "application/json;q=1e9", ";", "text/html, " * 200]),
    ("Accept-Encoding", ["gzip", "*;q=0", "identity;q=0"]),
    (
        "Authorization",
        ["Bearer", "Bearer é", "Basic é", "Basic YTpi", "Basic ====", "Digest x", "Bearer \x01", "bearer x y"],
    ),
    ("X-API-Key", None),
    ("X-Request-ID", None),
    ("X-File-Name", None),
    ("X-Backout-Page", ["1", ""]),
    (
        "Host",
        [
            "localhost",
            "é",
            "[",
            "]",
            "a b",
            "localhost:99999",
            "localhost:x",
            "[::1",
            "a" * 300,
            "",
            "xn--\x7f",
            "..",
            "@",
        ],
    ),
    ("Origin", ["null", "http://localhost", "é", "://", "http://[", "http://evil.example"]),
    ("Sec-Fetch-Site", ["same-origin", "none", "cross-site", "é"]),
    ("Cookie", ["backout_session=.", "backout_session=1.é", "=;=;;", "backout_session", 'backout_session="\\377.x"']),
    ("Expect", ["100-continue", "nothing"]),
    ("Connection", ["close", "keep-alive", "upgrade", "é"]),
    ("Upgrade", ["websocket", "h2c"]),
    ("X-Forwarded-For", None),
    ("X-Forwarded-Host", None),
    ("X-Forwarded-Proto", ["https", "é"]),
    ("Forwarded", ["host=é"]),
    ("Script_Name", ["/x"]),
    ("SCRIPT-NAME", ["/x", "é"]),
]
_NODES = re.compile(rb"[0-9]+|[a-zA-Z_]+|\"[^\"]*\"|[\[\]{}:,;=\r\n-]")


def draw_text(random: Random) -> str:
    """One of the texts, or two in one."""
    text = random.choice(TEXTS)
    return text + random.choice(TEXTS)[:200] if random.random() < 0.15 else text


def as_bytes(text: str) -> bytes:
    """In UTF-8, with half a surrogate as the bytes that it would have, or as the byte that it stands for."""
    return b"".join(
        bytes([ord(each) - 0xDC00]) if "\udc80" <= each <= "\udcff" else each.encode("utf-8", "surrogatepass")
        for each in text
    )


def quoted(text: str) -> str:
    """As a part of an address."""
    return quote_from_bytes(as_bytes(text), safe="")


def draw_header(random: Random) -> tuple[str, bytes]:
    """A header and a value that it should not have, or should."""
    name, values = random.choice(HEADERS)
    text = draw_text(random) if values is None or random.random() < 0.3 else random.choice(values)
    value = text.encode("latin-1", "ignore") if random.random() < 0.4 else as_bytes(text)
    if name == "Cookie" and random.random() < 0.6:
        value = b"backout_session=%d." % SIGNED_IN + value.partition(b"=")[2]
    return name, value if random.random() < 0.1 else value.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")


def draw_json(random: Random) -> Any:
    """A value of any kind."""
    kind = random.randrange(9)
    if kind < 3:
        return draw_text(random)
    if kind < 5:
        return random.choice(NUMBERS)
    return random.choice([None, True, False, [], {}, [[]], {"a": {}}, [1, "a", None], float("nan"), float("inf"), DEEP])


def spoil_json(value: Any, random: Random) -> Any:
    """The value with one of its parts replaced, left out, doubled or added."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = random.choice(list(value))
        turn = random.random()
        if turn < 0.1:
            return {key: part for key, part in value.items() if key != name}
        if turn < 0.2:
            return {**value, draw_text(random): draw_json(random)}
        if turn < 0.25:
            return {draw_text(random) if key == name else key: part for key, part in value.items()}
        return {**value, name: spoil_json(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.85:
        at = random.randrange(len(value))
        if random.random() < 0.15:
            return value + [value[at]] * random.choice([1, 1, 30, 1100])
        return [spoil_json(part, random) if place == at else part for place, part in enumerate(value)]
    return draw_json(random)


def write_json(value: Any, random: Random) -> bytes:
    """The value as JSON; at times in another encoding, with raw bytes, with keys twice or numbers of many digits."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.6)
    while json.dumps(DEEP) in text:
        depth = random.choice([30, 101, 300, 480, 500, 700, 850, 930, 960, 980, 1001, 5000])
        opening, closing = random.choice([("[", "]"), ('{"a":', "}")])
        text = text.replace(json.dumps(DEEP), opening * depth + "1" * (closing == "}") + closing * depth, 1)
    turn = random.random()
    if turn < 0.03:
        text = text.replace("{", '{"name": 1, "orders": [], ', 1)
    elif turn < 0.06:
        return text.encode("utf-16" if turn < 0.045 else "utf-32", "replace")
    elif turn < 0.08:
        text = "\ufeff" + text
    elif turn < 0.1:
        text = text.replace("1", "1" * random.choice([400, 5000]), 1)
    return as_bytes(text)


def damage(data: bytes, random: Random) -> bytes:
    """The bytes with a few of them replaced, doubled, left out or put elsewhere."""
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        nodes = list(_NODES.finditer(data[:4000])) or [re.match(b"", data)]
        node = random.choice(nodes)
        assert node is not None
        start, end = node.span()
        put = random.choice(
            [
                b"",
                data[start:end] * random.choice([2, 2, 50]),
                as_bytes(draw_text(random)),
                bytes([random.randrange(256)]),
                data[start:end].swapcase(),
                b"\r\n",
            ]
        )
        data = data[:start] + put + data[end:]
    return data[: random.randrange(len(data) + 1)] if random.random() < 0.05 else data
