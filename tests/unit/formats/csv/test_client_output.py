"""What database clients print around rows: which lines count as such, and which may be rows."""

import random

import pytest

from app.formats.csv.client_output import TAIL_BYTES, FooterFilter, find_footer, is_dashes


class Pieces:
    """A stream that comes in pieces of its own."""

    position = 0

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def read(stream: FooterFilter) -> bytes:
    parts = []
    while data := stream.read(1 << 16):
        parts.append(data)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("(3 rows)", 3),
        ("(1 row)", 1),
        ("(2 Zeilen)", 2),
        ("(3 rows affected)", 3),
        ("(1 row affected)", 1),
        ("(3 row(s) affected)", 3),
        ("3 rows selected.", 3),
        ("1 row selected.", 1),
        ("3 rows selected (0.123 seconds)", 3),
        ("2 rows in set (0.00 sec)", 2),
        ("  5 record(s) selected.", 5),
        ('"2","record(s) downloaded,"," from ","shop"', None),
    ],
)
def test_row_counts_are_found(line: str, told: int | None) -> None:
    for end in ("", "\n", "\r\n\r\n"):
        found = find_footer(f"a,b\n1,2\n{line}{end}".encode())
        assert (found.lines, found.told) == ((line,), told)
        assert found.size == len(line + end)


@pytest.mark.parametrize(
    "line",
    ["(3 rows) ", " (3 rows)", "(x rows)", "3 rows", "(3 rows).", "Total: (3 rows)", "(3 rows)\nx", "rows selected."],
)
def test_other_lines_are_none(line: str) -> None:
    assert find_footer(f"a,b\n1,2\n{line}\n".encode()).lines == ()


def test_the_lines_after_a_row_count_belong_to_it() -> None:
    for after in ("Completion time: 2026-01-31T23:59:59.1234567+01:00", '"Seller ID : shop"'):
        found = find_footer(f"a,b\n1,2\n\n(1 row affected)\n\n{after}\n".encode())
        assert found.lines == ("(1 row affected)", after) and found.told == 1
    assert find_footer(b"a,b\n1,2\nCompletion time: 2026-01-31T23:59:59\n").lines == ()


@pytest.mark.parametrize("text", [b"", b"x", b"a,b\n1,2\n", b"a,b\n" + b"1,2\n" * 50_000])
@pytest.mark.parametrize("footer", [b"", b"(2 rows)\n\n"])
def test_a_stream_loses_its_footer_alone_however_it_comes(text: bytes, footer: bytes) -> None:
    random.seed(7)
    whole = text + footer
    for size in (1, 7, TAIL_BYTES - 1, TAIL_BYTES, 70_000, len(whole) or 1):
        if len(whole) // size > 5000:
            continue
        stream = FooterFilter(Pieces(*(whole[at : at + size] for at in range(0, len(whole), size))))
        ends_a_line = text.endswith(b"\n")
        assert read(stream) == (text if ends_a_line else whole)
        assert bool(stream.footer.lines) == bool(footer and ends_a_line)


@pytest.mark.parametrize(
    ("text", "names", "delimiter", "expected"),
    [
        ("----+------\n", ["id", "name"], "|", True),
        ("--,----\r\n", ["id", "name"], ",", True),
        ("--|----", ["id", "name"], "|", True),
        ("----+------\n", [" id ", " name "], "|", True),
        ("--,---\n", ["id", "name"], ",", False),  # shorter than the name
        ("--,----,--\n", ["id", "name"], ",", False),
        ("--\n", ["id", "name"], ",", False),
        ("-,-\n", ["a", "b"], ",", False),  # a dash may stand for no value
        ("-,--\n", ["a", "bc"], ",", True),
        ("--,--x-\n", ["id", "name"], ",", False),
        ("--,- --\n", ["id", "name"], ",", False),
        (",\n", ["id", "name"], ",", False),
        ("----\n", ["name"], ",", True),
    ],
)
def test_dashes_underline_every_name(text: str, names: list[str], delimiter: str, expected: bool) -> None:
    assert is_dashes(text, names, delimiter) is expected
