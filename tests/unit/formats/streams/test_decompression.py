"""What a file unpacks to has a limit by its own size."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from backports import zstd

from app.domain.errors import ImportFailed
from app.formats.streams import decompression
from app.formats.streams.decompression import MAX_UNPACKED_BYTES, Limited, check_ratio, open_source


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


PACKERS = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstd.compress,
    "zip": lambda data: zip_of({"o.csv": data}),
}


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


def unzip(tmp_path: Path, data: bytes) -> bytes:
    path = tmp_path / "o.zip"
    path.write_bytes(data)
    parts = []
    with open_source(path, "zip") as source:
        while part := source.read(1000):
            assert len(part) <= 1000
            parts.append(part)
        assert source.position <= len(data)
    return b"".join(parts)


ROWS = b"".join(b"%d,%d\n" % (at, at * 7919) for at in range(20_000))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_with_one_file_is_its_content(tmp_path: Path, method: int) -> None:
    assert unzip(tmp_path, zip_of({"o.csv": ROWS}, method)) == ROWS
    assert unzip(tmp_path, b"before" + zip_of({"o.csv": ROWS}, method)) == ROWS
    beside = {"a/": b"", "__MACOSX/._o.csv": b"x", "a/.DS_Store": b"y", "a/o.csv": ROWS}
    assert unzip(tmp_path, zip_of(beside, method)) == ROWS
    assert unzip(tmp_path, zip_of({"o.csv": b""}, method)) == b""


class Unseekable(io.BytesIO):
    """To which sizes are written behind the content, as a program does that writes into a pipe."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError


def test_an_archive_whose_sizes_stand_behind(tmp_path: Path) -> None:
    out = Unseekable()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("o.csv", "w", force_zip64=True) as file,
    ):
        file.write(ROWS)
    assert unzip(tmp_path, out.getvalue()) == ROWS


def changed(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


ZIPPED = zip_of({"o.csv": ROWS})
DIRECTORY = ZIPPED.index(b"PK\x01\x02")


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (zip_of({"a.csv": b"1", "b.csv": b"2"}), "several_files", "2 files: a.csv, b.csv"),
        (zip_of({f"{at}": b"" for at in range(9)}), "several_files", "0, 1, 2, 3, 4, …"),
        (zip_of({}), "no_file", "no file"),
        (zip_of({"a/": b"", "Thumbs.db": b"x"}), "no_file", "no file"),
        (zip_of({"a": ROWS}, zipfile.ZIP_BZIP2), "corrupt_zip", "Deflate"),
        (zip_of({"a": ROWS}, zipfile.ZIP_LZMA), "corrupt_zip", "Deflate"),
        (ZIPPED[:-30], "truncated_zip", "cut off"),
        (ZIPPED[:1000], "truncated_zip", "stream=1"),
        (ZIPPED[5000:], "corrupt_zip", "damaged"),
        (changed(ZIPPED, DIRECTORY + 8, b"\x01"), "encrypted_zip", "password"),
        (changed(ZIPPED, DIRECTORY + 16, b"abcd"), "corrupt_zip", "disagree"),
        (changed(ZIPPED, DIRECTORY + 24, b"\x05\0\0\0"), "corrupt_zip", "more than"),
        (changed(ZIPPED, DIRECTORY + 24, b"\xff\xff\xff\x7f"), "corrupt_zip", "disagree"),
        (changed(ZIPPED, DIRECTORY + 20, b"\x05\0\0\0"), "corrupt_zip", "disagree"),
        (changed(ZIPPED, DIRECTORY + 42, b"\x05\0\0\0"), "corrupt_zip", "no entry"),
        (changed(ZIPPED, DIRECTORY + 42, b"\xff\xff\xff\x0f"), "corrupt_zip", "beyond"),
        (changed(ZIPPED, 2000, b"\0" * 400), "corrupt_zip", "damaged"),
        (changed(ZIPPED, len(ZIPPED) - 10, b"\xfe\xff\xff\x7f"), "several_files", "thousands"),
    ],
)
def test_archives_that_are_not_read(tmp_path: Path, data: bytes, code: str, words: str) -> None:
    with pytest.raises(ImportFailed) as caught:
        unzip(tmp_path, data)
    assert caught.value.code == code and words in caught.value.reason


def test_a_bomb_in_an_archive_ends_at_the_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "o.zip"
    path.write_bytes(zip_of({"o.csv": b"\n" * 30_000_000}))
    monkeypatch.setattr(decompression, "EASILY_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(ImportFailed, match="250 times its own size"):
        unpack(path, "zip")
