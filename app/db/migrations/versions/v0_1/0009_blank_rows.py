"""How many blank rows an import passed over."""

from alembic import op
from sqlalchemy import Column, inspect
from sqlalchemy.dialects.mysql import BIGINT

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # DDL commits implicitly: a migration that was cut off must be able to run again
    if "rows_blank" not in {column["name"] for column in inspect(op.get_bind()).get_columns("imports")}:
        op.add_column("imports", Column("rows_blank", BIGINT(unsigned=True), nullable=False, server_default="0"))
