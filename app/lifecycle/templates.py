"""Templates: save, find, list and delete import templates, and turn one into the options of an import."""

import json
from collections.abc import Mapping
from typing import Any

from app.db import templates
from app.db.database import Database
from app.db.imports import queries
from app.domain.errors import BadRequest, ImportNotFound, TemplateNotFound
from app.domain.policy import NAMES as POLICY_NAMES, parse_policy
from app.domain.template import NOT_IN_TEMPLATES, Template, parse_name, parse_reference, refuse
from app.formats.options import NAMES, parse_options

OPTION_NAMES = tuple(name for name in (*NAMES, *POLICY_NAMES) if name not in NOT_IN_TEMPLATES)
MAX_OPTIONS_BYTES = 256 * 1024
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
    options = {name: text for name, text in row.source.said.items() if name in OPTION_NAMES}
    return _save(database, _checked(name, row.dataset, options, row.source.header, row.id))


def find_template(database: Database, name: str, version: int | None = None) -> Template:
    """One version, or the latest. Raises `TemplateNotFound`."""
    with database.begin() as connection:
        found = templates.find_template(connection, name, version)
    if found is None:
        which = f"template {name[:80]!r}" if version is None else f"version {version} of the template {name[:80]!r}"
        raise TemplateNotFound(f"there is no {which}: GET /v1/templates lists all", template=name[:80])
    return found


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
        deleted = templates.delete_template(connection, name)
    if not deleted:
        raise TemplateNotFound(f"there is no template {name[:80]!r}", template=name[:80])


def expand(database: Database, said: Mapping[str, str]) -> dict[str, str]:
    """An import's options with those of its `template` filled in: what the client said itself wins. `template` becomes
    the version that was used.

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
    own = {name: text for name, text in said.items() if name != "template"}
    return {**found.options, "dataset": found.dataset, **own, "template": found.reference}


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
        raise BadRequest(f"the options have more than {MAX_OPTIONS_BYTES:,} bytes", errors=[{"field": "options"}])
    parse_options(options)
    parse_policy(options)
    return Template(name, 1, dataset, dict(options), header, made_from)


def _save(database: Database, template: Template) -> tuple[Template, bool]:
    for _ in range(TRIES):
        with database.begin() as connection:
            latest = templates.find_template(connection, template.name)
        if latest is not None and latest.same_content(template):
            return latest, False
        version = 1 if latest is None else latest.version + 1
        numbered: Any = Template(
            template.name, version, template.dataset, template.options, template.header, template.made_from
        )
        with database.begin() as connection:
            saved = templates.insert_template(connection, numbered)
        if saved:
            return find_template(database, template.name, version), True
    raise BadRequest(f"others save the template {template.name} at the same time: try again")
