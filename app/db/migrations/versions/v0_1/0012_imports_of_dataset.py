"""An index for the last imports of a dataset: without it a look at them reads the whole history."""

from alembic import op
from sqlalchemy import inspect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    if "imports_of_dataset" not in {index["name"] for index in inspect(op.get_bind()).get_indexes("imports")}:
        op.create_index("imports_of_dataset", "imports", ["dataset", "number"])
