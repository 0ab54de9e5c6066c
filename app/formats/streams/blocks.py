"""A stream of bytes cut into blocks of whole records, each with the line it begins on."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.errors import ImportFailed
from app.formats.streams.source import Readable

BOM = b"\xef\xbb\xbf"
HEADER_BYTES = 1024 * 1024
RECORD_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Block:
    """Whole records. Only the file's last record may lack its line end.

    `cut_off` marks a record that is longer than is read: the block ends somewhere in it, behind a line end if it has
    one. Nothing follows a block that is the `last`. `source_bytes` is how far the file had been read. `blank` lines
    were passed over before the data, which is empty where nothing else was read.
    """

    data: bytes
    first_line: int
    source_bytes: int
    cut_off: bool = False
    last: bool = False
    blank: int = 0


class BlockCutter:
    """Cuts blocks. With a `quote` (one byte), a line break between two of them does not end a record."""

    def __init__(self, source: Readable, quote: bytes = b"") -> None:
        self._source = source
        self._quote = quote
        self._line = 1
        self._kept = 0
        self._rest = self._read(HEADER_BYTES).removeprefix(BOM)

    def _read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the file."""
        data = self._source.read(size)
        if not data or len(data) == size:
            return data
        parts, missing = [data], size - len(data)
        while missing and (data := self._source.read(missing)):
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def skip_to(self, line: int) -> bytes:
        """Leave out the lines before this one, whatever quotes they hold, and return them; to be called first.

        Raises ImportFailed (header_too_long) where they are more than 1 MiB.
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

    def header(self, *, taken: bool = True) -> Block:
        """The next record without its line end; to be called before `blocks`, which begin with it unless it is `taken`.

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
        """Whether an odd number of quotes stands there."""
        return data.count(self._quote, start, end) & 1 if self._quote else 0

    def rows_follow(self, blank: bytes | None = b"", too_wide: bytes = b"") -> bool:
        """Whether anything but blank lines comes next, as far as the next 1 MiB tell (True if they don't); the
        arguments are those of `blocks`."""
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
        """Let the next block begin with the last `size` bytes of this one: a quote opens there that does not close. It
        takes a quote in the wrong place, before them, to cut a record."""
        self._kept = size

    def blocks(self, size: int, blank: bytes | None = None, too_wide: bytes = b"") -> Iterator[Block]:
        """Blocks of about `size` bytes. Line ends after the last record are dropped.

        Elsewhere an empty line stays; but with `blank`, lines at a block's beginning that hold nothing else than these
        bytes, and not `too_wide`, are passed over and counted. Where there is much of them, a block without data says
        how far the file has been read. A record beyond 16 MiB makes a block that is `cut_off`; a line beyond that is
        the last one.
        """
        blank_line: int | None = None  # where the empty lines began that end all that was read so far
        passed = unsaid = 0  # blank lines, and bytes of them
        for data, cut_off, last in self._whole_records(size):
            first_line = self._line
            self._line += count_byte(data, b"\n")
            end = _without_blank_lines(data)
            records = data if end == len(data) else data[:end]
            if end and blank_line is not None:  # something follows, so the empty lines stand between records
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
                unsaid += len(data)
                if unsaid < HEADER_BYTES:
                    continue
            yield Block(records, first_line, self._source.position, cut_off, last, passed)
            passed = unsaid = 0
            if self._kept:
                self._kept += len(data) - end  # with the empty lines, which stand between quotes now
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
                # a quote that never closes, most likely: what follows is read as if it were not open
                pending, pending_bytes, parity = [data[end:]], len(data) - end, 0
        if pending:
            yield b"".join(pending), False, True

    def _take_kept(self, data: bytes) -> tuple[list[bytes], int, int]:
        kept, self._kept = self._kept, 0
        return ([data[-kept:]], kept, 1) if kept else ([], 0, 0)

    def _chunks(self, size: int) -> Iterator[bytes]:
        """What is left of the stream in pieces of `size` bytes, the last one shorter."""
        ahead, self._rest = self._rest, b""
        for start in range(0, len(ahead), size):
            chunk = ahead[start : start + size]
            yield chunk if len(chunk) == size else chunk + self._read(size - len(chunk))
        while chunk := self._read(size):
            yield chunk

    def _last_record_end(self, chunk: bytes, parity: int) -> int:
        """Where the last record that ends in the chunk ends; 0 if none does. `parity` is of the quotes before it."""
        end = chunk.rfind(b"\n") + 1
        if not end or not self._quote:
            return end
        if not (count_byte(chunk[:end], self._quote) + parity) & 1:
            return end
        # Rare: the last line break stands in a quoted field. Vectorised, or a file made for it would take hours.
        import numpy as np  # noqa: PLC0415 - see count_byte

        values = np.frombuffer(chunk, np.uint8)
        line_ends = np.flatnonzero(values == ord("\n"))
        quotes_before = np.searchsorted(np.flatnonzero(values == self._quote[0]), line_ends)
        outside = line_ends[(quotes_before + parity) & 1 == 0]
        return int(outside[-1]) + 1 if len(outside) else 0


def check_length(block: Block, row: int) -> None:
    """Raises ImportFailed (record_too_long) where a line is too long to be read; `row` is its number."""
    if block.cut_off and b"\n" not in block.data:
        reason = f"the line is longer than {RECORD_BYTES:,} bytes"
        raise ImportFailed("record_too_long", reason, line=block.first_line, row=row)


def count_byte(data: bytes, byte: bytes) -> int:
    """`data.count(byte)` of one byte, but several times faster where there are many, and without holding the GIL."""
    # Here, because it starts threads when it is imported, and a worker forks after importing this module.
    import numpy as np  # noqa: PLC0415

    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte[0]))


def _without_blank_lines(data: bytes) -> int:
    """The length of the data without the empty lines at its end; 0 if there is nothing else."""
    begin = len(data.rstrip(b"\r\n"))
    ends = data[begin:]
    if ends.count(b"\r") != ends.count(b"\r\n"):  # one that stands alone is content
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
    """Where the first record begins that is not blank: after the lines of nothing but these bytes."""
    begin = len(records) - len(records.lstrip(b"\r\n" + blank))
    if too_wide and (wide := records.find(too_wide, 0, begin)) >= 0:
        begin = wide
    end = records.rfind(b"\n", 0, begin) + 1
    lines = records[:end]
    # a carriage return that does not end a line is content
    return end if b"\r" in blank or lines.count(b"\r") == lines.count(b"\r\n") else 0
