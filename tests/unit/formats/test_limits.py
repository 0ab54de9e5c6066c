"""Limits of a record and a header, and files made to be slow."""

import gzip
import json
import time
from pathlib import Path

import pytest

from app.formats.streams import blocks
from tests.unit.formats.orders import GOOD, HEADER, OBJECT, changed, error_of, head_error
from tests.waiting import patience


@pytest.mark.slow
def test_a_huge_header(tmp_path: Path) -> None:
    for header in ("x" * 3_000_000, '"' + "x\n" * 1_000_000, "a," * 1_000_000):
        assert error_of(tmp_path, header)["code"] == "header_too_long"
        assert head_error(tmp_path, header)["code"] == "header_too_long"
    assert error_of(tmp_path, ",".join(f"c{n}" for n in range(100_000)))["code"] == "too_many_columns"


def test_a_quote_that_never_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = "\n".join([HEADER, GOOD, changed("customer", '"Jane'), *[GOOD.replace('"', "").replace(", ", " ")] * 2000])
    error = error_of(tmp_path, data, batch_bytes=1000)
    assert (error["code"], error["line"], error["row"]) == ("bad_quote", 3, 2)
    monkeypatch.setattr(blocks, "RECORD_BYTES", 100_000)
    error = error_of(tmp_path, data, batch_bytes=1000)
    assert (error["code"], error["line"], error["row"]) == ("record_too_long", 3, 2)


def test_a_stray_quote_is_found_though_no_block_ends_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "RECORD_BYTES", 100_000)
    plain = GOOD.replace('"', "").replace(", ", " ")
    data = "\n".join([HEADER, plain, changed("customer", 'Ja"ne'), *[plain] * 2000, GOOD])
    assert error_of(tmp_path, data, batch_bytes=1000)["code"] == "bad_quote"


@pytest.mark.parametrize("format", ["csv", "ndjson"])
@pytest.mark.slow
def test_a_record_without_end(tmp_path: Path, format: str) -> None:
    begin = f"{HEADER}\n{GOOD}\n" if format == "csv" else json.dumps(OBJECT) + "\n"
    error = error_of(tmp_path, gzip.compress((begin + "x" * 40_000_000).encode(), 1), format, "gzip")
    assert (error["code"], error["row"]) == ("record_too_long", 2)


@pytest.mark.parametrize(
    "body",
    [
        '"\n' * 2_000_000,
        '""' * 2_000_000,
        "," * 4_000_000,
        "\n" * 4_000_000 + "x",
        ",\n" * 4_000_000 + "x",
        '\n"' + '"' * 4_000_000,
    ],
)
@pytest.mark.slow
def test_hostile_files_take_no_longer_than_others(tmp_path: Path, body: str) -> None:
    began = time.monotonic()
    error_of(tmp_path, f"{HEADER}\n{GOOD}\n{body}", batch_bytes=1 << 20)
    assert time.monotonic() - began < patience()  # seconds; quadratic, it would be hours


def test_truncated_and_damaged_gzip(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *[GOOD.replace("A-1", f"A-{n * 7919 % 10007}") for n in range(2000)]]).encode()
    whole = gzip.compress(text)
    assert error_of(tmp_path, whole[:-5], compression="gzip")["code"] == "truncated_gzip"
    assert error_of(tmp_path, whole[: len(whole) // 2], compression="gzip")["code"] == "truncated_gzip"
    assert error_of(tmp_path, whole[:1], compression="gzip")["code"] == "not_gzip"
    assert error_of(tmp_path, whole + b"xyz", compression="gzip")["code"] == "corrupt_gzip"
    assert error_of(tmp_path, whole[:-8] + bytes(8), compression="gzip")["code"] == "corrupt_gzip"
    assert error_of(tmp_path, text, compression="gzip")["code"] == "not_gzip"
    assert head_error(tmp_path, text, compression="gzip")["code"] == "not_gzip"
    assert head_error(tmp_path, whole[:12], compression="gzip")["code"] == "truncated_gzip"
