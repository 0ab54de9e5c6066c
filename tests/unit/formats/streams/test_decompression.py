"""What a file unpacks to has a limit by its own size."""

import gzip
from pathlib import Path

import pytest
from backports import zstd

from app.domain.errors import ImportFailed
from app.formats.streams import decompression
from app.formats.streams.decompression import MAX_UNPACKED_BYTES, Limited, check_ratio, open_source

PACKERS = {"gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstd.compress}


def unpack(path: Path, compression: str) -> int:
    read = 0
    with open_source(path, compression) as source:
        limited = Limited(source, MAX_UNPACKED_BYTES)
        while data := limited.read(64 * 1024):
            read += len(data)
    return read


def test_the_ratio_counts_beyond_what_every_file_may_unpack_to() -> None:
    check_ratio(1024**3, 1)
    check_ratio(250 * 10**9, 10**9)
    for unpacked, packed in ((1024**3 + 1, 1024**2), (250 * 10**9 + 1, 10**9)):
        with pytest.raises(ImportFailed) as caught:
            check_ratio(unpacked, packed)
        assert caught.value.code == "unpacked_too_large"
        assert "1,073,741,824 bytes and more than 250 times" in caught.value.reason
        assert "split it, or send it unpacked" in caught.value.reason


@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.slow
def test_a_stream_ends_at_the_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str) -> None:
    path = tmp_path / "file"
    lines = PACKERS[compression](b"\n" * 15_000_000)
    path.write_bytes(lines)
    assert unpack(path, compression) == 15_000_000  # less than every file may
    monkeypatch.setattr(decompression, "EASILY_UNPACKED_BYTES", 10_000_000)
    with pytest.raises(ImportFailed, match="250 times its own size"):
        unpack(path, compression)
    rows = b"".join(b"%d,some words and %d more of them\n" % (at, at * 7919) for at in range(350_000))
    path.write_bytes(PACKERS[compression](rows))
    assert unpack(path, compression) == len(rows) > 10_000_000
    path.write_bytes(lines)
    assert unpack(path, "none") == len(lines)
