"""A stream of bytes cut into blocks of whole records, each with the line it begins on."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.errors import ImportFailed
from app.formats.compressed import Readable

BOM = b"\xef\xbb\xbf"
HEADER_BYTES = 1024 * 1024
RECORD_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Block:
    """Whole records. Only the file's last record may lack its line end.

    `cut_off` marks a record that is longer than is read: the block ends somewhere in it, behind a line end if it has
    one. Nothing follows a block that is the `last`. `source_bytes` is how far the file had been read.
    """

    data: bytes
    first_line: int
    source_bytes: int
    cut_off: bool = False
    last: bool = False


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

    def rows_follow(self) -> bool:
        """Whether anything but line ends comes next, as far as the next 1 MiB tell (True if they don't)."""
        return bool(self._rest.strip(b"\r\n")) or not self._only_line_ends_follow()

    def _only_line_ends_follow(self) -> bool:
        while len(self._rest) < HEADER_BYTES:
            more = self._read(HEADER_BYTES)
            if not more:
                return True
            self._rest += more
            if more.strip(b"\r\n"):
                return False
        return False

    def keep(self, size: int) -> None:
        """Let the next block begin with the last `size` bytes of this one: a quote opens there that does not close. It
        takes a quote in the wrong place, before them, to cut a record."""
        self._kept = size

    def blocks(self, size: int) -> Iterator[Block]:
        """Blocks of about `size` bytes. Line ends after the last record are dropped; elsewhere an empty line stays.

        A record beyond 16 MiB makes a block that is `cut_off`; a line beyond that is the last one.
        """
        blank_line: int | None = None  # where the empty lines began that end all that was read so far
        for data, cut_off, last in self._whole_records(size):
            first_line = self._line
            self._line += count_byte(data, b"\n")
            end = _without_blank_lines(data)
            if end == 0:
                blank_line = blank_line or first_line
                continue
            records = data if end == len(data) else data[:end]
            blank_from = None if end == len(data) else first_line + records.count(b"\n")
            if blank_line is not None:
                # something follows, so the empty lines were records, and the parser refuses each
                while first_line - blank_line > size:
                    yield Block(b"\n" * size, blank_line, self._source.position)
                    blank_line += size
                records, first_line = b"\n" * (first_line - blank_line) + records, blank_line
            blank_line = blank_from
            yield Block(records, first_line, self._source.position, cut_off, last)
            if self._kept:
                self._kept += len(data) - end  # with the empty lines, which stand between quotes now
                self._line -= count_byte(data[-self._kept :], b"\n")
                blank_line = None

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


def count_byte(data: bytes, byte: bytes) -> int:
    """`data.count(byte)` of one byte, but several times faster where there are many, and without holding the GIL."""
    # Here, because it starts threads when it is imported, and a worker forks after importing this module.
    import numpy as np  # noqa: PLC0415

    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte[0]))


def _without_blank_lines(data: bytes) -> int:
    """The length of the data without the empty lines at its end; 0 if there is nothing else."""
    end = len(data)
    while True:
        if data.endswith(b"\n\n", 0, end):
            end -= 1
        elif data.endswith(b"\n\r\n", 0, end):
            end -= 2
        else:
            return 0 if data[:end] in (b"\n", b"\r\n") else end
