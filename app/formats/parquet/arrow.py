"""What Arrow keeps of a Parquet file's types: of lengths of time nothing else says that they are no numbers."""

import base64
import struct

_SCHEMA, _FIELDS = 2, 1  # of a message its header, of a schema its fields: places in their tables
_NAME, _TYPE = 0, 2  # of a field
_DURATION = 18
_MARK = b"\xff\xff\xff\xff"


def find_durations(schema: bytes) -> set[str]:
    """The names of the columns that are lengths of time, by Arrow's schema in base64; none where it can't be read."""
    try:
        data = base64.b64decode(schema, validate=True)
        return _durations(data[8:] if data.startswith(_MARK) else data[4:])
    except (ValueError, struct.error, IndexError, RecursionError):
        return set()


def _durations(data: bytes) -> set[str]:
    message = _follow(data, 0)
    at = _field(data, _follow(data, _field(data, message, _SCHEMA)), _FIELDS)
    if not at:
        return set()
    vector = _follow(data, at)
    (size,) = struct.unpack_from("<I", data, vector)
    found = set()
    for number in range(min(size, len(data))):
        table = _follow(data, vector + 4 + 4 * number)
        kind = _field(data, table, _TYPE)
        name = _field(data, table, _NAME)
        if kind and name and data[kind] == _DURATION:
            begin = _follow(data, name)
            (length,) = struct.unpack_from("<I", data, begin)
            found.add(data[begin + 4 : begin + 4 + length].decode("utf-8", "surrogateescape"))
    return found


def _follow(data: bytes, at: int) -> int:
    """Where the offset points that stands there."""
    (offset,) = struct.unpack_from("<I", data, at)
    return at + int(offset)


def _field(data: bytes, table: int, number: int) -> int:
    """Where a table's field stands; 0 where it is left out."""
    (back,) = struct.unpack_from("<i", data, table)
    sizes = table - back
    (size,) = struct.unpack_from("<H", data, sizes)
    at = 4 + 2 * number
    if at >= size:
        return 0
    (offset,) = struct.unpack_from("<H", data, sizes + at)
    return table + int(offset) if offset else 0
