"""What polars raises, as a failure of the import that people understand."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.domain.errors import ImportFailed
from app.formats.parquet.footer import damaged

_UNSUPPORTED = re.compile("not (?:yet )?(?:supported|implemented)|unsupported|nyi", re.IGNORECASE)
_ENCODING = re.compile('"([A-Za-z0-9]+)"-encoded')
_SURPRISED = "its content does not match its footer, or uses an unknown feature; write it with another program"


@contextmanager
def polars_errors(look: Callable[[], None] | None = None) -> Iterator[None]:
    """Converts errors of polars to ImportFailed. It panics on unexpected content, such as a date far away; `look` may
    raise a more exact error."""
    from polars.exceptions import PanicException, PolarsError  # noqa: PLC0415 — importing it starts threads

    try:
        yield
    except (PolarsError, PanicException, OSError, UnicodeError, ImportFailed) as error:
        if look is not None:
            with polars_errors():
                look()
        if isinstance(error, ImportFailed):
            raise
        if isinstance(error, PanicException):  # its text is of no help to anybody
            raise damaged(_SURPRISED) from error
        raise _failure(str(error)) from error


def _failure(text: str) -> ImportFailed:
    if not _UNSUPPORTED.search(text):
        return damaged(text.removeprefix("parquet: "))
    encoding = _ENCODING.search(text)
    what = f"the encoding {encoding[1]}" if encoding else "a part of Parquet"
    reason = f"the file uses {what} in a way that is not supported; write it with the defaults of its program"
    return ImportFailed("unsupported_parquet", reason)
