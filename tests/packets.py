"""Packets of the MySQL protocol, as far as a proxy must know them."""

from collections.abc import Iterator

COM_QUERY = 3
CLIENT_SSL = 0x0800


class Statements:
    """Splits what a MySQL client sends into its statements and the rest, which a bulk load's data are part of."""

    def __init__(self) -> None:
        self._held = b""  # the beginning of something that has not wholly come
        self._passing = 0  # bytes that are left of a packet which is no statement
        self._sequence = self._length = 0

    def split(self, data: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        """Pieces to send on, each with the statement that it is, or None."""
        data, self._held = self._held + data, b""
        begin = at = 0
        while at < len(data):
            if self._passing:
                step = min(self._passing, len(data) - at)
                self._passing -= step
                at += step
                continue
            if len(data) - at < 4:
                break
            length, sequence = int.from_bytes(data[at : at + 3], "little"), data[at + 3]
            # a bulk load's packets count on, and begin anew after 255; an empty one is its last
            command = sequence == 0 and not (self._sequence == 255 and self._length)
            if command and len(data) - at < 4 + min(length, 1):
                break
            if command and length and data[at + 4] == COM_QUERY:
                if len(data) - at < 4 + length:
                    break
                if begin < at:
                    yield data[begin:at], None
                begin, at = at, at + 4 + length
                self._sequence, self._length = sequence, length
                yield data[begin:at], data[begin + 5 : at]
                begin = at
                continue
            self._passing = 4 + length
            self._sequence, self._length = sequence, length
        self._held = data[at:]
        if begin < at:
            yield data[begin:at], None


def without_tls(greeting: bytes) -> bytes:
    """A server's greeting (protocol 10) without the flag that it can TLS."""
    if greeting[4] != 10:
        return greeting  # a refusal
    at = greeting.index(b"\0", 5) + 1 + 4 + 8 + 1  # version, thread, the password's salt, a filler
    flags = int.from_bytes(greeting[at : at + 2], "little") & ~CLIENT_SSL
    return greeting[:at] + flags.to_bytes(2, "little") + greeting[at + 2 :]
