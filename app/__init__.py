"""Backout: bulk imports into MySQL and MariaDB that you can back out of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # an import of one part must not import the whole: the command line starts in a blink
    from flask import Flask

    from app.config import Settings


def create_app(settings: Settings) -> Flask:
    """The web application, wired: the only place that knows all of its parts."""
    from flask import Flask  # noqa: PLC0415

    from app.handling.extension import HandlingExtension  # noqa: PLC0415 — importing a part must not import the whole
    from app.lifecycle.change_feed import ChangeFeed  # noqa: PLC0415
    from app.lifecycle.imports.row_counter import RowCounter  # noqa: PLC0415
    from app.lifecycle.services import open_services  # noqa: PLC0415
    from app.logs import configure_logs  # noqa: PLC0415
    from app.routes import auth, problems  # noqa: PLC0415

    configure_logs(settings.log_level)
    app = Flask("app")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["backout"] = services = open_services(settings, pool_size=32, extensions=(HandlingExtension(),))
    app.extensions["backout_watch"] = ChangeFeed(services)
    app.extensions["backout_counter"] = RowCounter(services.database)
    auth.register_guards(app, settings)
    problems.register_problems(app)
    add_routes(app, handling=settings.handling, oidc=settings.oidc_issuer is not None)
    return app


def add_routes(app: Flask, *, handling: bool = True, oidc: bool = False) -> None:
    """What can be asked; enough for the document of the interface."""
    from app.routes import audit, erasures, legacy, sessions  # noqa: PLC0415
    from app.routes.api import (  # noqa: PLC0415
        access,
        datasets,
        events,
        health,
        imports as imports_api,
        metrics,
        orders as orders_api,
        pauses,
        previews,
        retries,
        reverts,
        templates,
    )
    from app.routes.openapi import document  # noqa: PLC0415
    from app.routes.pages import access as access_page, audit as audit_page, imports as imports_page, rows  # noqa: PLC0415

    for part in (
        access,
        access_page,
        audit,
        audit_page,
        erasures,
        legacy,
        imports_api,
        datasets,
        previews,
        events,
        health,
        metrics,
        document,
        orders_api,
        pauses,
        imports_page,
        retries,
        reverts,
        rows,
        sessions,
        templates,
    ):
        app.register_blueprint(part.blueprint)
    if handling:
        from app.routes.api import handlings  # noqa: PLC0415 — its packages are installed where it is used
        from app.routes.pages import orders as orders_page  # noqa: PLC0415 — its packages are installed where it is used

        for part in (handlings, orders_page):
            app.register_blueprint(part.blueprint)
    if oidc:
        from app.routes import oidc as oidc_routes  # noqa: PLC0415 — its packages are installed where it is used

        app.register_blueprint(oidc_routes.blueprint)
