"""The page: the latest imports, drawn by the server."""

from flask import render_template

from app.domain.dataset import ORDERS
from app.lifecycle import observe
from app.routes import site
from app.routes.shapes import show_import

SHOWN = 50


def show_imports() -> str:
    """The latest imports and how many orders there are."""
    rows = observe.list_imports(site(), states=(), dataset=None, before=None, limit=SHOWN)
    return render_template(
        "imports.html", imports=[show_import(row) for row in rows], count=observe.count_rows(site(), ORDERS)
    )
