"""Exit codes of the commands, and the JSON documents of errors."""

from enum import IntEnum
from typing import Any

from backout.client import (
    BackoutError,
    Import,
    InvalidRequest,
    NotAllowed,
    Refused,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from backout.client.states import State

FILE_FIELDS = frozenset({"file", "generate"})


class Exit(IntEnum):
    """The exit codes. `FAILED` also means not found, and a file that the server refused."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REJECTS = 3
    NOT_ALLOWED = 4
    STOPPED = 5
    WAITED = 6
    UNREACHABLE = 7
    CHANGED = 8
    INTERRUPTED = 130


class Interrupted(BackoutError):
    """Ctrl-C: the message says what happens to the import, `last` is the import as it was last seen."""

    def __init__(self, message: str, last: Import | None = None) -> None:
        super().__init__(message)
        self.last = last


def code_of_import(found: Import) -> Exit:
    """The exit code of a command that waited for this import's end."""
    if found.is_done:
        return Exit.REJECTS if found.rows_rejected else Exit.DONE
    return Exit.STOPPED if found.state == State.STOPPED else Exit.FAILED


def code_of_error(error: BackoutError) -> Exit:
    """The exit code of an error."""
    match error:
        case Unreachable() | Unavailable():
            return Exit.UNREACHABLE
        case WaitTimeout():
            return Exit.WAITED
        case Interrupted():
            return Exit.INTERRUPTED
        case NotAllowed():
            return Exit.NOT_ALLOWED
        case InvalidRequest(kind="key-reused" | "not-revertible" | "reverted"):
            return Exit.NOT_ALLOWED
        case InvalidRequest(status=400):
            return Exit.USAGE
        case InvalidRequest():
            named = {field.get("field") for field in error.fields}
            return Exit.USAGE if named and not named & FILE_FIELDS else Exit.FAILED
    return Exit.FAILED


def show_error(error: BackoutError) -> dict[str, Any]:
    """The JSON document of an error: always with the same keys."""
    refused = error if isinstance(error, Refused) else None
    last = error.last if isinstance(error, WaitTimeout | Interrupted) else None
    kind = refused.kind if refused else _kebab(type(error).__name__)
    import_id = refused.document.get("import_id") if refused else last.id if last else None
    document = show_failure(kind, error.message, code_of_error(error))
    document["error"] |= {
        "status": refused.status if refused else None,
        "request_id": refused.request_id if refused else None,
        "import_id": import_id,
        "fields": refused.fields if refused else [],
    }
    return document | {"import": last.document if last else None}


def show_failure(kind: str, message: str, code: Exit) -> dict[str, Any]:
    """The JSON document of an error without an answer of the server."""
    unknown: dict[str, Any] = {"status": None, "request_id": None, "import_id": None, "fields": []}
    return {"error": {"kind": kind, "message": message, **unknown}, "exit_code": int(code), "import": None}


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
