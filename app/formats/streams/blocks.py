"""Cuts a stream of bytes into blocks of whole records, each with the line where it begins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.errors import ImportFailed
from app.formats.streams.source import Readable

_BOMS = re.compile(b"^(?:\xef\xbb\xbf)+")
HEADER_BYTES = 1024 * 1024
RECORD_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Block:
    """Whole records. Only the file's last record may lack its line end.

    Attributes:
        data: the records' bytes; empty if there are only blank lines.
        first_line: the line in the file where the data begins, from 1.
        source_bytes: how many bytes of the file had been read.
        cut_off: a record is longer than the limit; the block ends within it, after a line end if it has one.
        last: no block follows.
        blank: how many blank lines were skipped before the data.
    """

    data: bytes
    first_line: int
    source_bytes: int
    cut_off: bool = False
    last: bool = False
    blank: int = 0


def without_boms(data: bytes) -> bytes:
    """A file's beginning without byte order marks: a program that saves a file again may add another."""
    return _BOMS.sub(b"", data, count=1)


class BlockCutter:
    """Cuts blocks. With a `quote` (one byte), a line break between two quotes does not end a record."""

    def __init__(self, source: Readable, quote: bytes = b"") -> None:
        self._source = source
        self._quote = quote
        self._line = 1
        self._kept = 0
        self._rest = without_boms(self._read(HEADER_BYTES))

    def _read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end of the file."""
        data = self._source.read(size)
        if not data or len(data) == size:
            return data
        parts, missing = [data], size - len(data)
        while missing and (data := self._source.read(missing)):
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def skip_to(self, line: int) -> bytes:
        """Skip the lines before this one, regardless of quotes, and return them. Call this first.

        Raises ImportFailed (header_too_long) if they have more than 1 MiB, empty_file if the file ends before the line.
        """
        skipped = []
        while self._line < line:
            before, ended, self._rest = self._rest.partition(b"\n")
            skipped.append(before + ended)
            if not ended:
                if len(before) < HEADER_BYTES // 2:
                    raise ImportFailed("empty_file", f"the file ends before line {line}, where its rows should begin")
                raise ImportFailed("header_too_long", f"line {self._line}, before the header, is too long")
            self._line += 1
        return b"".join(skipped)

    def peek(self) -> bytes:
        """The next line with its line end, cut off after 1 MiB. It stays in the stream."""
        while b"\n" not in self._rest and len(self._rest) < HEADER_BYTES and (more := self._read(HEADER_BYTES)):
            self._rest += more
        return self._rest[: self._rest.find(b"\n") + 1 or len(self._rest)]

    @property
    def line(self) -> int:
        """The number of the next line."""
        return self._line

    def read_unquoted(self) -> None:
        """From now on quotes are part of the values."""
        self._quote = b""

    def header(self, *, taken: bool = True) -> Block:
        """The next record without its line end. Call this before `blocks`, which skips the record if it is `taken`.

        Raises ImportFailed (empty_file, header_too_long).
        """
        data, searched, parity = self._rest, 0, 0
        while True:
            end = data.find(b"\n", searched)
            while end >= 0:
                parity ^= self._quotes(data, searched, end)
                searched = end + 1
                if not parity:
                    break
                end = data.find(b"\n", searched)
            if end >= 0 or len(data) > HEADER_BYTES:
                break
            parity ^= self._quotes(data, searched, len(data))
            searched = len(data)
            more = self._read(HEADER_BYTES)
            if not more:
                end = len(data)
                break
            data += more
        if end < 0 or end > HEADER_BYTES:
            raise ImportFailed(
                "header_too_long",
                f"the header is longer than {HEADER_BYTES} bytes, or a quote in it never closes",
                line=self._line,
            )
        self._rest = data[end + 1 :]
        record = data[:end].removesuffix(b"\r")
        if not record and not self._rest.strip(b"\r\n") and self._only_line_ends_follow():
            raise ImportFailed("empty_file", "the file is empty")
        line = self._line
        if taken:
            self._line += data.count(b"\n", 0, end + 1)
        else:
            self._rest = data
        return Block(record, line, self._source.position)

    def _quotes(self, data: bytes, start: int, end: int) -> int:
        """1 if this part of the data has an odd number of quotes, else 0."""
        return data.count(self._quote, start, end) & 1 if self._quote else 0

    def rows_follow(self, blank: bytes | None = b"", too_wide: bytes = b"") -> bool:
        """Whether the next 1 MiB contains anything but blank lines (True if it goes on after that). The arguments are
        those of `blocks`."""
        blank = blank or b""
        if self._rest.strip(b"\r\n" + blank) or not self._only_line_ends_follow(blank):
            return True
        return bool(too_wide) and too_wide in self._rest

    def _only_line_ends_follow(self, blank: bytes = b"") -> bool:
        while len(self._rest) < HEADER_BYTES:
            more = self._read(HEADER_BYTES)
            if not more:
                return True
            self._rest += more
            if more.strip(b"\r\n" + blank):
                return False
        return False

    def keep(self, size: int) -> None:
        """Let the next block begin with the last `size` bytes of this one: a quote opens there and does not close."""
        self._kept = size

    def blocks(self, size: int, blank: bytes | None = None, too_wide: bytes = b"") -> Iterator[Block]:
        """Yield blocks of about `size` bytes, without the line ends after the last record.

        Other empty lines stay. But with `blank`, lines at a block's beginning that consist of these bytes only and do
        not contain `too_wide` are skipped and counted. After each MiB of them a block without data shows how far the
        file has been read. A record beyond 16 MiB makes a block that is `cut_off`; a line beyond that ends the stream.
        """
        blank_line: int | None = None  # where the empty lines at the end of the data so far began
        passed = unreported = 0  # blank lines, and bytes not reported yet
        for data, cut_off, last in self._whole_records(size):
            first_line = self._line
            self._line += count_byte(data, b"\n")
            end = _without_blank_lines(data)
            records = data if end == len(data) else data[:end]
            if end and blank_line is not None:  # more data follows, so the empty lines are between records
                if blank is not None:
                    passed += first_line - blank_line
                else:
                    while first_line - blank_line > size:
                        yield Block(b"\n" * size, blank_line, self._source.position)
                        blank_line += size
                    records, first_line = b"\n" * (first_line - blank_line) + records, blank_line
                blank_line = None
            if blank is not None and (begin := _leading_blanks(records, blank, too_wide)):
                lines = count_byte(records[:begin], b"\n")
                records, first_line, passed = records[begin:], first_line + lines, passed + lines
            if end != len(data):
                blank_line = blank_line or first_line + count_byte(records, b"\n")
            if not records:
                unreported += len(data)
                if unreported < HEADER_BYTES:
                    continue
            yield Block(records, first_line, self._source.position, cut_off, last, passed)
            passed = unreported = 0
            if self._kept:
                self._kept += len(data) - end  # with the empty lines, which are inside quotes now
                self._line -= count_byte(data[-self._kept :], b"\n")
                blank_line = None
        if passed:
            yield Block(b"", self._line, self._source.position, last=True, blank=passed)

    def _whole_records(self, size: int) -> Iterator[tuple[bytes, bool, bool]]:
        pending: list[bytes] = []  # the beginning of a record that is not complete yet
        pending_bytes = parity = 0
        for chunk in self._chunks(size):
            # The last chunk is short, and its last record may lack the line end.
            end = self._last_record_end(chunk, parity) if len(chunk) == size else len(chunk)
            if end:
                whole = b"".join((*pending, chunk[:end]))
                yield whole, False, len(chunk) < size
                pending, pending_bytes, parity = self._take_kept(whole)
            rest = chunk[end:]
            if rest:
                pending.append(rest)
                pending_bytes += len(rest)
                parity ^= count_byte(rest, self._quote) & 1 if self._quote else 0
            if pending_bytes > RECORD_BYTES:
                data = b"".join(pending)
                end = data.rfind(b"\n") + 1
                yield data[:end] or data, True, not end
                if not end:
                    return
                # probably a quote that never closes: go on as if it were not open
                pending, pending_bytes, parity = [data[end:]], len(data) - end, 0
        if pending:
            yield b"".join(pending), False, True

    def _take_kept(self, data: bytes) -> tuple[list[bytes], int, int]:
        kept, self._kept = self._kept, 0
        return ([data[-kept:]], kept, 1) if kept else ([], 0, 0)

    def _chunks(self, size: int) -> Iterator[bytes]:
        """The rest of the stream in pieces of `size` bytes, the last one shorter."""
        ahead, self._rest = self._rest, b""
        for start in range(0, len(ahead), size):
            chunk = ahead[start : start + size]
            yield chunk if len(chunk) == size else chunk + self._read(size - len(chunk))
        while chunk := self._read(size):
            yield chunk

    def _last_record_end(self, chunk: bytes, parity: int) -> int:
        """Where the last complete record of the chunk ends; 0 if there is none. `parity` is of the quotes before the
        chunk."""
        end = chunk.rfind(b"\n") + 1
        if not end or not self._quote:
            return end
        if not (count_byte(chunk[:end], self._quote) + parity) & 1:
            return end
        # Rare: the last line break is in a quoted field. Vectorised, else a hostile file would take hours.
        import numpy as np  # noqa: PLC0415 - see count_byte

        values = np.frombuffer(chunk, np.uint8)
        line_ends = np.flatnonzero(values == ord("\n"))
        quotes_before = np.searchsorted(np.flatnonzero(values == self._quote[0]), line_ends)
        outside = line_ends[(quotes_before + parity) & 1 == 0]
        return int(outside[-1]) + 1 if len(outside) else 0


def check_length(block: Block, row: int) -> None:
    """Raises ImportFailed (record_too_long) if the block is a line beyond the limit; `row` is its number."""
    if block.cut_off and b"\n" not in block.data:
        reason = f"the line is longer than {RECORD_BYTES:,} bytes"
        raise ImportFailed("record_too_long", reason, line=block.first_line, row=row)


def count_byte(data: bytes, byte: bytes) -> int:
    """`data.count(byte)` of one byte, several times faster if there are many, and without holding the GIL."""
    # Imported here: it starts threads, and a worker forks after it imports this module.
    import numpy as np  # noqa: PLC0415

    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte[0]))


def _without_blank_lines(data: bytes) -> int:
    """The length of the data without empty lines at its end; 0 if it has no others."""
    begin = len(data.rstrip(b"\r\n"))
    ends = data[begin:]
    if ends.count(b"\r") != ends.count(b"\r\n"):  # a lone carriage return is content
        lone = _after_last_lone_return(ends)
        begin, ends = begin + lone, ends[lone:]
    if not begin:
        return 0
    return begin + (2 if ends.startswith(b"\r\n") else len(ends[:1]))


def _after_last_lone_return(ends: bytes) -> int:
    import numpy as np  # noqa: PLC0415 - see count_byte

    values = np.frombuffer(ends + b"\r", np.uint8)
    return int(np.flatnonzero((values[:-1] == ord("\r")) & (values[1:] != ord("\n")))[-1]) + 1


def _leading_blanks(records: bytes, blank: bytes, too_wide: bytes) -> int:
    """Where the first record that is not blank begins: after the lines that consist of these bytes only."""
    begin = len(records) - len(records.lstrip(b"\r\n" + blank))
    if too_wide and (wide := records.find(too_wide, 0, begin)) >= 0:
        begin = wide
    end = records.rfind(b"\n", 0, begin) + 1
    lines = records[:end]
    # a carriage return that does not end a line is content
    return end if b"\r" in blank or lines.count(b"\r") == lines.count(b"\r\n") else 0
