"""Truncations: a dataset whose table is being emptied as a whole, and how many rows of which import that deletes."""

from alembic import op
from sqlalchemy import JSON, Column, inspect

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    if "truncation" not in {one["name"] for one in inspect(op.get_bind()).get_columns("datasets")}:
        op.add_column("datasets", Column("truncation", JSON))
