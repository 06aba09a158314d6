"""When each line of a recording's words begins to be said."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012_line_starts"
down_revision = "0011_waiting"
phase = "expand"

Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Add the column; what was read before, or is read by an older version, has no times."""
    op.add_column("media", sa.Column("line_starts", Document))
