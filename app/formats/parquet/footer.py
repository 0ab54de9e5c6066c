"""A Parquet file's footer: where it is, and its fields."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from app.domain.errors import ImportFailed
from app.formats.column_mapping import MAX_COLUMNS
from app.formats.parquet.thrift import BINARY, Damaged, Decoder, Field, Struct, TooMany
from app.formats.validate.columns import excerpt

MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_TAIL_BYTES = 8
_MAX_ELEMENTS = 4 * MAX_COLUMNS  # of the schema, in which a nested column has several
_SCHEMA_BYTES = 16 * 1024 * 1024  # the schema comes first
MAX_FOOTER_BYTES = 16 * 1024 * 1024  # of one that is parsed as a whole


@contextmanager
def structure_errors() -> Iterator[None]:
    """Raises ImportFailed (damaged_parquet) if the code inside meets a footer without the expected structure."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise damaged("its footer is invalid") from error


def read_footer(file: IO[bytes]) -> tuple[int, Struct | None]:
    """Where the footer begins, and its content; None if it is larger than MAX_FOOTER_BYTES.

    Raises ImportFailed (damaged_parquet).
    """
    begin, length = _locate_footer(file)
    if length > MAX_FOOTER_BYTES:
        return begin, None
    file.seek(begin)
    return begin, _decoded(file.read(length))


def read_elements(file: IO[bytes]) -> list[Struct]:
    """The elements of the schema, without its root. Raises ImportFailed (damaged_parquet, too_many_columns)."""
    begin, length = _locate_footer(file)
    file.seek(begin)
    return list_of(_decoded(file.read(min(length, _SCHEMA_BYTES)), until=2), 2)[1:]


def _locate_footer(file: IO[bytes]) -> tuple[int, int]:
    """Where the footer begins, and its length in bytes."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    if tail.endswith(_ENCRYPTED):
        raise damaged("it is encrypted; write it without encryption")
    length = int.from_bytes(tail[:4], "little")
    begin = size - _TAIL_BYTES - length
    if not tail.endswith(MAGIC) or begin < len(MAGIC):
        raise damaged("it does not end with a footer")
    return begin, length


def _decoded(data: bytes, until: int | None = None) -> Struct:
    try:
        return Decoder(data, _MAX_ELEMENTS if until else None).take_struct(until)
    except TooMany:
        raise ImportFailed("too_many_columns", f"the file has more than {MAX_COLUMNS:,} columns") from None
    except Damaged as error:
        raise damaged(f"its footer is invalid: {error}") from error


def field_of(fields: Struct, number: int, default: Any = None) -> Any:
    found: Field | None = fields.get(number)
    return default if found is None or found[1] is None else found[1]


def list_of(fields: Struct, number: int) -> list[Struct]:
    found: list[Struct] = field_of(fields, number, (BINARY, []))[1]
    return found


def damaged(why: str) -> ImportFailed:
    """The error for a file that is not valid Parquet."""
    return ImportFailed(
        "damaged_parquet", f"the Parquet file is damaged or cut off: {excerpt(why.partition(chr(10))[0])}"
    )
