"""Templates in the database: each version is a row that never changes."""

from typing import Any

from sqlalchemy import CHAR, JSON, Column, Connection, Integer, Row, Select, String, Table, func, insert, select, update
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.exc import IntegrityError

from app.db.imports.transitions import NOW
from app.db.schema import OPTIONS, metadata
from app.domain.audit.actor import name_actor
from app.domain.template import Template

templates = Table(
    "backout_templates",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String(64), nullable=False),
    Column("options", JSON, nullable=False),
    Column("header", CHAR(32)),
    Column("made_from", CHAR(36)),
    Column("created_at", DATETIME(fsp=6), nullable=False),
    Column("deleted_at", DATETIME(fsp=6)),  # its number is never given again: imports name the version that they used
    Column("created_by", String(64)),
    **OPTIONS,
)

_deleted = templates.c.deleted_at.is_not(None)


def find_template(connection: Connection, name: str, version: int | None = None) -> Template | None:
    """One version, or the latest; None if there is none."""
    query = select(templates).where(templates.c.name == name, ~_deleted)
    query = query.order_by(templates.c.version.desc()).limit(1)
    if version is not None:
        query = query.where(templates.c.version == version)
    row = connection.execute(query).first()
    return None if row is None else _template(row)


def count_versions(connection: Connection, name: str) -> int:
    """The highest version that this name ever had, deleted ones included; 0 if none."""
    query = select(func.max(templates.c.version)).where(templates.c.name == name)
    return connection.execute(query).scalar() or 0


def list_templates(connection: Connection) -> list[Template]:
    """The latest version of each template, by name."""
    query = _latest().order_by(templates.c.name)
    return [_template(row) for row in connection.execute(query)]


def list_by_header(connection: Connection, header: str) -> list[Template]:
    """The templates whose latest version is for files with this header, the newest first."""
    query = _latest().where(templates.c.header == header).order_by(templates.c.created_at.desc(), templates.c.name)
    return [_template(row) for row in connection.execute(query)]


def insert_template(connection: Connection, template: Template) -> bool:
    """Save one version; False where another request has saved a version of this number meanwhile."""
    values = {
        "name": template.name,
        "version": template.version,
        "dataset": template.dataset,
        "options": dict(template.options),
        "header": template.header,
        "made_from": template.made_from,
        "created_by": name_actor(),
    }
    try:
        connection.execute(insert(templates).values(created_at=NOW, **values))
    except IntegrityError:
        return False
    return True


def delete_template(connection: Connection, name: str) -> int:
    """Mark all versions as deleted; returns how many there were. They stay for the numbers of later ones."""
    query = update(templates).where(templates.c.name == name, ~_deleted).values(deleted_at=NOW)
    return connection.execute(query).rowcount


def _latest() -> Select[Any]:
    newest = select(templates.c.name, func.max(templates.c.version).label("version"))
    latest = newest.where(~_deleted).group_by(templates.c.name).subquery()
    return select(templates).join(
        latest, (latest.c.name == templates.c.name) & (latest.c.version == templates.c.version)
    )


def _template(row: Row[Any]) -> Template:
    return Template(
        name=row.name,
        version=row.version,
        dataset=row.dataset,
        options={str(name): str(text) for name, text in row.options.items()},
        header=row.header,
        made_from=row.made_from,
        created_at=row.created_at,
        created_by=row.created_by,
    )
