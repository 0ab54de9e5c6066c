"""Erase texts: what errors, timelines, names and reasons quote of a person."""

from collections.abc import Mapping
from typing import Any

from app.db.database import Connection
from app.db.erasures import history
from app.db.erasures.history import Told
from app.domain.requests.erasure import Person, Traces
from app.lifecycle.datasets.erasing.progress import Progress
from app.lifecycle.services import Services

PAGE = 200
QUOTED = ("reason", "message", "value")
INSTEAD = "what this said quoted a person's data, which was erased"


def erase_texts(services: Services, person: Person, progress: Progress, *, dry_run: bool) -> bool:
    """Go on until the texts of all imports were looked at (True), or the step is over."""
    traces, after = Traces(person), progress.at[0] if progress.at else 0
    while True:
        with services.database.begin() as connection:
            told = history.list_told(connection, person.dataset.name, after, PAGE)
            for one in told:
                _cover(connection, traces, one, progress, dry_run=dry_run)
            numbers = [one.number for one in told]
            _cover_details(connection, traces, numbers, progress, dry_run=dry_run)
            if not told:
                for name, options in history.list_templates(connection, person.dataset.name):
                    if traces.cover(options) is not options:
                        reason = f"a version of the template {name!r} has a value: save it anew under another name"
                        progress.leave("texts", f"{reason}, and delete it")
        if not told:
            return True
        after = numbers[-1]
        progress.at = [after]
        if progress.is_over:
            return False


def cover_error(error: Mapping[str, Any]) -> dict[str, Any]:
    """An import's error without what it quotes."""
    kept = {name: value for name, value in error.items() if name not in QUOTED}
    return kept | {"reason": INSTEAD, "message": INSTEAD}


def _cover(connection: Connection, traces: Traces, told: Told, progress: Progress, *, dry_run: bool) -> None:
    changed: dict[str, Any] = {}
    error, options, file_format = (told.texts[name] for name in ("error", "options", "file_format"))
    if error and any(traces.cover(error.get(name)) is not error.get(name) for name in QUOTED):
        changed["error"] = cover_error(error)
    for name in ("file_name", "request_id"):
        if told.texts[name] is not None and traces.are_in(told.texts[name]):
            changed[name] = traces.cover(told.texts[name])
    # only what is free text: what else they have, a program reads
    for name, document, parts in (("options", options, ("given",)), ("file_format", file_format, ("column_options",))):
        covered = {part: traces.cover(document[part]) for part in parts if document and part in document}
        if name == "options" and document and "revert" in document:
            covered["revert"] = _cover_revert(traces, document["revert"])
        if any(covered[part] is not document[part] for part in covered):
            changed[name] = {**document, **covered}
    if not changed:
        return
    progress.add("texts", len(changed), told.number)
    if not dry_run:
        history.note(connection, told.number, {"texts": len(changed)}, **changed)


def _cover_revert(traces: Traces, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    made = {name: traces.cover(asked[name]) for name in ("reason", "target_name") if name in asked}
    if "rows" in asked:
        equal = [[name, traces.cover(value)] for name, value in asked["rows"]["equal"]]
        if equal != [list(pair) for pair in asked["rows"]["equal"]]:
            made["rows"] = {**asked["rows"], "equal": equal}
    return {**asked, **made} if any(made[name] is not asked[name] for name in made) else asked


def _cover_details(
    connection: Connection, traces: Traces, numbers: list[int], progress: Progress, *, dry_run: bool
) -> None:
    if not numbers:
        return
    for number, sequence, detail in history.list_details(connection, numbers):
        if (covered := traces.cover(detail)) is not detail:
            progress.add("texts", 1, number)
            if not dry_run:
                history.set_detail(connection, number, sequence, covered)
    for number, client, key in history.list_keys(connection, numbers):
        if traces.are_in(key):
            progress.add("texts", 1, number)
            if not dry_run:
                history.delete_key(connection, client, key)
