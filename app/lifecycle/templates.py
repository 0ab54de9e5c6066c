"""Templates: save, find, list and delete import templates, and turn one into the options of an import."""

import json
from collections.abc import Mapping
from dataclasses import replace

from app.db import templates
from app.db.access import audit
from app.db.database import Database
from app.db.imports import queries
from app.domain.errors import BadRequest, ImportNotFound, TemplateNotFound
from app.domain.requests.policy import NAMES as POLICY_NAMES, OnError, parse_policy
from app.domain.template import JSON_OPTIONS, NOT_IN_TEMPLATES, Template, is_name, parse_name, parse_reference, refuse
from app.formats.options import NAMES, parse_options

OPTION_NAMES = tuple(name for name in (*NAMES, *POLICY_NAMES) if name not in NOT_IN_TEMPLATES)
MAX_OPTIONS_BYTES = 64 * 1024
MAX_SHOWN = 20  # names in a message
TRIES = 5  # requests that save the same name at once number their versions one after the other


def save_template(
    database: Database, name: str, dataset: str, options: Mapping[str, str], header: str | None = None
) -> tuple[Template, bool]:
    """Save a template; returns it, and whether this made a new version. The same content again makes none.

    `options` are those of an import, as texts. Raises `InvalidContent`, which names the option, `BadRequest`, and
    `DatabaseUnavailable`. The dataset need not exist yet.
    """
    return _save(database, _checked(name, dataset, options, header, None))


def save_from_import(database: Database, name: str, id: str) -> tuple[Template, bool]:
    """`save_template` with what the client of an import said of its file, and its header. Raises `ImportNotFound`, and
    `InvalidContent` for an import of generated rows."""
    with database.begin() as connection:
        row = queries.find_import(connection, id)
    if row is None:
        raise ImportNotFound(f"there is no import {id}", import_id=id)
    if row.source.generate is not None:
        raise refuse("import", "this import has no file, so there is nothing to read by a template")
    options = {name: text for name, text in row.source.given.items() if name in OPTION_NAMES}
    return _save(database, _checked(name, row.dataset, options, row.source.header, row.id))


def find_template(database: Database, name: str, version: int | None = None) -> Template:
    """One version, or the latest. Raises `TemplateNotFound`, which names the templates that there are."""
    with database.begin() as connection:
        found = templates.find_template(connection, name, version) if is_name(name) else None
        if found is not None:
            return found
        latest = templates.find_template(connection, name) if is_name(name) else None
        raise _not_found(name, version, latest, templates.list_templates(connection))


def list_templates(database: Database) -> list[Template]:
    """The latest version of each, by name."""
    with database.begin() as connection:
        return templates.list_templates(connection)


def list_matching(database: Database, header: str | None) -> list[Template]:
    """The templates for files with this header (`fingerprint`), the newest first."""
    if header is None:
        return []
    with database.begin() as connection:
        return templates.list_by_header(connection, header)


def delete_template(database: Database, name: str) -> None:
    """Delete all versions; imports that used them keep what they did. Raises `TemplateNotFound`."""
    with database.begin() as connection:
        # the database takes blanks at the end of a name for nothing
        if not is_name(name) or not templates.delete_template(connection, name):
            raise _not_found(name, None, None, templates.list_templates(connection))
        audit.record(connection, name)


def expand(database: Database, said: Mapping[str, str]) -> dict[str, str]:
    """An import's options with those of its `template` filled in: an option that the client said replaces that of the
    template. `template` becomes the version that was used.

    Raises `InvalidContent` for a name that can't be one, or if the client says another dataset than the template's,
    and `TemplateNotFound`.
    """
    if "template" not in said:
        return dict(said)
    name, version = parse_reference(said["template"])
    found = find_template(database, name, version)
    if said.get("dataset", found.dataset) != found.dataset:
        raise refuse(
            "dataset",
            f"template {name} is for the dataset {found.dataset}, not {said['dataset'][:80]}: leave dataset out, or"
            " leave template out",
        )
    filled = dict(found.options)
    if said.get("on_error", OnError.REJECT) != OnError.REJECT:
        filled.pop("max_rejects", None)  # it belongs to the template's on_error
    return {**filled, "dataset": found.dataset, **said, "template": found.reference}


def _checked(
    name: str, dataset: str, options: Mapping[str, str], header: str | None, made_from: str | None
) -> Template:
    parse_name(name)
    for option in options:
        if option in NOT_IN_TEMPLATES:
            raise refuse(option, f"{option} is said with each import, not in a template")
        if option not in OPTION_NAMES:
            raise refuse(option[:80], f"there is no option {option[:40]!r}; there are {', '.join(OPTION_NAMES)}")
    if len(json.dumps(dict(options))) > MAX_OPTIONS_BYTES:
        raise refuse("options", f"the options have more than {MAX_OPTIONS_BYTES:,} bytes; a template can't keep them")
    parse_options(options)
    parse_policy(options)
    return Template(
        name, 1, dataset, {option: _plain(option, text) for option, text in options.items()}, header, made_from
    )


def _plain(option: str, text: str) -> str:
    """The option in one spelling, if it holds JSON: saving the same again makes no new version."""
    if option not in JSON_OPTIONS or text.lstrip()[:1] not in ("{", "["):
        return text
    return json.dumps(json.loads(text), ensure_ascii=False)


def _not_found(name: str, version: int | None, latest: Template | None, there: list[Template]) -> TemplateNotFound:
    if latest is not None:
        reason = f"the template {latest.name} has no version {version}: the latest is {latest.version}"
    else:
        names = [template.name for template in there]
        more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
        known = f"there is: {', '.join(names[:MAX_SHOWN])}{more}" if names else "none has been saved yet"
        reason = f"there is no template {name[:80]!r}; {known}"
    return TemplateNotFound(reason, template=name[:80], errors=[{"field": "template", "reason": reason}])


def _save(database: Database, template: Template) -> tuple[Template, bool]:
    for _ in range(TRIES):
        with database.begin() as connection:
            latest = templates.find_template(connection, template.name)
            last = templates.count_versions(connection, template.name)
        if latest is not None and latest.same_content(template):
            return latest, False
        with database.begin() as connection:
            saved = templates.insert_template(connection, replace(template, version=last + 1))
            if saved:
                audit.record(connection, f"{template.name}@{last + 1}")
        if saved:
            return find_template(database, template.name, last + 1), True
    raise BadRequest(f"other requests save the template {template.name} at the same time: try again")
