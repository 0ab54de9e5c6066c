"""The simplest web server that answers as ours does: an INSERT, its COMMIT and a confirmed publish; an UPDATE."""

from typing import Any
from uuid import uuid4

from flask import Flask

from benchmarks.bare.worker import INSERT, UPDATE, engine, hint

app = Flask("bare")


@app.get("/livez")
def live() -> dict[str, Any]:
    """That it is there."""
    return {"success": True}


@app.post("/insert/<int:rows>")
def insert(rows: int) -> dict[str, Any]:
    """One row and one message."""
    id = str(uuid4())
    with engine().begin() as connection:
        connection.execute(INSERT, {"id": id})
    hint.apply_async((id,), queue="bare.hints")
    return {"success": True, "message": f"{rows} rows", "task_id": id}


@app.post("/stop/<id>")
def stop(id: str) -> dict[str, Any]:
    """One row's state."""
    with engine().begin() as connection:
        changed = connection.execute(UPDATE, {"id": id}).rowcount
    return {"success": bool(changed), "task_id": id}
