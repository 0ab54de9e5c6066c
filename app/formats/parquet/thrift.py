"""Thrift's compact protocol, as far as a Parquet file's footer needs it. Encoding decoded values gives the same bytes.

A struct is a dict of field numbers to `(type, value)`, a list is `(type of its elements, elements)`. A boolean field's
value is its type.
"""

import struct
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
_MAX_DEPTH = 32
_VARINT_BITS = 70

Field = tuple[int, Any]
Struct = dict[int, Field]


class Damaged(ValueError):
    """The bytes are not valid in this protocol."""


class TooMany(ValueError):
    """A list is longer than allowed."""


class Decoder:
    """Decodes values from bytes. Raises Damaged for invalid bytes, and TooMany."""

    def __init__(self, data: bytes, max_elements: int | None = None) -> None:
        """`max_elements` is how many elements a list may have."""
        self._data = data
        self._most_elements = len(data) if max_elements is None else max_elements
        self._at = 0
        self._depth = 0

    @property
    def position(self) -> int:
        """How many bytes have been taken."""
        return self._at

    def take_struct(self, until: int | None = None) -> Struct:
        """The fields of a struct; with `until`, those up to and including this number."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Damaged("its values are nested too deep")
        found: Struct = {}
        number = 0
        while head := self._byte():
            type, step = head & 15, head >> 4
            number = number + step if step else self._number()
            if number in found:  # readers disagree on which one counts
                raise Damaged("a field is repeated")
            found[number] = (type, None if type in (TRUE, FALSE) else self._value(type))
            if number == until:
                break
        self._depth -= 1
        return found

    def _value(self, type: int) -> Any:
        if type == STRUCT:
            return self.take_struct()
        if type in (I16, I32, I64):
            return self._number()
        if type == BINARY:
            return self._bytes(self._varint())
        if type in (LIST, SET):
            return self._list()
        if type in (TRUE, FALSE, BYTE):
            return self._byte()
        if type == DOUBLE:
            return self._bytes(8)
        if type == UUID:
            return self._bytes(16)
        raise Damaged(f"a value has the unknown type {type}")  # or is a map, which Parquet has not

    def _list(self) -> tuple[int, list[Any]]:
        head = self._byte()
        size, type = head >> 4, head & 15
        if size == 15:
            size = self._varint()
        if size > len(self._data) - self._at:  # each element has a byte at least
            raise Damaged("a list ends beyond the footer")
        if size > self._most_elements:
            raise TooMany(f"a list has {size:,} elements")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Damaged("its values are nested too deep")
        values = [self._value(type) for _ in range(size)]
        self._depth -= 1
        return type, values

    def _byte(self) -> int:
        at = self._at
        if at >= len(self._data):
            raise Damaged("a value ends beyond the footer")
        self._at = at + 1
        return self._data[at]

    def _bytes(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise Damaged("a value ends beyond the footer")
        self._at += size
        return found

    def _varint(self) -> int:
        number = 0
        for shift in range(0, _VARINT_BITS, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise Damaged("a number is too long")

    def _number(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)


def encode(fields: Struct) -> bytes:
    """The struct as bytes."""
    out = bytearray()
    _put_struct(out, fields)
    return bytes(out)


def _put_struct(out: bytearray, fields: Struct) -> None:
    before = 0
    for number, (type, value) in sorted(fields.items()):
        step = number - before
        if 0 < step < 16:
            out.append(step << 4 | type)
        else:
            out.append(type)
            _put_number(out, number)
        before = number
        if type not in (TRUE, FALSE):
            _put(out, type, value)
    out.append(0)


def _put(out: bytearray, type: int, value: Any) -> None:
    if type == STRUCT:
        _put_struct(out, value)
    elif type in (I16, I32, I64):
        _put_number(out, value)
    elif type == BINARY:
        _put_varint(out, len(value))
        out += value
    elif type in (LIST, SET):
        of, values = value
        if len(values) < 15:
            out.append(len(values) << 4 | of)
        else:
            out.append(15 << 4 | of)
            _put_varint(out, len(values))
        for each in values:
            _put(out, of, each)
    elif type in (TRUE, FALSE, BYTE):
        out += struct.pack("B", value)
    else:
        out += value  # a double, a UUID


def _put_varint(out: bytearray, number: int) -> None:
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _put_number(out: bytearray, number: int) -> None:
    _put_varint(out, number << 1 if number >= 0 else ~(number << 1))
