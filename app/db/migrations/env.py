"""Alembic's entry: runs the migrations on the connection it is handed."""

from alembic import context

from app.db.access import tables  # noqa: F401 — they are in the metadata as soon as they are imported
from app.db.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
