"""A stream of bytes cut into blocks of whole records, each with the line it begins on."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.errors import ImportFailed
from app.formats.compressed import Source

BOM = b"\xef\xbb\xbf"
HEADER_BYTES = 1024 * 1024
RECORD_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Block:
    """Whole records. Only the file's last record may lack its line end.

    `cut_off` marks a record that is longer than is read: the block holds its beginning. `source_bytes` is how far
    the file had been read.
    """

    data: bytes
    first_line: int
    source_bytes: int
    cut_off: bool = False


class BlockCutter:
    """Cuts blocks. With `quotes`, a line break between double quotes does not end a record."""

    def __init__(self, source: Source, *, quotes: bool) -> None:
        self._source = source
        self._quotes = quotes
        self._line = 1
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

    def header(self) -> Block:
        """The first record without its line end; to be called before `blocks`.

        Raises ImportFailed (empty_file, header_too_long).
        """
        data, searched, parity = self._rest, 0, 0
        while True:
            end = data.find(b"\n", searched)
            while end >= 0:
                parity ^= data.count(b'"', searched, end) & 1
                searched = end + 1
                if not parity:
                    break
                end = data.find(b"\n", searched)
            if end >= 0 or len(data) > HEADER_BYTES:
                break
            parity ^= data.count(b'"', searched) & 1
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
                line=1,
            )
        self._rest = data[end + 1 :]
        record = data[:end].removesuffix(b"\r")
        if not record and not self._rest.strip(b"\r\n") and self._only_line_ends_follow():
            raise ImportFailed("empty_file", "the file is empty")
        self._line += data.count(b"\n", 0, end + 1)
        return Block(record, 1, self._source.position)

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

    def blocks(self, size: int) -> Iterator[Block]:
        """Blocks of about `size` bytes. Line ends after the last record are dropped; elsewhere an empty line stays.

        A record beyond 16 MiB ends the blocks with one that is `cut_off`.
        """
        blank_line: int | None = None  # where the empty lines began that end all that was read so far
        for data, cut_off in self._whole_records(size):
            first_line = self._line
            self._line += _count(data, b"\n")
            end = _without_blank_lines(data)
            if end == 0:
                blank_line = blank_line or first_line
                continue
            records = data if end == len(data) else data[:end]
            blank_from = None if end == len(data) else first_line + records.count(b"\n")
            if blank_line is not None:
                # Something follows, so the empty lines were records: one is enough for the parser to refuse.
                records, first_line = b"\n" + records, blank_line
            blank_line = blank_from
            yield Block(records, first_line, self._source.position, cut_off)

    def _whole_records(self, size: int) -> Iterator[tuple[bytes, bool]]:
        pending: list[bytes] = []  # the beginning of a record that is not complete yet
        pending_bytes = parity = 0
        for chunk in self._chunks(size):
            # The last chunk is short, and its last record may lack the line end.
            end = self._last_record_end(chunk, parity) if len(chunk) == size else len(chunk)
            if end:
                yield b"".join((*pending, chunk[:end])), False
                pending, pending_bytes, parity = [], 0, 0
            rest = chunk[end:]
            if rest:
                pending.append(rest)
                pending_bytes += len(rest)
                parity ^= _count(rest, b'"') & 1 if self._quotes else 0
            if pending_bytes > RECORD_BYTES:
                yield b"".join(pending), True
                return
        if pending:
            yield b"".join(pending), False

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
        if not end or not self._quotes:
            return end
        if not (_count(chunk[:end], b'"') + parity) & 1:
            return end
        # Rare: the last line break stands in a quoted field. Vectorised, or a file made for it would take hours.
        import numpy as np  # noqa: PLC0415 - see _count

        values = np.frombuffer(chunk, np.uint8)
        line_ends = np.flatnonzero(values == ord("\n"))
        quotes_before = np.searchsorted(np.flatnonzero(values == ord('"')), line_ends)
        outside = line_ends[(quotes_before + parity) & 1 == 0]
        return int(outside[-1]) + 1 if len(outside) else 0


def _count(data: bytes, byte: bytes) -> int:
    """`data.count(byte)`, but several times faster where there are many, and without holding the GIL."""
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
